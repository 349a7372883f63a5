/// Verifies tokens: JWTs in compact JWS form, read as strictly as they are specified.
public struct TokenVerifier: Sendable {
    public var keys: KeyRing
    /// Required value of `iss`, where configured.
    public let issuer: String?
    /// A value that `aud` must be or contain, where configured.
    public let audience: String?

    /// Everything that is found in a token, for the responder and for `odysctl token inspect`.
    ///
    /// - Parameter now: this host's clock, in seconds since 1970.
    public func examine(_ token: String, now: Double) -> TokenExamination {
        let bytes = Array(token.utf8)
        guard bytes.count <= Limits.tokenBytesMax else { return TokenExamination(problems: [.tooLong]) }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { return TokenExamination(problems: [.notThreeParts]) }
        var result = TokenExamination(header: object(parts[0]), claims: object(parts[1]))
        if let header = result.header {
            result.key = keys.key(of: header, &result.problems)
            if let key = result.key {
                let signed = Array(bytes[..<parts[1].endIndex])
                let signature = Base64.bytes(urlSafe: parts[2])
                if signature.map({ key.hasSigned(signed, $0) }) != true { result.problems.append(.signature) }
            }
        } else {
            result.problems.append(.unreadable("header"))
        }
        if let claims = result.claims {
            result.verified = verified(claims, result.key, now: now, &result.problems)
        } else {
            result.problems.append(.unreadable("claims"))
        }
        if !result.problems.isEmpty { result.verified = nil }
        return result
    }

    private func verified(
        _ claims: JSON, _ key: TokenKey?, now: Double, _ problems: inout [TokenProblem]
    ) -> VerifiedToken? {
        let leeway = Limits.tokenLeewaySeconds
        let expires = claims["exp"]?.double
        if expires == nil { problems.append(claims["exp"] == nil ? .missing("exp") : .notANumber("exp")) }
        if let expires, now >= expires + leeway { problems.append(.expired) }
        var begins = -Double.infinity
        for name in ["nbf", "iat"] {
            guard let claim = claims[name] else { continue }
            guard let time = claim.double else {
                problems.append(.notANumber(name))
                continue
            }
            begins = max(begins, time - leeway)
            if time > now + leeway { problems.append(.inTheFuture(name)) }
        }
        // A security event such as a logout token (RFC 8417, 2.2), which may come without a `typ`.
        if claims["events"] != nil { problems.append(.event) }
        if let issuer, claims["iss"]?.string?.hasSameBytes(as: issuer) != true { problems.append(.wrong("iss")) }
        if let audience, !contains(claims["aud"], audience) { problems.append(.wrong("aud")) }
        guard let subject = claims["sub"]?.string, (1...Limits.userIDBytesMax).contains(subject.utf8.count) else {
            problems.append(.subject)
            return nil
        }
        guard let expires, key != nil else { return nil }
        return VerifiedToken(userID: UserID(subject), validFrom: begins, validBefore: expires + leeway)
    }

    /// `aud` is one text or a list of texts.
    private func contains(_ claim: JSON?, _ audience: String) -> Bool {
        let values = claim?.array ?? [claim ?? .null]
        return values.contains { $0.string?.hasSameBytes(as: audience) == true }
    }

    private func object(_ part: ArraySlice<UInt8>) -> JSON? {
        guard let bytes = Base64.bytes(urlSafe: part), let json = try? JSON(reading: bytes), case .object = json
        else { return nil }
        return json
    }
}

extension KeyRing {
    /// The key that a token's header names, or what is wrong with the header.
    fileprivate func key(of header: JSON, _ problems: inout [TokenProblem]) -> TokenKey? {
        // Extensions that must be understood (RFC 7515, 4.1.11; RFC 7797), and keys that the token itself carries or
        // points to: its maker chose them.
        for name in ["crit", "b64", "jku", "jwk", "x5u", "x5c"] where header[name] != nil {
            problems.append(.forbidden(name))
        }
        // Media types without regard to case, perhaps with their prefix (RFC 7515, 4.1.9; RFC 9068, 2.1). The issuer's
        // keys also sign what is no token for us, such as logout tokens.
        if let type = header["typ"] {
            let name = type.string?.lowercased() ?? ""
            if !["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(name) {
                problems.append(.wrongType)
            }
        }
        let id = header["kid"]
        guard id == nil || id?.string != nil, let key = key(for: header["alg"]?.string, named: id?.string)
        else {
            problems.append(.unknownKey)
            return nil
        }
        guard header["alg"]?.string?.hasSameBytes(as: key.algorithm.rawValue) == true else {
            problems.append(.algorithm(key.algorithm))
            return nil
        }
        return key
    }
}

/// What a valid token says, and for how long.
public struct VerifiedToken: Sendable, Equatable {
    public let userID: UserID
    /// Seconds since 1970, leeway included; `validBefore` is exclusive.
    public let validFrom: Double
    public let validBefore: Double
}

/// What was found in a token. Only `verified` may be trusted.
public struct TokenExamination: Sendable {
    public internal(set) var header: JSON?
    public internal(set) var claims: JSON?
    /// The key that the header names, whether or not the signature is valid.
    public internal(set) var key: TokenKey?
    public internal(set) var problems: [TokenProblem] = []
    /// Nil if there is any problem.
    public internal(set) var verified: VerifiedToken?

    /// Whether the token has a key id that is not known. It may have been published since the last fetch.
    public var namesUnknownKey: Bool { problems.contains(.unknownKey) && header?["kid"]?.string != nil }
}

/// A reason why a token is refused. Only operators see it; callers get a bare 401.
public enum TokenProblem: Sendable, Equatable, CustomStringConvertible {
    case tooLong
    case notThreeParts
    case unreadable(String)
    case forbidden(String)
    case wrongType
    case unknownKey
    case algorithm(TokenKey.Algorithm)
    case signature
    case missing(String)
    case notANumber(String)
    case expired
    case inTheFuture(String)
    case wrong(String)
    case subject
    case event

    public var description: String {
        switch self {
        case .tooLong: "it has more than \(Limits.tokenBytesMax) bytes"
        case .notThreeParts: "it is not three parts with a dot between each"
        case .unreadable(let part):
            "its \(part) is not a JSON object in base64url without padding, or a name is there twice"
        case .forbidden(let name): "its header has '\(name)', which is never accepted"
        case .wrongType: "its header's 'typ' is neither JWT nor at+jwt: it was made for something else"
        case .event: "it has 'events': it tells of an event, such as a logout, and is nobody's"
        case .unknownKey:
            "no key is known by the name in its header ('kid'), or there is none for a token without a name"
        case .algorithm(let algorithm): "its header's 'alg' is not \(algorithm.rawValue), which its key is for"
        case .signature: "its signature does not hold"
        case .missing(let claim): "'\(claim)' is missing"
        case .notANumber(let claim): "'\(claim)' is not a number"
        case .expired: "it has expired ('exp')"
        case .inTheFuture(let claim): "'\(claim)' is in the future"
        case .wrong(let claim): "'\(claim)' is not the configured one"
        case .subject: "'sub' is not a text of 1 to \(Limits.userIDBytesMax) bytes"
        }
    }
}
