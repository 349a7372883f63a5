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
        let text = reader.optional(.tokenSecret)
        if let text, text.utf8.count < TokenKey.minimumSecretBytes {
            reader.problem(.tokenSecret, "must have at least \(TokenKey.minimumSecretBytes) bytes")
        }
        secret = text.map { TokenKey(sharedSecret: $0) }
        keySetFile = reader.optional(.keySetFile)
        fileKeys = keySetFile.flatMap { Self.fileKeys(&reader, $0) }
        keySetURL = reader.optional(.keySetURL)
        issuer = reader.optional(.issuer)
        audience = reader.optional(.audience)
        if secret == nil, keySetFile == nil, keySetURL == nil {
            reader.missing(
                .tokenSecret,
                "is missing, and so are ODYS_JWKS_FILE and ODYS_JWKS_URL: one of them says by which key "
                    + "callers' tokens are recognised")
        }
        reader.checkSecureURL(keySetURL, of: .keySetURL, example: "https://issuer.example/jwks.json")
        sessionCookie = reader.value(.sessionCookie, mustBe: "a cookie's name, such as sb-odys-auth-token") { name in
            SessionCookie.isName(name) ? name : nil
        }
    }

    private static func fileKeys(_ reader: inout SettingsReader, _ path: String) -> KeySet? {
        do { return try KeySet(usable: Array(reader.source.readFile(path).get().utf8)) } catch {
            reader.problem(.keySetFile, "\(error)")
            return nil
        }
    }

    /// What is allowed, and lets more in than its owner may know.
    var warnings: [String] {
        guard audience == nil, keySetFile != nil || keySetURL != nil else { return [] }
        return [
            "ODYS_JWT_AUDIENCE is not set: every token of the key set's issuer is accepted, also one that was made for "
                + "another application"
        ]
    }

    /// - Parameter fetched: the keys from the address.
    public func verifier(fetched: [TokenKey]) -> TokenVerifier {
        let keys = KeyRing(secret: secret, published: (fileKeys?.keys ?? []) + fetched)
        return TokenVerifier(keys: keys, issuer: issuer, audience: audience)
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
