internal import OdysCore

/// A tool that a Model Context Protocol client may call.
struct MCPTool {
    let name: String
    /// As `tools/list` shows it.
    let json: JSON
    /// The result, or what a caller is told of an error.
    let call: (_ arguments: JSON) -> (content: JSON, isError: Bool)
}

/// The server's side of the Model Context Protocol: one line of JSON-RPC 2.0 in, at most one line out.
///
/// It speaks the current revision, in which every request carries its protocol version in `_meta` and nothing is
/// remembered, and the revisions before it, which begin with `initialize`. The revision 2025-03-26 is not offered: it
/// asks for batches, which no other has.
struct ModelContextProtocol {
    private static let current = "2026-07-28"
    private static let handshakes = ["2025-11-25", "2025-06-18", "2024-11-05"]
    private static let versionKey = "io.modelcontextprotocol/protocolVersion"
    private static let capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"

    let tools: [MCPTool]
    let instructions: String
    /// Whether `initialize` was answered. Requests of the current revision do without.
    private(set) var isInitialized = false

    /// A JSON-RPC error.
    private struct Failure: Error {
        let code: Int
        let message: String
        var data: JSON?

        static let notJSON = Failure(code: -32_700, message: "Parse error")
        static let notARequest = Failure(code: -32_600, message: "Invalid Request")
        static func parameters(_ message: String) -> Failure { Failure(code: -32_602, message: message) }
    }

    /// - Returns: the answer, or nil where none is due: to a notification, and to a response.
    mutating func answer(to line: [UInt8]) -> JSON? {
        guard let message = try? JSON(reading: line) else { return Self.refusal(.notJSON, id: .null) }
        guard message["jsonrpc"]?.string == "2.0", let method = message["method"]?.string else {
            // This server sends no requests, so it expects no responses.
            let isResponse = message["id"] != nil && (message["result"] != nil || message["error"] != nil)
            return isResponse ? nil : Self.refusal(.notARequest, id: .null)
        }
        guard let id = message["id"] else { return nil }
        switch id {
        case .string, .integer: break
        case .null, .bool, .number, .array, .object: return Self.refusal(.notARequest, id: .null)
        }
        do throws(Failure) {
            return ["jsonrpc": "2.0", "id": id, "result": try result(of: method, message.given("params") ?? [:])]
        } catch { return Self.refusal(error, id: id) }
    }

    private static func refusal(_ failure: Failure, id: JSON) -> JSON {
        let error: JSON = ["code": .integer(failure.code), "message": .string(failure.message)]
        return ["jsonrpc": "2.0", "id": id, "error": failure.data.map { error.with(["data": $0]) } ?? error]
    }

    private mutating func result(of method: String, _ parameters: JSON) throws(Failure) -> JSON {
        guard case .object = parameters else { throw .parameters("params must be an object") }
        if let version = parameters["_meta"]?.given(Self.versionKey) {
            return try currentResult(of: method, parameters, version)
        }
        switch method {
        case "initialize": return try initialize(parameters)
        case "ping": return [:]
        case "server/discover": throw .parameters("_meta lacks \(Self.versionKey)")
        case "tools/list", "tools/call":
            guard isInitialized else { throw Failure(code: -32_600, message: "initialize first") }
            return method == "tools/list" ? list : try call(parameters)
        default: throw Failure(code: -32_601, message: "Method not found")
        }
    }

    /// For the revision without a handshake.
    private func currentResult(of method: String, _ parameters: JSON, _ version: JSON) throws(Failure) -> JSON {
        guard let version = version.string, case .object = parameters["_meta"]?[Self.capabilitiesKey] else {
            throw .parameters("_meta needs \(Self.versionKey) and \(Self.capabilitiesKey)")
        }
        guard version == Self.current else {
            throw Failure(
                code: -32_022, message: "Unsupported protocol version",
                data: ["supported": Self.versions, "requested": .string(version)])
        }
        let result: JSON
        switch method {
        case "server/discover":
            let server: JSON = [
                "supportedVersions": Self.versions, "capabilities": Self.capabilities,
                "instructions": .string(instructions),
            ]
            result = server.with(Self.caching)
        case "tools/list": result = list.with(Self.caching)
        case "tools/call": result = try call(parameters)
        default: throw Failure(code: -32_601, message: "Method not found")
        }
        return result.with(["resultType": "complete", "_meta": ["io.modelcontextprotocol/serverInfo": Self.info]])
    }

    /// The list of tools does not change while the server runs, and depends on the professional.
    private static let caching: JSON = ["ttlMs": 3_600_000, "cacheScope": "private"]
    private static let versions = JSON([current] + handshakes, each: JSON.string)
    private static let capabilities: JSON = ["tools": [:]]
    private static let info: JSON = ["name": "odys", "title": "Odys", "version": .string(Product.version)]

    /// Answers with the client's version if it is supported, else with the newest that has a handshake.
    private mutating func initialize(_ parameters: JSON) throws(Failure) -> JSON {
        guard let wanted = parameters["protocolVersion"]?.string, case .object = parameters["capabilities"] else {
            throw .parameters("initialize needs protocolVersion and capabilities")
        }
        isInitialized = true
        return [
            "protocolVersion": .string(Self.handshakes.contains(wanted) ? wanted : Self.handshakes[0]),
            "capabilities": Self.capabilities, "serverInfo": Self.info, "instructions": .string(instructions),
        ]
    }

    private var list: JSON { ["tools": JSON(tools, each: \.json)] }

    private func call(_ parameters: JSON) throws(Failure) -> JSON {
        guard let name = parameters["name"]?.string, let tool = tools.first(where: { $0.name.hasSameBytes(as: name) })
        else { throw .parameters("Unknown tool") }
        let arguments = parameters.given("arguments") ?? [:]
        guard case .object = arguments else { throw .parameters("arguments must be an object") }
        let (content, isError) = tool.call(arguments)
        return [
            // For clients without structured content.
            "content": .array([["type": "text", "text": .string(content.shown)]]),
            "structuredContent": content, "isError": .bool(isError),
        ]
    }
}
