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
        keySetFile = reader.optional(.keySetFile)
        fileKeys = keySetFile.flatMap { Self.fileKeys(&reader, $0) }
        keySetURL = reader.optional(.keySetURL)
        issuer = reader.optional(.issuer)
        audience = reader.optional(.audience)
        sessionCookie = reader.optional(.sessionCookie)
        if secret == nil, keySetFile == nil, keySetURL == nil {
            reader.missing(
                .tokenSecret,
                "is missing, and so are ODYS_JWKS_FILE and ODYS_JWKS_URL: one of them says by which key "
                    + "callers' tokens are recognised")
        }
        if let url = keySetURL {
            reader.checkSecureURL(url, of: .keySetURL, example: "https://issuer.example/jwks.json")
        }
        if let cookie = sessionCookie, !SessionCookie.isName(cookie) {
            reader.problem(.sessionCookie, "must be a cookie's name, such as sb-odys-auth-token")
        }
    }

    private static func secret(_ reader: inout SettingsReader) -> TokenKey? {
        guard let secret = reader.optional(.tokenSecret) else { return nil }
        if secret.utf8.count < TokenKey.minimumSecretBytes {
            reader.problem(.tokenSecret, "must have at least \(TokenKey.minimumSecretBytes) bytes")
        }
        return TokenKey(sharedSecret: secret)
    }

    private static func fileKeys(_ reader: inout SettingsReader, _ path: String) -> KeySet? {
        guard let text = reader.file(path, of: .keySetFile) else { return nil }
        do throws(KeySet.Problem) {
            return try KeySet(usable: Array(text.utf8))
        } catch {
            reader.problem(.keySetFile, "\(error)")
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
