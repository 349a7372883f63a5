import Testing

@testable import OdysCore

@Suite("Settings: sources of token keys") struct TokenSettingsTests {
    private static let jwks = JSON.object([
        .init("keys", .array([KeySamples.jwk(KeySamples.ec), KeySamples.jwk(KeySamples.rsa, ["use": "enc"])]))
    ]).text
    private static let files = ["/etc/jwks.json": jwks, "/empty": #"{"keys":[]}"#, "/bad": "{", "/secret": "short"]

    private static func names(_ changes: [String: String?]) -> [String] {
        SettingsSamples.names(changes, files: files)
    }

    @Test("token keys: secret, file and URL, any one or all")
    func oneSourceIsEnoughAndAllMayBeUsed() throws {
        let sources = [
            "ODYS_JWT_SECRET": SettingsSamples.secret, "ODYS_JWKS_FILE": "/etc/jwks.json",
            "ODYS_JWKS_URL": "https://issuer.example/jwks.json",
        ]
        for chosen in 0..<8 {
            let given = sources.sorted { $0.key < $1.key }.enumerated().map { index, source in
                (source.key, chosen >> index & 1 == 1 ? source.value : nil as String?)
            }
            let changes = Dictionary(uniqueKeysWithValues: given)
            #expect(Self.names(changes) == (chosen == 0 ? ["ODYS_JWT_SECRET"] : []))
        }
        let tokens = try SettingsSamples.read(sources.mapValues(Optional.some), files: Self.files).tokens
        let keys = tokens.verifier(fetched: try KeySamples.set([KeySamples.jwk(KeySamples.rsa)]).keys).keys
        #expect(keys.secret != nil && keys.published.map(\.id) == ["ec-1", "rsa-1"])
        #expect(tokens.fileKeys?.leftOut == ["key 2: its use is not sig"])
    }

    @Test(
        "ODYS_JWKS_URL: https, plain http only for loopback",
        arguments: [
            ("https://issuer.example/jwks.json", true), ("http://127.0.0.1:8080/jwks", true),
            ("http://localhost/j", true),
            ("http://[::1]:80/j", true), ("http://issuer.example/jwks.json", false), ("http://10.0.0.1/j", false),
            ("http://127.0.0.1.evil.example/j", false), ("http://localhost@evil.example/j", false),
            ("file:///etc/jwks.json", false), ("https://", false), ("issuer.example", false), ("https://a\nb", false),
        ])
    func theAddressIsHTTPSUnlessItIsThisHost(_ url: String, _ isGood: Bool) {
        #expect(Self.names(["ODYS_JWKS_URL": url]) == (isGood ? [] : ["ODYS_JWKS_URL"]))
    }

    @Test("ODYS_JWT_AUDIENCE: its absence is a warning beside a key set")
    func aKeySetWithoutAnAudienceIsWarnedOf() throws {
        for (changes, count) in [
            ([:], 0), (["ODYS_JWKS_URL": "https://issuer.example/j"], 1), (["ODYS_JWKS_FILE": "/etc/jwks.json"], 1),
            (["ODYS_JWKS_URL": "https://issuer.example/j", "ODYS_JWT_AUDIENCE": "odys"], 0),
        ] as [([String: String?], Int)] {
            let warnings = try SettingsSamples.read(changes, files: Self.files).warnings
            #expect(warnings.count == count && warnings.allSatisfy { $0.hasPrefix("ODYS_JWT_AUDIENCE ") })
        }
    }

    @Test("token keys: a bad source is named")
    func whatIsWrongWithASourceIsNamed() {
        for file in ["/gone", "/bad", "/empty"] { #expect(Self.names(["ODYS_JWKS_FILE": file]) == ["ODYS_JWKS_FILE"]) }
        #expect(Self.names(["ODYS_SESSION_COOKIE": "a b"]) == ["ODYS_SESSION_COOKIE"])
        #expect(
            Self.names(["ODYS_JWT_SECRET": nil, "ODYS_JWT_SECRET_FILE": "/secret"]) == ["ODYS_JWT_SECRET"])
        #expect(
            Self.names(["ODYS_JWT_SECRET": nil, "ODYS_JWT_SECRET_FILE": "/gone"]) == ["ODYS_JWT_SECRET_FILE"])
        // A short secret is no better for a key set beside it.
        #expect(
            Self.names(["ODYS_JWT_SECRET": "short", "ODYS_JWKS_FILE": "/etc/jwks.json"]) == ["ODYS_JWT_SECRET"])
    }
}
