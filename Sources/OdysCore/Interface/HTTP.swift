/// One field of a request's or an answer's head.
public struct Header: Sendable, Equatable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A request, copied out of the web server's memory.
public struct Request: Sendable {
    /// A field of the head. nginx 1.22 passes a repeated field as two parameters, which no reader may overlook.
    public enum Field: Sendable, Equatable {
        case absent
        case one(String)
        case repeated
    }

    public enum Body: Sendable, Equatable {
        case bytes([UInt8])
        case tooLarge
        /// Fewer bytes than announced, or a length that is not a number.
        case broken
    }

    public let method: String
    /// The target as the client wrote it, without the query: the one variable that routes.
    public let path: String
    /// What follows the first `?`; empty where nothing does.
    public let query: String
    public let body: Body
    private let parameters: [Header]

    /// - Parameter parameters: CGI parameters under their CGI names, such as `HTTP_ACCEPT`; repeated ones repeatedly.
    public init(method: String, target: String, parameters: [Header], body: Body) {
        self.method = method
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        path = String(target[..<mark])
        query = String(Substring(target.utf8[mark...].dropFirst()))
        self.parameters = parameters
        self.body = body
    }

    /// The field of this CGI name. An empty value counts as absent for what the web server always passes, such as
    /// `CONTENT_TYPE`; an `HTTP_` parameter is there only where the client sent the field, if only with nothing in
    /// it.
    public func field(_ name: String) -> Field {
        var found: String?
        for parameter in parameters
        where parameter.name.hasSameBytes(as: name) && (!parameter.value.isEmpty || name.hasPrefix("HTTP_")) {
            if found != nil { return .repeated }
            found = parameter.value
        }
        return found.map(Field.one) ?? .absent
    }

    /// The values of a field, as often as it occurs.
    public func values(_ name: String) -> [String] {
        parameters.compactMap { $0.name.hasSameBytes(as: name) ? $0.value : nil }
    }

    /// The value of a field that occurs exactly once, else nil.
    public func value(_ name: String) -> String? {
        if case .one(let value) = field(name) { value } else { nil }
    }
}

/// An answer.
public struct Response: Sendable, Equatable {
    public let status: Int
    public var headers: [Header]
    public let body: [UInt8]

    public init(status: Int, headers: [Header], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
