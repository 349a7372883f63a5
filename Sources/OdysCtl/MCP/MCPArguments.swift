internal import OdysCore

/// Why a tool has no result to give.
enum MCPProblem: Error {
    case argument(String)
    case refusal(Refusal)
    case store(StoreError)

    var content: JSON {
        switch self {
        case .argument(let message): Self.content(message, "invalid_arguments", [])
        case .refusal(let refusal): Self.content(refusal.error, refusal.code, refusal.members)
        case .store(let error):
            error.isUnavailability
                ? Self.content(Refusal.unavailable.error, Refusal.unavailable.code, [])
                : Self.content(Refusal.internalError.error, Refusal.internalError.code, [])
        }
    }

    private static func content(_ error: String, _ code: String, _ more: [JSON.Member]) -> JSON {
        .object(
            [.init("success", .bool(false)), .init("error", .string(error)), .init("code", .string(code))] + more)
    }
}

/// An argument of a tool; all are texts.
struct MCPArgument {
    let name: String
    let description: String
    var choices: [String] = []
    var minimum = 1
    var isRequired = true

    /// Optional, for callers that know the platform's own tools, where it is required.
    static let professional = MCPArgument(
        name: "professionalId", description: "Only the professional that this server acts for.", isRequired: false)

    static func schema(_ arguments: [MCPArgument]) -> JSON {
        let properties = arguments.map { argument in
            var members: [JSON.Member] = [
                .init("type", "string"), .init("description", .string(argument.description)),
                .init("minLength", .integer(argument.minimum)),
            ]
            if !argument.choices.isEmpty { members.append(.init("enum", .array(argument.choices.map(JSON.string)))) }
            return JSON.Member(argument.name, .object(members))
        }
        return [
            "type": "object", "properties": .object(properties), "additionalProperties": .bool(false),
            "required": .array(arguments.filter(\.isRequired).map { .string($0.name) }),
        ]
    }
}

/// MCPArguments that keep to their schema.
struct MCPArguments {
    private let values: JSON

    init(_ values: JSON, _ arguments: [MCPArgument], of professional: String) throws(MCPProblem) {
        guard case .object(let members) = values else { throw .argument("arguments must be an object") }
        for member in members where !arguments.contains(where: { $0.name.hasSameBytes(as: member.name) }) {
            throw .argument("there is an argument too many")
        }
        for argument in arguments {
            switch values[argument.name] {
            case nil:
                if argument.isRequired { throw .argument("\(argument.name) is missing") }
            case .string(let text):
                guard text.unicodeScalars.count >= argument.minimum,
                    argument.choices.isEmpty || argument.choices.contains(where: text.hasSameBytes)
                else { throw .argument("\(argument.name) is not a value of its schema") }
            case .some: throw .argument("\(argument.name) must be a text")
            }
        }
        if let claimed = values["professionalId"]?.string, AppointmentID(claimed)?.description != professional {
            throw .refusal(.forbidden)
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name]?.string }

    /// As the HTTP interface takes it.
    func reason() throws(MCPProblem) -> String? {
        guard let reason = ActionRequest.reason(in: values["reason"]) else {
            throw .refusal(.malformedBody)
        }
        return reason
    }
}

/// What a member of a result holds, for its schema.
enum MCPResultType {
    case text, number, flag, any
    case list([(String, MCPResultType)])

    var json: JSON {
        switch self {
        case .text: ["type": "string"]
        case .number: ["type": "integer"]
        case .flag: ["type": "boolean"]
        case .any: [:]
        case .list(let members): ["type": "array", "items": .schema(members)]
        }
    }
}

extension JSON {
    static func schema(_ members: [(String, MCPResultType)]) -> JSON {
        [
            "type": "object", "properties": .object(members.map { Member($0.0, $0.1.json) }),
            "required": .array(members.map { .string($0.0) }),
        ]
    }
}
