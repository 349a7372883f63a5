import Testing

@testable import OdysCore

@Suite struct TokenTests {
    private static func user(_ token: String, now: Double = TokenSamples.now) -> String? {
        TokenSamples.verifier().userID(in: token, now: now)?.text
    }

    private static let farExp = #""exp":1893459600"#

    // MARK: Fixed vectors

    /// Signed elsewhere: Python's hmac over {"alg":"HS256","typ":"JWT"}.
    private static let fixed =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        + ".eyJzdWIiOiIxMTExMTExMS0xMTExLTQxMTEtODExMS0xMTExMTExMTExMTEiLCJleHAiOjE4OTM0NTYwMDB9"
        + ".lN2JIrKJo7HRvmcoPif3D7OXoBrZXUWwfyxw1Zvx6qE"

    @Test("JWT: an HS256 token of another library is verified")
    func aTokenSignedElsewhereIsRead() {
        #expect(Self.user(Self.fixed, now: 1_893_455_999) == "11111111-1111-4111-8111-111111111111")
    }

    /// The signer of these tests against RFC 7515, appendix A.1, and RFC 4231, case 2.
    @Test("test signer: RFC 7515, appendix A.1, and RFC 4231, case 2")
    func theTestsOwnSignerIsRight() throws {
        let signed =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
            + ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let key = try #require(
            Base64.bytes(
                urlSafe:
                    Array("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow".utf8)
            ))
        #expect(
            TokenSamples.encoded(Signature.hmac(Array(signed.utf8), key: key))
                == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        let digest = Signature.hmac(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(digest.prefix(8) == [0x5B, 0xDC, 0xC1, 0x46, 0xBF, 0x60, 0x75, 0x4E])
    }

    @Test("mint: byte for byte the token of a reference")
    func mintedTokensAreThoseOfTheSpecification() throws {
        let key = TokenKey(sharedSecret: TokenSamples.secret)
        #expect(key.mint(subject: "11111111-1111-4111-8111-111111111111", expires: 1_893_456_000) == Self.fixed)
        let minted = try #require(key.mint(subject: "joão", expires: 1_893_456_000, issuer: "i", audience: "a"))
        #expect(minted == TokenSamples.token(#"{"sub":"joão","exp":1893456000,"iss":"i","aud":"a"}"#))
        #expect(
            TokenSamples.verifier(issuer: "i", audience: "a").userID(in: minted, now: TokenSamples.now)?.text == "joão")
    }

    // MARK: Claims

    @Test(
        "JWT claims: accepted",
        arguments: [
            (#"{"sub":"u",\#(farExp)}"#, "u"), (#" { "sub" : "u" , \#(farExp) } "#, "u"),
            (#"{"sub":"\u0061",\#(farExp),"role":"admin","aud":["x"],"iss":1}"#, "a"),
            (#"{"sub":"u","exp":1893456000.5}"#, "u"), (#"{"sub":"u","exp":1.8934596e9}"#, "u"),
            (#"{"sub":"u","exp":9007199254740993}"#, "u"), (#"{"sub":"u","exp":1e300}"#, "u"),
            (#"{"sub":"u","exp":99999999999999999999999999}"#, "u"), (#"{"sub":"u",\#(farExp),"nbf":-1e300}"#, "u"),
            (#"{"sub":"u",\#(farExp),"nbf":0,"iat":1893456030}"#, "u"), (#"{"sub":"e\u0301",\#(farExp)}"#, "e\u{301}"),
            // As many bytes as the column holds.
            (#"{"sub":"\#(String(repeating: "é", count: 32))",\#(farExp)}"#, String(repeating: "é", count: 32)),
        ])
    func good(_ claims: String, _ subject: String) throws {
        let user = try #require(Self.user(TokenSamples.token(claims)))
        #expect(Array(user.utf8) == Array(subject.utf8))
    }

    @Test(
        "JWT claims: refused",
        arguments: [
            // No object, or none that every reader reads alike.
            "", "null", "[]", "\"sub\"", "1", "{}", #"{"sub":"u",\#(farExp)"#, #"{"sub":"u",\#(farExp)}}"#,
            "\u{FEFF}{\"sub\":\"u\",\(farExp)}", #"{"sub":"u","sub":"v",\#(farExp)}"#,
            #"{"sub":"u",\#(farExp),\#(farExp)}"#,
            #"{"sub":"u","\u0073ub":"v",\#(farExp)}"#, #"{"sub":"u",\#(farExp),"x":{"a":1,"a":1}}"#,
            // The subject.
            #"{\#(farExp)}"#, #"{"sub":"",\#(farExp)}"#, #"{"sub":null,\#(farExp)}"#, #"{"sub":1,\#(farExp)}"#,
            #"{"sub":["u"],\#(farExp)}"#, #"{"sub":{"id":"u"},\#(farExp)}"#, #"{"Sub":"u",\#(farExp)}"#,
            #"{"sub":"\#(String(repeating: "é", count: 32))a",\#(farExp)}"#,
            // The expiry.
            #"{"sub":"u"}"#, #"{"sub":"u","exp":null}"#, #"{"sub":"u","exp":"1893459600"}"#, #"{"sub":"u","exp":true}"#,
            #"{"sub":"u","exp":[1893459600]}"#, #"{"sub":"u","exp":0}"#, #"{"sub":"u","exp":-1893459600}"#,
            #"{"sub":"u","exp":1e400}"#, #"{"sub":"u","exp":-1e300}"#, #"{"sub":"u","exp":0x70db5f10}"#,
            #"{"sub":"u","exp":NaN}"#, #"{"sub":"u","exp":Infinity}"#, #"{"sub":"u","EXP":1893459600}"#,
            // The beginning.
            #"{"sub":"u",\#(farExp),"nbf":1893456031}"#, #"{"sub":"u",\#(farExp),"nbf":"0"}"#,
            #"{"sub":"u",\#(farExp),"nbf":null}"#, #"{"sub":"u",\#(farExp),"nbf":true}"#,
            #"{"sub":"u",\#(farExp),"nbf":1e300}"#, #"{"sub":"u",\#(farExp),"iat":1893456031}"#,
            #"{"sub":"u",\#(farExp),"iat":"0"}"#, #"{"sub":"u",\#(farExp),"iat":null}"#,
            // A logout token (OpenID Connect Back-Channel Logout 1.0, 2.4).
            #"{"sub":"u",\#(farExp),"events":{"http://schemas.openid.net/event/backchannel-logout":{}}}"#,
            #"{"sub":"u",\#(farExp),"events":null}"#,
        ])
    func bad(_ claims: String) {
        #expect(Self.user(TokenSamples.token(claims)) == nil)
    }

    @Test("JWT claims: invalid UTF-8 is refused")
    func claimsThatAreNotUTF8AreBad() {
        let claims = Array(#"{"sub":"u"#.utf8) + [0xC3, 0x28] + Array(#"",\#(Self.farExp)}"#.utf8)
        #expect(Self.user(TokenSamples.token(bytes: claims)) == nil)
    }

    /// The end is excluded, the beginning included.
    @Test(
        "JWT times: 30 s of leeway on each side",
        arguments: [
            (-31.0, nil, true), (29.0, nil, true), (29.999, nil, true), (30.0, nil, false), (30.5, nil, false),
            (0.0, 30.0, true), (0.0, 30.001, false), (0.0, 31.0, false), (0.0, -1.0, true), (29.0, 59.0, true),
            (29.0, 59.5, false),
        ] as [(Double, Double?, Bool)])
    func leewayIsThirtySeconds(_ late: Double, _ begins: Double?, _ isGood: Bool) {
        let expires = TokenSamples.now
        let notBefore = begins.map { #","nbf":\#(expires + $0)"# } ?? ""
        let token = TokenSamples.token(#"{"sub":"u","exp":\#(expires)\#(notBefore)}"#)
        #expect((Self.user(token, now: expires + late) != nil) == isGood)
    }

    // MARK: The header

    @Test(
        "JWT header: accepted",
        arguments: [
            #"{"alg":"HS256"}"#, #"{"typ":"at+jwt","alg":"HS256"}"#, #"{"alg":"HS256","cty":1,"x5t":"AAAA"}"#,
            #"{"alg":"HS256","typ":"jwt"}"#, #"{"alg":"HS256","typ":"application/at+jwt"}"#,
            #"{"alg":"HS256","typ":"AT+JWT"}"#, #"{"alg":"HS256","typ":"application/JWT"}"#,
            // There is a secret, so the name of its key says nothing.
            #"{"alg":"HS256","kid":"1"}"#, #"{"alg":"HS256","kid":""}"#,
        ])
    func goodHeaders(_ header: String) {
        #expect(Self.user(TokenSamples.token(#"{"sub":"u",\#(Self.farExp)}"#, header: header)) == "u")
    }

    @Test(
        "JWT header: refused",
        arguments: [
            #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":"HS512"}"#, #"{"alg":"RS256"}"#, #"{"alg":"ES256"}"#,
            #"{"alg":"hs256"}"#, #"{"alg":""}"#, #"{"alg":null}"#, #"{"alg":["HS256"]}"#, #"{"alg":256}"#, "{}",
            #"{"typ":"JWT"}"#, #"{"alg":"HS256","alg":"none"}"#, #"{"alg":"none","alg":"HS256"}"#,
            #"{"alg":"HS256 "}"#, #"{"alg":"HS256","kid":1}"#, #"{"alg":"HS256","kid":null}"#,
            // Made for something else.
            #"{"alg":"HS256","typ":"logout+jwt"}"#, #"{"alg":"HS256","typ":"dpop+jwt"}"#,
            #"{"alg":"HS256","typ":"secevent+jwt"}"#, #"{"alg":"HS256","typ":"JOSE"}"#, #"{"alg":"HS256","typ":""}"#,
            #"{"alg":"HS256","typ":null}"#, #"{"alg":"HS256","typ":["JWT"]}"#, #"{"alg":"HS256","typ":"JWT "}"#,
            #"{"alg":"HS256","typ":"text/jwt"}"#, #"{"alg":"HS256","typ":"application/application/jwt"}"#,
            #"{"alg":"HS256","crit":["exp"]}"#, #"{"alg":"HS256","crit":[]}"#,
            #"{"alg":"HS256","b64":false,"crit":["b64"]}"#, #"{"alg":"HS256","b64":true}"#,
            #"{"alg":"HS256","x5u":"https://evil"}"#, #"{"alg":"HS256","jku":"https://evil"}"#,
            #"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#, #"{"alg":"HS256","x5c":[]}"#,
            "null", "[]", #""HS256""#, "",
        ])
    func badHeaders(_ header: String) {
        #expect(Self.user(TokenSamples.token(#"{"sub":"u",\#(Self.farExp)}"#, header: header)) == nil)
    }

    // MARK: Issuer and audience

    @Test(
        "iss: compared byte by byte",
        arguments: [
            (#""iss":"https://i""#, true), (#""iss":"https://I""#, false), (#""iss":"https://i/""#, false),
            (#""iss":["https://i"]"#, false), (#""iss":null"#, false), (#""x":1"#, false),
        ])
    func theIssuerIsComparedByBytes(_ claim: String, _ isGood: Bool) {
        let token = TokenSamples.token(#"{"sub":"u",\#(Self.farExp),\#(claim)}"#)
        let verifier = TokenSamples.verifier(issuer: "https://i")
        #expect((verifier.userID(in: token, now: TokenSamples.now) != nil) == isGood)
    }

    @Test(
        "aud: a text or a list, compared byte by byte",
        arguments: [
            (#""aud":"caf\u00e9""#, true), (#""aud":"cafe\u0301""#, false), (#""aud":["x","caf\u00e9"]"#, true),
            (#""aud":["x",1,null,"café"]"#, true), (#""aud":["cafe\u0301"]"#, false), (#""aud":[]"#, false),
            (#""aud":[["café"]]"#, false), (#""aud":{"café":1}"#, false), (#""aud":null"#, false), (#""x":1"#, false),
            (#""aud":"x café""#, false), (#""iss":"cafe\u0301","aud":"x""#, false),
        ])
    func theAudienceIsOrContainsOursByBytes(_ claim: String, _ isGood: Bool) {
        let token = TokenSamples.token(#"{"sub":"u",\#(Self.farExp),\#(claim)}"#)
        let verifier = TokenSamples.verifier(audience: "caf\u{E9}")
        #expect((verifier.userID(in: token, now: TokenSamples.now) != nil) == isGood)
        let issuing = TokenSamples.token(
            #"{"sub":"u",\#(Self.farExp),\#(claim.replacing(#""aud""#, with: #""iss""#))}"#)
        let isText = claim == #""aud":"caf\u00e9""#
        let issuer = TokenSamples.verifier(issuer: "caf\u{E9}")
        #expect((issuer.userID(in: issuing, now: TokenSamples.now) != nil) == isText)
    }
}
