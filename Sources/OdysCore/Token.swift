internal import Crypto

/// A key that tokens may be signed with. The key fixes the algorithm; a token's header cannot choose.
public struct TokenKey: Sendable {
    fileprivate let secret: SymmetricKey

    /// A shared secret for HS256, at least `minimumSecretBytes` long (RFC 7518, 3.2).
    public init(sharedSecret: String) {
        secret = SymmetricKey(data: Array(sharedSecret.utf8))
    }

    public static let minimumSecretBytes = 32
}

/// Reads tokens: JWTs in compact JWS form, as strictly as they are specified.
public struct TokenVerifier: Sendable {
    public let key: TokenKey
    /// Required value of `iss`, where configured.
    public let issuer: String?
    /// A value that `aud` must be or contain, where configured.
    public let audience: String?

    public init(key: TokenKey, issuer: String?, audience: String?) {
        self.key = key
        self.issuer = issuer
        self.audience = audience
    }

    /// Who the token speaks for, or nil. It does not say why: the caller of the route must not learn it either.
    ///
    /// - Parameter now: this host's clock, in seconds since 1970.
    public func userID(in token: String, now: Double) -> UserID? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard token.utf8.count <= Limits.tokenBytesMax, parts.count == 3,
            let header = object(parts[0]), let signature = base64url(parts[2]),
            header["alg"]?.string?.hasSameBytes(as: "HS256") == true,
            // A shared secret has no name, so a token that names its key was not made for it (RFC 7515, 4.1.11
            // says the same of critical extensions).
            header["kid"] == nil, header["crit"] == nil
        else { return nil }
        let signed = Array(token.utf8.prefix(parts[0].count + 1 + parts[1].count))
        guard HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: key.secret),
            let claims = object(parts[1])
        else { return nil }
        return isCurrent(claims, now: now) && isForUs(claims) ? subject(claims) : nil
    }

    private func isCurrent(_ claims: JSON, now: Double) -> Bool {
        guard let expires = claims["exp"]?.double, now < expires + Limits.tokenLeewaySeconds else { return false }
        guard let notBefore = claims["nbf"] else { return true }
        guard let begins = notBefore.double else { return false }
        return begins <= now + Limits.tokenLeewaySeconds
    }

    private func isForUs(_ claims: JSON) -> Bool {
        if let issuer {
            guard claims["iss"]?.string?.hasSameBytes(as: issuer) == true else { return false }
        }
        guard let audience else { return true }
        switch claims["aud"] {
        case .string(let one): return one.hasSameBytes(as: audience)
        case .array(let many): return many.contains { $0.string?.hasSameBytes(as: audience) == true }
        case nil, .null, .bool, .integer, .number, .object: return false
        }
    }

    private func subject(_ claims: JSON) -> UserID? {
        guard let subject = claims["sub"]?.string, (1...Limits.userIDBytesMax).contains(subject.utf8.count)
        else { return nil }
        return UserID(subject)
    }

    private func object(_ part: Substring.UTF8View.SubSequence) -> JSON? {
        guard let bytes = base64url(part), let json = try? JSON(reading: bytes), case .object = json
        else { return nil }
        return json
    }
}

extension TokenKey {
    /// A token for tests, demonstrations and operators.
    public func mint(subject: String, expires: Int, issuer: String? = nil, audience: String? = nil) -> String {
        var claims = [JSON.Member("sub", .string(subject)), JSON.Member("exp", .integer(expires))]
        if let issuer { claims.append(JSON.Member("iss", .string(issuer))) }
        if let audience { claims.append(JSON.Member("aud", .string(audience))) }
        let header: JSON = ["alg": "HS256", "typ": "JWT"]
        let signed = base64url(header.bytes) + "." + base64url(JSON.object(claims).bytes)
        let signature = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: secret)
        return signed + "." + base64url(Array(signature))
    }
}

private let base64urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

/// The value of each ASCII character as a base64url digit; 255 where it is none.
private let base64urlValues: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in base64urlAlphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
}()

private func base64url(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
        buffer = buffer << 8 | UInt32(byte)
        bits += 8
        while bits >= 6 {
            bits -= 6
            out.append(base64urlAlphabet[Int(buffer >> UInt32(bits) & 63)])
        }
    }
    if bits > 0 { out.append(base64urlAlphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
    return String(decoding: out, as: UTF8.self)
}

/// Decodes base64url without padding, strictly: one text for each sequence of bytes (RFC 7515, appendix C;
/// RFC 4648, 3.5).
func base64url(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var out: [UInt8] = []
    out.reserveCapacity(text.count * 3 / 4)
    var buffer: UInt32 = 0
    var bits = 0
    for character in text {
        let value = base64urlValues[Int(character)]
        guard value != 255 else { return nil }
        buffer = buffer << 6 | UInt32(value)
        bits += 6
        if bits >= 8 {
            bits -= 8
            out.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
        }
    }
    // Left-over bits must be zero, else two texts would mean the same bytes.
    return buffer & ((1 << UInt32(bits)) - 1) == 0 ? out : nil
}
