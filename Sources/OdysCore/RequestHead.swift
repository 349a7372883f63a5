// What the endpoint reads from a request's head, and the fields that every answer carries.

extension AppointmentEndpoint {
    /// The client's `X-Request-Id` where it is harmless, else the web server's, else a new one.
    func requestID(of request: Request) -> String {
        for name in ["HTTP_X_REQUEST_ID", "REQUEST_ID"] {
            if let id = request.value(name), isHarmlessRequestID(id) { return id }
        }
        return makeRequestID()
    }

    private func isHarmlessRequestID(_ id: String) -> Bool {
        (1...128).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: ":"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    func commonHeaders(_ requestID: String) -> [Header] {
        [
            Header("Cache-Control", "no-store"),
            Header("X-Request-Id", requestID),
            Header("Vary", "Accept, Origin"),
        ]
    }

    /// The caller's origin where it is one of the configured ones, byte for byte.
    private func allowedOrigin(_ request: Request) -> String? {
        guard let origin = request.value("HTTP_ORIGIN"), allowedOrigins.contains(where: origin.hasSameBytes(as:))
        else { return nil }
        return origin
    }

    func corsHeaders(_ request: Request) -> [Header] {
        guard let origin = allowedOrigin(request) else { return [] }
        return [
            Header("Access-Control-Allow-Origin", origin),
            Header("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id, Idempotency-Replayed"),
        ]
    }

    /// 204 for `OPTIONS`: a preflight's permissions for a configured origin, the methods for anybody else.
    func preflight(_ request: Request) -> Response {
        guard allowedOrigin(request) != nil else {
            return Response(status: 204, headers: [Header("Allow", Self.allowedMethods)], body: [])
        }
        return Response(
            status: 204,
            headers: [
                Header("Allow", Self.allowedMethods),
                Header("Access-Control-Allow-Methods", Self.allowedMethods),
                Header(
                    "Access-Control-Allow-Headers",
                    "authorization, content-type, idempotency-key, if-match, x-request-id, traceparent"),
                Header("Access-Control-Max-Age", "7200"),
            ], body: [])
    }

    /// Whether `Accept` names `application/json` and nothing that a problem document would match.
    func acceptsOnlyPlainJSON(_ request: Request) -> Bool {
        guard let accept = request.value("HTTP_ACCEPT") else { return false }
        let types = accept.split(separator: ",").map { entry in
            entry.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
        }
        return types.contains("application/json")
            && !types.contains { ["*/*", "application/*", "application/problem+json"].contains($0) }
    }
}

/// The body of a PATCH, read and checked.
enum ActionBody: Equatable {
    case readable(action: String, reason: String?)
    case refused(Refusal)

    init(_ request: Request) {
        switch request.field("CONTENT_TYPE") {
        case .absent:
            self = .refused(.unsupportedMediaType)
            return
        case .repeated:
            self = .refused(.invalidHeader)
            return
        case .one(let type):
            guard ActionBody.isJSON(type) else {
                self = .refused(.unsupportedMediaType)
                return
            }
        }
        switch request.body {
        case .tooLarge: self = .refused(.bodyTooLarge)
        case .broken: self = .refused(.malformedBody)
        case .bytes(let bytes): self = ActionBody(json: bytes)
        }
    }

    private init(json bytes: [UInt8]) {
        self = .refused(.malformedBody)
        guard let body = try? JSON(reading: bytes), let action = body["action"]?.string else { return }
        switch body["reason"] {
        case nil, .null:
            self = .readable(action: action, reason: nil)
        case .string(let text):
            guard let reason = ActionBody.reason(text) else { return }
            self = .readable(action: action, reason: reason.isBlank ? nil : reason)
        case .bool, .integer, .number, .array, .object:
            return
        }
    }

    private static func isJSON(_ contentType: String) -> Bool {
        contentType.prefix { $0 != ";" && $0 != "," }.filter { !$0.isWhitespace }.lowercased() == "application/json"
            && !contentType.contains(",")
    }

    /// A reason as it is kept: newline and tab become a space; nil where it is too long or has control characters.
    private static func reason(_ text: String) -> String? {
        var kept = String.UnicodeScalarView()
        guard text.unicodeScalars.count <= Limits.reasonScalarsMax else { return nil }
        for scalar in text.unicodeScalars {
            if scalar == "\n" || scalar == "\t" {
                kept.append(" ")
            } else if scalar.properties.generalCategory == .control {
                return nil
            } else {
                kept.append(scalar)
            }
        }
        return String(kept)
    }
}
