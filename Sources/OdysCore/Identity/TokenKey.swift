internal import Crypto
internal import CryptoExtras

/// A key that tokens may be signed with. The key fixes the algorithm; a token's header cannot choose.
public struct TokenKey: Sendable, Equatable {
    /// The algorithms that are spoken, with their names on the wire (RFC 7518, 3.1).
    public enum Algorithm: String, Sendable, CaseIterable {
        case hs256 = "HS256"
        case es256 = "ES256"
        case rs256 = "RS256"
    }

    /// What a token names its key by (`kid`); nil for the shared secret, and for a published key without a name.
    public let id: String?
    public let algorithm: Algorithm
    /// Equal for equal keys. A published key's (RFC 7638) may be shown; a secret's may not.
    public let thumbprint: String
    private let material: Material

    private enum Material: Sendable {
        case secret(SymmetricKey)
        case p256(P256.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
    }

    /// RFC 7518, 3.2.
    public static let minimumSecretBytes = 32

    /// A shared secret for HS256.
    public init(sharedSecret: String) {
        id = nil
        algorithm = .hs256
        thumbprint = Base64.urlSafeText(Array(SHA256.hash(data: Array(sharedSecret.utf8))))
        material = .secret(SymmetricKey(data: Array(sharedSecret.utf8)))
    }

    /// A point of the curve P-256 for ES256; nil where the point is not on it.
    init?(id: String?, p256 x: [UInt8], _ y: [UInt8]) {
        guard x.count == 32, y.count == 32, let key = try? P256.Signing.PublicKey(rawRepresentation: x + y)
        else { return nil }
        self.id = id
        algorithm = .es256
        thumbprint = Self.thumbprint([
            "crv": "P-256", "kty": "EC", "x": .string(Base64.urlSafeText(x)), "y": .string(Base64.urlSafeText(y)),
        ])
        material = .p256(key)
    }

    /// An RSA key for RS256; nil where the library refuses it.
    init?(id: String?, rsa modulus: [UInt8], exponent: [UInt8]) {
        guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else { return nil }
        self.id = id
        algorithm = .rs256
        thumbprint = Self.thumbprint([
            "e": .string(Base64.urlSafeText(exponent)), "kty": "RSA", "n": .string(Base64.urlSafeText(modulus)),
        ])
        material = .rsa(key)
    }

    /// - Parameter members: the ones that RFC 7638 names, in the order of their names.
    private static func thumbprint(_ members: JSON) -> String {
        Base64.urlSafeText(Array(SHA256.hash(data: members.bytes)))
    }

    public static func == (one: TokenKey, other: TokenKey) -> Bool {
        one.algorithm == other.algorithm && one.thumbprint == other.thumbprint && hasSameID(one.id, other.id)
    }

    /// Names are bytes: Swift's `==` would take texts for the same that are only equivalent.
    static func hasSameID(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one.hasSameBytes(as: other)
    }

    /// Whether the signature is this key's over these bytes. ES256 knows only the 64 raw bytes of RFC 7518, 3.4.
    func hasSigned(_ signed: [UInt8], _ signature: [UInt8]) -> Bool {
        switch material {
        case .secret(let secret):
            return HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: secret)
        case .p256(let key):
            // It refuses any other number of bytes.
            guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: signed)
        case .rsa(let key):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: signed),
                padding: .insecurePKCS1v1_5)
        }
    }

    /// A token for tests, demonstrations and operators; nil for a published key, which only verifies.
    public func mint(subject: String, expires: Int, issuer: String? = nil, audience: String? = nil) -> String? {
        guard case .secret(let secret) = material else { return nil }
        var claims = [JSON.Member("sub", .string(subject)), JSON.Member("exp", .integer(expires))]
        if let issuer { claims.append(JSON.Member("iss", .string(issuer))) }
        if let audience { claims.append(JSON.Member("aud", .string(audience))) }
        let header: JSON = ["alg": .string(algorithm.rawValue), "typ": "JWT"]
        let signed = Base64.urlSafeText(header.bytes) + "." + Base64.urlSafeText(JSON.object(claims).bytes)
        let signature = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: secret)
        return signed + "." + Base64.urlSafeText(Array(signature))
    }
}

/// The keys of the moment.
///
/// HS256 is judged by the shared secret alone, where there is one, whatever `kid` the token carries: some issuers stamp
/// one on every token. Any other token with a `kid` is judged by a published key of that name alone; one without by the
/// secret, or, where there is no secret, by the one published key without a name. No key verifies another algorithm
/// than its own.
public struct KeyRing: Sendable, Equatable {
    public let secret: TokenKey?
    /// From key sets; of two with the same name the first is used.
    public var published: [TokenKey] = []

    /// The key for a token that names this algorithm, and this key or none.
    func key(for algorithm: String?, named id: String?) -> TokenKey? {
        if let secret, algorithm?.hasSameBytes(as: secret.algorithm.rawValue) == true { return secret }
        guard id == nil else { return published.first { TokenKey.hasSameID($0.id, id) } }
        if let secret { return secret }
        let unnamed = published.filter { $0.id == nil }
        return unnamed.count == 1 ? unnamed.first : nil
    }
}
