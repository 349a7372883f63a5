/// The token that a request presents.
public struct Credential: Sendable, Equatable {
    public let token: String
    /// False for a cookie on a request that a page of another site may have made the browser send.
    public let passesCSRFCheck: Bool
}

/// How requests present tokens: in `Authorization`, or in the session cookie.
public struct CredentialReader: Sendable {
    private let cookie: SessionCookie?
    private let allowedOrigins: [String]

    public init(sessionCookie: String?, allowedOrigins: [String]) {
        cookie = sessionCookie.map(SessionCookie.init)
        self.allowedOrigins = allowedOrigins
    }

    /// A request with an `Authorization` field is judged by that alone. The cookie never replaces a bad token.
    public func credential(of request: Request) -> Credential? {
        switch request.field(.authorization) {
        case .one(let value):
            guard value.utf8.count <= Limits.headerBytesMax else { return nil }
            return bearerToken(value).map { Credential(token: $0, passesCSRFCheck: true) }
        case .repeated: return nil
        case .absent:
            // Any page may send a request that changes nothing: the browser shows the answer to listed origins only.
            return cookie?.token(in: request.values(.cookie))
                .map { Credential(token: $0, passesCSRFCheck: request.isReading || isFromOurPages(request)) }
        }
    }

    /// Whether a request without a usable token tried to present one: something after the scheme Bearer, or our cookie.
    public func presentsToken(_ request: Request) -> Bool {
        let fields = request.values(.authorization)
        guard fields.isEmpty else {
            return fields.contains { $0.lowercased().utf8.starts(with: "bearer ".utf8) && $0.trimmed.utf8.count > 6 }
        }
        return cookie?.isPresent(in: request.values(.cookie)) ?? false
    }

    /// A browser sets both fields itself, and no page can.
    private func isFromOurPages(_ request: Request) -> Bool {
        if request.value(.secFetchSite) == "same-origin" { return true }
        return request.value(.origin).map { allowedOrigins.contains(where: $0.hasSameBytes(as:)) } ?? false
    }

    /// The token of the scheme Bearer, which is written in any letter case (RFC 9110, 11.1).
    private func bearerToken(_ value: String) -> String? {
        let bytes = Array(value.utf8)
        let space = UInt8(ascii: " ")
        let scheme = bytes.drop { $0 == space }.prefix { $0 != space }
        let token = bytes[scheme.endIndex...].drop { $0 == space }.prefix { $0 != space }
        guard String(decoding: scheme, as: UTF8.self).lowercased() == "bearer", !token.isEmpty,
            bytes[token.endIndex...].allSatisfy({ $0 == space })
        else { return nil }
        return String(decoding: token, as: UTF8.self)
    }
}

/// The cookie that holds a session. Its value is the token, or has the form of `@supabase/ssr`: `base64-` and a JSON
/// object in base64url with the token in `access_token`. A long value is split into cookies `NAME.0`, `NAME.1` and so
/// on.
public struct SessionCookie: Sendable {
    private let name: String

    public init(_ name: String) { self.name = name }

    /// A cookie's name is a token in the sense of RFC 9110, 5.6.2.
    static func isName(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// - Parameter fields: the request's `Cookie` fields. HTTP/2 clients may split them, and nginx passes them on
    ///   unchanged, so they count as one field (RFC 9113, 8.2.3).
    /// - Returns: nil where there is no token, or the name comes twice: a neighbouring host may have set the second.
    public func token(in fields: [String]) -> String? {
        guard fields.reduce(0, { $0 + $1.utf8.count }) <= Limits.cookieBytesMax else { return nil }
        guard let value = value(in: pairs(fields)), !value.isEmpty else { return nil }
        let prefix = "base64-"
        guard value.utf8.starts(with: prefix.utf8) else { return value }
        guard let bytes = Base64.bytes(urlSafe: value.utf8.dropFirst(prefix.utf8.count)),
            let json = try? JSON(reading: bytes)
        else { return nil }
        return json["access_token"]?.string
    }

    /// Whether there is a cookie of this name, or a piece of one, with anything in it.
    func isPresent(in fields: [String]) -> Bool {
        pairs(fields).contains { pair in
            let rest = pair.name.utf8.dropFirst(name.utf8.count)
            return !pair.value.isEmpty && (rest.isEmpty || rest.first == UInt8(ascii: "."))
        }
    }

    /// The whole value. As in `@supabase/ssr`, an undivided cookie wins over pieces.
    private func value(in pairs: [(name: Substring, value: Substring)]) -> String? {
        func values(_ name: String) -> [Substring] {
            pairs.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
        }
        let whole = values(name)
        guard whole.isEmpty else { return whole.count > 1 ? nil : String(whole[0]) }
        var joined = ""
        var number = 0
        while true {
            let pieces = values("\(name).\(number)")
            guard pieces.count == 1 else { return pieces.isEmpty && number > 0 ? joined : nil }
            joined += pieces[0]
            number += 1
        }
    }

    /// Name-value pairs (RFC 6265, 4.2.1) whose names begin with ours.
    private func pairs(_ fields: [String]) -> [(name: Substring, value: Substring)] {
        fields.flatMap { field in
            // By bytes: a Swift Character may be a semicolon with a combining accent.
            field.utf8.split(separator: UInt8(ascii: ";")).compactMap { pair in
                let trimmed = pair.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                guard trimmed.starts(with: name.utf8), let equals = trimmed.firstIndex(of: UInt8(ascii: "="))
                else { return nil }
                return (Substring(trimmed[..<equals]), Substring(trimmed[trimmed.index(after: equals)...]))
            }
        }
    }
}
