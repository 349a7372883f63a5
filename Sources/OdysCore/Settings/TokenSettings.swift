/// Whose tokens are believed, and how they arrive.
public struct TokenSettings: Sendable {
    public let secret: TokenKey?
    /// The file of a key set, and what it held.
    public let keySetFile: String?
    public let fileKeys: KeySet?
    /// The address of a key set, to be fetched.
    public let keySetURL: String?
    public let issuer: String?
    public let audience: String?
    /// The name of the cookie that may hold the token.
    public let sessionCookie: String?

    init(_ reader: inout SettingsReader) {
        secret = Self.secret(&reader)
        keySetFile = reader.text("ODYS_JWKS_FILE")
        fileKeys = Self.fileKeys(&reader)
        keySetURL = reader.text("ODYS_JWKS_URL")
        issuer = reader.text("ODYS_JWT_ISSUER")
        audience = reader.text("ODYS_JWT_AUDIENCE")
        sessionCookie = reader.text("ODYS_SESSION_COOKIE")
        if secret == nil, keySetFile == nil, keySetURL == nil, !reader.hasProblem("ODYS_JWT_SECRET_FILE") {
            reader.problem(
                "ODYS_JWT_SECRET",
                "is missing, and so are ODYS_JWKS_FILE and ODYS_JWKS_URL: one of them says by which key "
                    + "callers' tokens are recognised")
        }
        if let url = keySetURL {
            switch URLParts(url, schemes: ["https", "http"]) {
            case nil: reader.problem("ODYS_JWKS_URL", "must be an address such as https://issuer.example/jwks.json")
            case .some(let parts) where parts.scheme == "http" && !isLoopback(parts.host):
                // Whoever is on the way could publish keys of their own.
                reader.problem("ODYS_JWKS_URL", "must begin with https:// unless the host is this one")
            case .some: break
            }
        }
        if let cookie = sessionCookie, !SessionCookie.isName(cookie) {
            reader.problem("ODYS_SESSION_COOKIE", "must be a cookie's name, such as sb-odys-auth-token")
        }
    }

    private static func secret(_ reader: inout SettingsReader) -> TokenKey? {
        guard let secret = reader.secret("ODYS_JWT_SECRET") else { return nil }
        if secret.utf8.count < TokenKey.minimumSecretBytes {
            reader.problem("ODYS_JWT_SECRET", "must have at least \(TokenKey.minimumSecretBytes) bytes")
        }
        return TokenKey(sharedSecret: secret)
    }

    private static func fileKeys(_ reader: inout SettingsReader) -> KeySet? {
        guard let text = reader.file("ODYS_JWKS_FILE") else { return nil }
        do throws(KeySet.Problem) {
            let keys = try KeySet(usable: Array(text.utf8))
            return keys
        } catch {
            reader.problem("ODYS_JWKS_FILE", "\(error)")
            return nil
        }
    }

    /// - Parameter fetched: the keys from the address.
    public func verifier(fetched: [TokenKey]) -> TokenVerifier {
        TokenVerifier(
            keys: KeyRing(secret: secret, published: (fileKeys?.keys ?? []) + fetched), issuer: issuer,
            audience: audience)
    }
}

extension KeySet {
    /// A set that a person has put into a file: one without a key that can be used is a mistake.
    public init(usable bytes: [UInt8]) throws(Problem) {
        self = try KeySet(reading: bytes)
        guard keys.isEmpty else { return }
        throw Problem(description: (["holds no key that can be used"] + leftOut).joined(separator: "; "))
    }
}
