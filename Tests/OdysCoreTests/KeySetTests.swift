import Testing

@testable import OdysCore

@Suite("JWKS: usable keys, choice by kid") struct KeySetTests {
    private static let now = 1_893_456_000.0

    // MARK: Signatures of the specification

    /// RFC 7515, appendix A.3. Its claims have no subject, so that alone is wrong with it.
    @Test("JWKS: the ES256 example of RFC 7515 verifies")
    func theSpecificationsOwnES256TokenIsRead() throws {
        let key = KeySamples.jwk([
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        ])
        let token =
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
            + "lSApmWQxfKTUJqPP3-Kg6NU1Q"
        let examination = try KeySamples.verifier([key]).examine(token, now: 1_300_819_379)
        #expect(examination.problems == [.subject])
    }

    @Test("JWKS: ES256 and RS256 tokens of another library are verified")
    func tokensSignedElsewhereAreRead() throws {
        let verifier = try KeySamples.verifier([KeySamples.jwk(KeySamples.ec), KeySamples.jwk(KeySamples.rsa)])
        for token in [KeySamples.es256, KeySamples.rs256] {
            #expect(verifier.userID(in: token, now: Self.now)?.text == "u")
            let parts = token.split(separator: ".")
            // A signature of another length, of zeros, and one bit away.
            for other in ["", String(parts[2].dropLast(4)), parts[2] + "AAAA", String(repeating: "A", count: 86)] {
                #expect(verifier.userID(in: "\(parts[0]).\(parts[1]).\(other)", now: Self.now) == nil)
            }
            let changed = parts[2].first == "A" ? "B" : "A"
            #expect(
                verifier.userID(in: "\(parts[0]).\(parts[1]).\(changed)\(parts[2].dropFirst())", now: Self.now) == nil)
        }
        for token in [KeySamples.ps256, KeySamples.rs512] {
            #expect(verifier.examine(token, now: Self.now).problems == [.algorithm(.rs256)])
        }
    }

    @Test("JWKS: the thumbprint of RFC 7638, section 3.1")
    func theThumbprintIsTheOneOfTheSpecification() throws {
        let n =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ"
            + "CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJ"
            + "ZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBn"
            + "iIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        let key = KeySamples.jwk(["kty": "RSA", "n": .string(n), "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"])
        #expect(try KeySamples.set([key]).keys.first?.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    // MARK: What is a key

    @Test(
        "JWKS: EC keys that are used",
        arguments: [
            [:], ["kid": nil], ["use": "sig"], ["alg": "ES256"], ["key_ops": .array(["verify"])], ["x5t": "x"],
            ["kid": "é/../\u{0}"],
        ] as [[String: JSON?]])
    func ecKeysThatAreUsed(_ changes: [String: JSON?]) throws {
        let set = try KeySamples.set([KeySamples.jwk(KeySamples.ec, changes)])
        #expect(set.keys.map(\.algorithm) == [.es256] && set.leftOut == [])
    }

    @Test(
        "JWKS: unusable EC keys are left out, the other keys stay",
        arguments: [
            ["use": "enc"], ["use": nil as JSON?, "key_ops": .array(["sign"])], ["key_ops": "verify"], ["alg": "RS256"],
            ["alg": "HS256"],
            ["alg": "ES384"], ["alg": 1], ["kid": 1], ["kid": ""], ["kid": .null], ["kty": "ec"], ["kty": nil],
            ["kty": "OKP"],
            ["crv": "P-384", "x": .string(KeySamples.p384.x), "y": .string(KeySamples.p384.y)], ["crv": "secp256k1"],
            ["crv": nil], ["x": nil], ["y": .string(KeySamples.ecX)], ["x": .string(KeySamples.ecX + "=")],
            ["x": .string("AA" + KeySamples.ecX)], ["x": "AA"], ["y": ""], ["d": "AA"], ["d": .null],
            ["kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"], ["k": "AA"],
        ] as [[String: JSON?]])
    func ecKeysThatAreLeftOut(_ changes: [String: JSON?]) throws {
        let set = try KeySamples.set([KeySamples.jwk(KeySamples.ec, changes), KeySamples.jwk(KeySamples.rsa)])
        #expect(set.keys.map(\.id) == ["rsa-1"], "one bad key does not spoil the others")
        #expect(set.leftOut.count == 1 && set.leftOut[0].hasPrefix("key 1: "))
    }

    @Test(
        "JWKS: unusable RSA keys are left out",
        arguments: [
            ["n": .string(KeySamples.weakN)], ["n": nil], ["e": nil], ["n": ""], ["n": "AAAA"], ["e": ""], ["e": "AA"],
            ["e": "Ag"],
            ["n": .string(String(repeating: "_", count: 1_400))], ["alg": "PS256"], ["alg": "RS512"], ["p": "AQ"],
            ["n": .string(KeySamples.rsaN + "==")],
        ] as [[String: JSON?]])
    func rsaKeysThatAreLeftOut(_ changes: [String: JSON?]) throws {
        let set = try KeySamples.set([KeySamples.jwk(KeySamples.rsa, changes)])
        #expect(set.keys == [] && set.leftOut.count == 1)
    }

    /// By our own bound, whatever the library's is.
    @Test("JWKS: an RSA key of 1,024 bits is left out")
    func aShortRSAKeyIsLeftOutForItsLength() throws {
        let set = try KeySamples.set([KeySamples.jwk(KeySamples.rsa, ["n": .string(KeySamples.weakN)])])
        #expect(set.leftOut == ["key 1: it has 1024 bits, and not 2048 to 8192"])
    }

    @Test("JWKS: of two keys with one kid the first is used")
    func aNameThatComesTwiceIsUsedOnce() throws {
        let set = try KeySamples.set([
            KeySamples.jwk(KeySamples.ec, ["kid": "a"]), KeySamples.jwk(KeySamples.rsa, ["kid": "a"]),
        ])
        #expect(set.keys.map(\.algorithm) == [.es256] && set.leftOut.count == 1)
    }

    @Test(
        "JWKS: texts that are not a key set",
        arguments: [
            "", "null", "[]", "{}", #"{"keys":null}"#, #"{"keys":{}}"#, #"{"keys":[]"#, #"{"keys":[],"keys":[]}"#,
            #"{"keys":[\#(Array(repeating: "{}", count: 65).joined(separator: ","))]}"#,
            #"{"keys":[],"x":"\#(String(repeating: "x", count: 70_000))"}"#, "<html>",
        ])
    func whatIsNoKeySet(_ text: String) {
        #expect(throws: KeySet.Problem.self) { try KeySet(reading: Array(text.utf8)) }
    }

    @Test("JWKS: an empty set is valid, but not as a key file")
    func anEmptySetIsASetButNoFileForAnOperator() throws {
        #expect(try KeySamples.set([]).keys == [])
        #expect(try KeySamples.set([.null, 1]).leftOut.count == 2)
        #expect(throws: KeySet.Problem.self) { try KeySet(usable: Array(#"{"keys":[]}"#.utf8)) }
    }

    // MARK: Which key

    /// Hosted Supabase stamps a kid on every token.
    @Test("kid: HS256 is judged by the shared secret where there is one, whatever its kid")
    func theSecretAndTheKeySetShareNoNames() throws {
        let secret = TokenSamples.secret
        let claims = #"{"sub":"u","exp":1893459600}"#
        let both = try KeySamples.verifier(
            [KeySamples.jwk(KeySamples.ec), KeySamples.jwk(KeySamples.ec, ["kid": nil])], secret: secret)
        #expect(both.userID(in: TokenSamples.token(claims, secret: secret), now: Self.now)?.text == "u")
        #expect(both.userID(in: KeySamples.es256, now: Self.now)?.text == "u")
        // Another algorithm without a name is the secret's too.
        #expect(both.examine(KeySamples.es256Unnamed, now: Self.now).problems == [.algorithm(.hs256)])
        let published = try KeySamples.verifier([KeySamples.jwk(KeySamples.ec)])
        for (name, problem) in [("ec-1", TokenProblem.algorithm(.es256)), ("ec-2", .unknownKey), ("", .unknownKey)] {
            let token = TokenSamples.token(claims, header: #"{"alg":"HS256","kid":"\#(name)"}"#, secret: secret)
            #expect(both.userID(in: token, now: Self.now)?.text == "u")
            #expect(!both.examine(token, now: Self.now).namesUnknownKey)
            #expect(published.examine(token, now: Self.now).problems == [problem])
            let forged = TokenSamples.token(claims, header: #"{"alg":"HS256","kid":"\#(name)"}"#, secret: secret + "0")
            #expect(both.examine(forged, now: Self.now).problems == [.signature])
        }
    }

    @Test("kid: a key without one is used if it is the only one of its algorithm")
    func aKeyWithoutANameCountsWhereItIsTheOnlyOne() throws {
        let unnamed = KeySamples.jwk(KeySamples.ec, ["kid": nil])
        let other = KeySamples.jwk(KeySamples.rsa, ["kid": nil])
        let good = try KeySamples.verifier([unnamed, KeySamples.jwk(KeySamples.rsa)])
        #expect(good.userID(in: KeySamples.es256Unnamed, now: Self.now)?.text == "u")
        // A name is never ignored.
        #expect(good.examine(KeySamples.es256, now: Self.now).problems == [.unknownKey])
        #expect(try KeySamples.verifier([unnamed, other]).userID(in: KeySamples.es256Unnamed, now: Self.now) == nil)
        #expect(
            try KeySamples.verifier([KeySamples.jwk(KeySamples.ec)]).userID(
                in: KeySamples.es256Unnamed, now: Self.now) == nil)
    }

    @Test("kid: only an unknown one asks for new keys")
    func onlyAnUnknownNameAsksForNewKeys() throws {
        let verifier = try KeySamples.verifier([KeySamples.jwk(KeySamples.rsa)])
        #expect(verifier.examine(KeySamples.es256, now: Self.now).namesUnknownKey)
        for token in [KeySamples.es256Unnamed, KeySamples.rs256, KeySamples.rs512, "a.b.c", ""] {
            #expect(!verifier.examine(token, now: Self.now).namesUnknownKey)
        }
        let unnamed = TokenSamples.token("{}", header: #"{"alg":"ES256","kid":7}"#)
        #expect(!verifier.examine(unnamed, now: Self.now).namesUnknownKey)
    }

    @Test("examine: every problem of a token is listed")
    func everyProblemIsNamed() throws {
        let token = TokenSamples.token(
            #"{"sub":"","nbf":"x","iat":9999999999}"#, header: #"{"alg":"none","jku":"u","crit":[],"kid":"x"}"#)
        var verifier = try KeySamples.verifier([KeySamples.jwk(KeySamples.ec)])
        verifier = TokenVerifier(keys: verifier.keys, issuer: "i", audience: "a")
        let problems = verifier.examine(token, now: Self.now).problems
        #expect(
            problems == [
                .forbidden("crit"), .forbidden("jku"), .unknownKey, .missing("exp"), .notANumber("nbf"),
                .inTheFuture("iat"), .wrong("iss"), .wrong("aud"), .subject,
            ])
        #expect(Set(problems.map(\.description)).count == problems.count)
    }
}
