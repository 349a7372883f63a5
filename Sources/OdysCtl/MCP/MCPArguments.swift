internal import OdysCore
internal import OdysStore

/// Why a tool refuses a call.
enum MCPProblem: Error {
    case argument(String)
    case refusal(Refusal)

    /// The result of a call that ended with an error: a problem, or a failure of the database.
    static func content(of error: any Error) -> JSON {
        switch error {
        case MCPProblem.argument(let message): content(message, "invalid_arguments")
        case MCPProblem.refusal(let refusal): content(refusal.error, refusal.code).with(.object(refusal.members))
        case let error as StoreError where error.isUnavailability: content(of: MCPProblem.refusal(.unavailable))
        default: content(of: MCPProblem.refusal(.internalError))
        }
    }

    private static func content(_ error: String, _ code: String) -> JSON {
        ["success": .bool(false), "error": .string(error), "code": .string(code)]
    }
}

/// An argument of a tool; every one is a text.
struct MCPArgument {
    let name: String
    let description: String
    var choices: [String] = []
    var minimum = 1
    var isRequired = true

    /// Optional, for callers that know the platform's own tools, where it is required.
    static let professional = optional("professionalId", "Only the professional that this server acts for.")

    static func optional(_ name: String, _ description: String, minimum: Int = 1) -> MCPArgument {
        MCPArgument(name: name, description: description, minimum: minimum, isRequired: false)
    }

    static func schema(_ arguments: [MCPArgument]) -> JSON {
        let properties = arguments.map { argument in
            let schema: JSON = [
                "type": "string", "description": .string(argument.description), "minLength": .integer(argument.minimum),
            ]
            let choices = JSON(argument.choices, each: JSON.string)
            return JSON.Member(argument.name, argument.choices.isEmpty ? schema : schema.with(["enum": choices]))
        }
        return [
            "type": "object", "properties": .object(properties), "additionalProperties": .bool(false),
            "required": JSON(arguments.filter(\.isRequired)) { .string($0.name) },
        ]
    }

    /// Whether values match their schema, and mean the professional that this server acts for.
    static func check(_ values: JSON, _ arguments: [MCPArgument], of professional: String) throws(MCPProblem) {
        guard case .object(let members) = values else { throw .argument("arguments must be an object") }
        for member in members where !arguments.contains(where: { $0.name.hasSameBytes(as: member.name) }) {
            throw .argument("there is an argument too many")
        }
        for argument in arguments {
            switch values[argument.name] {
            case nil, .null: if argument.isRequired { throw .argument("\(argument.name) is missing") }
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
    }
}

extension JSON {
    /// The value of a member; nil also where it is null, which models and clients send for what they leave out.
    func given(_ name: String) -> JSON? { self[name].flatMap { $0 == .null ? nil : $0 } }

    /// What a stranger typed, cleaned as in messages: an assistant reads it, and takes a line of its own for ours.
    init(typed text: String, scalarsMax: Int = Limits.nameScalarsMax) {
        self = .string(TypedText.inline(text, scalarsMax: scalarsMax))
    }
}

/// JSON Schemas of results; `[:]` allows any value.
extension JSON {
    static let textType: JSON = ["type": "string"]
    static let integerType: JSON = ["type": "integer"]
    static let booleanType: JSON = ["type": "boolean"]

    static func list(_ members: KeyValuePairs<String, JSON>) -> JSON { ["type": "array", "items": schema(members)] }

    static func schema(_ members: KeyValuePairs<String, JSON>) -> JSON {
        [
            "type": "object", "properties": .object(members.map { Member($0.key, $0.value) }),
            "required": JSON(members) { .string($0.key) },
        ]
    }
}
