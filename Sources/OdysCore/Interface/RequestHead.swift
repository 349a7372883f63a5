// What is read from a request's head, and the fields that every response carries.

extension Interface {
    /// The client's `X-Request-Id` where it is harmless, else the web server's; nil where there is neither.
    public func requestID(of request: Request) -> String? {
        for name in [Request.Parameter.clientRequestID, .serverRequestID] {
            if let id = request.value(name), isHarmlessRequestID(id) { return id }
        }
        return nil
    }

    private func isHarmlessRequestID(_ id: String) -> Bool {
        let bytes = id.utf8Span.span
        return (1...128).contains(bytes.count)
            && bytes.indices.allSatisfy { bytes[$0].isASCIIAlphanumeric || "._:-".utf8.contains(bytes[$0]) }
    }

    /// The trace that the request belongs to (W3C Trace Context, `traceparent`), for the log; nil where the field is
    /// absent or not valid, and the request then belongs to none.
    func traceID(of request: Request) -> String? {
        guard let parts = request.value(.traceparent)?.split(separator: "-", omittingEmptySubsequences: false),
            parts.count >= 4, parts.map(\.utf8.count).starts(with: [2, 32, 16, 2]),
            parts[..<4].allSatisfy({ $0.utf8.allSatisfy { $0.hexDigitValue != nil && !(65...70).contains($0) } }),
            // Later versions may add parts; "ff" is none.
            parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        return String(parts[1])
    }

    func commonHeaders(_ requestID: String) -> [Header] {
        [Header("Cache-Control", "no-store"), Header("X-Request-Id", requestID), Header("Vary", "Accept, Origin")]
    }

    /// The caller's origin where it is one of the configured ones, byte for byte.
    private func allowedOrigin(_ request: Request) -> String? {
        guard let origin = request.value(.origin), allowedOrigins.contains(where: origin.hasSameBytes(as:))
        else { return nil }
        return origin
    }

    func corsHeaders(_ request: Request) -> [Header] {
        guard let origin = allowedOrigin(request) else { return [] }
        return [
            Header("Access-Control-Allow-Origin", origin),
            Header("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id, Idempotency-Replayed"),
            // Browsers send and show nothing with cookies without it.
        ] + (acceptsCookies ? [Header("Access-Control-Allow-Credentials", "true")] : [])
    }

    /// 204 for `OPTIONS`: a preflight's permissions for a configured origin, the methods for anybody else.
    func preflight(_ request: Request, _ route: Route) -> Response {
        // RFC 5789, 3.1.
        let patch = route.offers("PATCH") ? [Header("Accept-Patch", "application/json")] : []
        let methods = [Header("Allow", route.allowedMethods)] + patch
        guard allowedOrigin(request) != nil else { return Response(status: 204, headers: methods, body: []) }
        return Response(
            status: 204,
            headers: methods + [
                Header("Access-Control-Allow-Methods", route.allowedMethods),
                Header(
                    "Access-Control-Allow-Headers",
                    "authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id, traceparent"),
                Header("Access-Control-Max-Age", "7200"),
            ], body: [])
    }

    /// Whether `Accept` takes `application/json` and no problem document (RFC 9110, 12.5.1).
    func acceptsOnlyPlainJSON(_ request: Request) -> Bool {
        guard let accept = request.value(.accept), accept != "*/*" else { return false }
        if accept == "application/json" { return true }
        var accepted: [String: Bool] = [:]
        for entry in accept.split(separator: ",") {
            let parts = entry.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard let range = parts.first else { continue }
            // A weight of 0 refuses; it may be written with up to three decimals.
            let isRefused = parts.dropFirst().contains { ["q=0", "q=0.", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
            accepted[range] = !isRefused
        }
        func accepts(_ type: String) -> Bool { accepted[type] ?? accepted["application/*"] ?? accepted["*/*"] ?? false }
        return accepts("application/json") && !accepts("application/problem+json")
    }
}
