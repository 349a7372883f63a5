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
    /// The CGI parameters that are read (RFC 3875, 4.1), by their names.
    public enum Parameter: String, Sendable, CaseIterable {
        case method = "REQUEST_METHOD"
        case target = "REQUEST_URI"
        case contentLength = "CONTENT_LENGTH"
        case contentType = "CONTENT_TYPE"
        /// nginx's own id of the request.
        case serverRequestID = "REQUEST_ID"
        case accept = "HTTP_ACCEPT"
        case authorization = "HTTP_AUTHORIZATION"
        case clientContentType = "HTTP_CONTENT_TYPE"
        case clientRequestID = "HTTP_X_REQUEST_ID"
        case cookie = "HTTP_COOKIE"
        case idempotencyKey = "HTTP_IDEMPOTENCY_KEY"
        case ifMatch = "HTTP_IF_MATCH"
        case ifNoneMatch = "HTTP_IF_NONE_MATCH"
        case origin = "HTTP_ORIGIN"
        case secFetchSite = "HTTP_SEC_FETCH_SITE"
        case traceparent = "HTTP_TRACEPARENT"

        /// Bytes of a value. nginx joins the cookies of several lines.
        public var bytesMax: Int { self == .cookie ? Limits.cookieBytesMax : Limits.headerBytesMax }

        /// Whether an empty value means that there is none: so for what the web server always passes. An `HTTP_`
        /// parameter is there only where the client sent the field, if only with nothing in it.
        fileprivate var isAbsentIfEmpty: Bool { self == .contentType || self == .serverRequestID }
    }

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
    private let fields: [(name: Parameter, value: String)]

    /// - Parameter fields: in the order in which they came, repeated ones repeatedly.
    public init(method: String, target: String, fields: [(name: Parameter, value: String)], body: Body) {
        self.method = method
        let bytes = target.utf8Span.span
        let mark = bytes.indices.first { bytes[$0] == UInt8(ascii: "?") } ?? bytes.count
        path = mark == bytes.count ? target : String(target.utf8.prefix(mark)) ?? ""
        query = String(target.utf8.dropFirst(mark + 1)) ?? ""
        self.fields = fields
        self.body = body
    }

    public func field(_ name: Parameter) -> Field {
        var found: String?
        for index in fields.indices where fields[index].name == name {
            if name.isAbsentIfEmpty, fields[index].value.isEmpty { continue }
            if found != nil { return .repeated }
            found = fields[index].value
        }
        return found.map(Field.one) ?? .absent
    }

    /// The values of a field, as often as it occurs.
    public func values(_ name: Parameter) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// The values of a field whose value is a list, as one (RFC 9110, 5.3); nil where there is no such field.
    func list(_ name: Parameter) -> String? {
        let values = values(name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// Whether the method is one that only reads.
    public var isReading: Bool { method == "GET" || method == "HEAD" }

    /// The value of a field that occurs exactly once, else nil.
    public func value(_ name: Parameter) -> String? { if case .one(let value) = field(name) { value } else { nil } }
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

    /// The reason phrase of the status line (RFC 9110, 15). nginx writes it as it is given, and without one it leaves
    /// out the space that belongs before it.
    public var reason: String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Unknown"
        }
    }

    /// The same for `HEAD`: without the body, but with its length (RFC 9110, 9.3.2).
    public func answering(_ request: Request) -> Response {
        guard request.method == "HEAD" else { return self }
        return Response(status: status, headers: headers + [Header("Content-Length", "\(body.count)")], body: [])
    }
}
