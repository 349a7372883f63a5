import Testing

@testable import OdysCore

@Suite("Credentials: Authorization header and session cookie") struct CredentialTests {
    private static let reader = CredentialReader(sessionCookie: "sb-auth", allowedOrigins: ["https://app.example"])

    private static func read(_ headers: [(String, String)], method: String = "PATCH") -> Credential? {
        reader.credential(of: InterfaceWorld.request(method, headers: headers))
    }

    private static func cookie(_ value: String) -> String? {
        SessionCookie("sb-auth").token(in: [value])
    }

    private static func session(_ text: String) -> String { "base64-" + TokenSamples.encoded(Array(text.utf8)) }

    // MARK: Authorization

    @Test(
        "Authorization: Bearer and one token, the cookie is never a fallback",
        arguments: [
            ("Bearer t", "t"), ("bearer t", "t"), ("BEARER  t ", "t"), ("Bearer", nil), ("", nil), ("t", nil),
            ("Basic t", nil), ("Bearer a b", nil), ("Bearer\tt", nil),
            ("Bearer " + String(repeating: "x", count: 8_192), nil),
        ])
    func theFieldNamesTheSchemeBearer(_ value: String, _ token: String?) {
        #expect(Self.read([("HTTP_AUTHORIZATION", value)])?.token == token)
        // The cookie never stands in.
        #expect(Self.read([("HTTP_AUTHORIZATION", value), ("HTTP_COOKIE", "sb-auth=c")])?.token == token)
    }

    @Test("Authorization: a repeated field authenticates nobody")
    func aRepeatedFieldIsNobodys() {
        let twice = [("HTTP_AUTHORIZATION", "Bearer a"), ("HTTP_AUTHORIZATION", "Bearer a")]
        #expect(Self.read(twice + [("HTTP_COOKIE", "sb-auth=c")]) == nil)
    }

    @Test(
        "401: a token came with Bearer and something after it, or in the cookie",
        arguments: [
            ([], false), ([("HTTP_AUTHORIZATION", "Bearer t")], true), ([("HTTP_AUTHORIZATION", "bearer a b")], true),
            ([("HTTP_AUTHORIZATION", "Bearer")], false), ([("HTTP_AUTHORIZATION", "Bearer  ")], false),
            ([("HTTP_AUTHORIZATION", "Basic eDp5")], false), ([("HTTP_AUTHORIZATION", "")], false),
            ([("HTTP_AUTHORIZATION", "t"), ("HTTP_AUTHORIZATION", "Bearer t")], true),
            ([("HTTP_COOKIE", "sb-auth=base64-?")], true), ([("HTTP_COOKIE", "x=1; sb-auth.0=a; sb-auth.0=a")], true),
            ([("HTTP_COOKIE", "sb-auth=")], false), ([("HTTP_COOKIE", "sb-auth-code-verifier=a")], false),
            // With the field, the cookie is not looked at.
            ([("HTTP_AUTHORIZATION", "Basic eDp5"), ("HTTP_COOKIE", "sb-auth=c")], false),
        ] as [([(String, String)], Bool)])
    func aTokenThatCameIsTold(_ headers: [(String, String)], _ isPresented: Bool) {
        #expect(Self.reader.presentsToken(InterfaceWorld.request(headers: headers)) == isPresented)
    }

    @Test("session cookie: ignored unless ODYS_SESSION_COOKIE is set")
    func withoutTheSettingThereIsNoCookie() {
        let reader = CredentialReader(sessionCookie: nil, allowedOrigins: [])
        #expect(reader.credential(of: InterfaceWorld.request(headers: [("HTTP_COOKIE", "sb-auth=c; =c; c")])) == nil)
    }

    // MARK: Meant or not

    @Test(
        "session cookie: a write needs same-origin or a listed origin",
        arguments: [
            ([], false), ([("HTTP_ORIGIN", "https://app.example")], true),
            ([("HTTP_ORIGIN", "https://APP.example")], false),
            ([("HTTP_ORIGIN", "https://app.example/")], false), ([("HTTP_ORIGIN", "null")], false),
            ([("HTTP_ORIGIN", "")], false),
            ([("HTTP_ORIGIN", "https://app.example"), ("HTTP_ORIGIN", "https://app.example")], false),
            ([("HTTP_SEC_FETCH_SITE", "same-origin")], true), ([("HTTP_SEC_FETCH_SITE", "same-site")], false),
            ([("HTTP_SEC_FETCH_SITE", "cross-site")], false), ([("HTTP_SEC_FETCH_SITE", "none")], false),
            ([("HTTP_SEC_FETCH_SITE", "Same-Origin")], false), ([("HTTP_SEC_FETCH_SITE", "same-origin ")], false),
            ([("HTTP_REFERER", "https://app.example/")], false),
        ] as [([(String, String)], Bool)])
    func aCookieNeedsOneOfOurPages(_ headers: [(String, String)], _ passesCSRFCheck: Bool) {
        let cookie = [("HTTP_COOKIE", "sb-auth=c")]
        #expect(Self.read(cookie + headers) == Credential(token: "c", passesCSRFCheck: passesCSRFCheck))
        // Reading changes nothing, and a token in the field is put there by a program.
        for method in ["GET", "HEAD"] {
            #expect(Self.read(cookie + headers, method: method)?.passesCSRFCheck == true)
        }
        #expect(Self.read(headers + [("HTTP_AUTHORIZATION", "Bearer t")])?.passesCSRFCheck == true)
    }

    // MARK: The cookie

    @Test(
        "session cookie: found by its exact name",
        arguments: [
            ("sb-auth=a.b.c", "a.b.c"), ("x=1; sb-auth=t; y=2", "t"), ("x=1;sb-auth=t", "t"), ("sb-auth=t;", "t"),
            ("x; sb-auth=t; =; y", "t"), ("sb-auth=t=", "t="), ("sb-auth= t", " t"), ("é=1; sb-auth=t", "t"),
            ("", nil), ("sb-auth", nil), ("sb-auth=", nil), ("SB-AUTH=t", nil), ("sb-auth2=t", nil),
            ("sb-auth =t", nil),
            ("xsb-auth=t", nil),
            // Which one?
            ("sb-auth=t; sb-auth=u", nil), ("sb-auth=t; sb-auth=t", nil), ("sb-auth=; sb-auth=t", nil),
            // In pieces.
            ("sb-auth.0=a; sb-auth.1=b", "ab"), ("sb-auth.1=b; x=y; sb-auth.0=a", "ab"),
            ("sb-auth.0=a; sb-auth.2=c", "a"),
            ("sb-auth.1=b", nil), ("sb-auth.0=a; sb-auth.0=b", nil), ("sb-auth.0=a; sb-auth.1=b; sb-auth.1=c", nil),
            ("sb-auth.00=a", nil), ("sb-auth.x=a", nil), ("sb-auth.-1=a", nil), ("sb-auth.0=", nil),
            // The undivided one counts.
            ("sb-auth.0=a; sb-auth=t; sb-auth.1=b", "t"), ("sb-auth=; sb-auth.0=a", nil),
        ])
    func theCookieIsFoundByItsName(_ field: String, _ token: String?) {
        #expect(Self.cookie(field) == token)
    }

    @Test(
        "session cookie: access_token of a base64 session, whole or in chunks",
        arguments: [
            (#"{"access_token":"t","refresh_token":"r","user":{"name":"José 😀"}}"#, "t"), (#"{"access_token":""}"#, ""),
            ("{}", nil), (#"{"access_token":null}"#, nil), (#"{"access_token":["t"]}"#, nil), (#"["t"]"#, nil),
            ("t", nil),
            (#"{"access_token":"t","access_token":"u"}"#, nil), (#"{"access_token":"t""#, nil), ("", nil),
        ])
    func aSessionHoldsTheToken(_ text: String, _ token: String?) {
        #expect(Self.cookie("sb-auth=" + Self.session(text)) == token)
        let whole = Self.session(text)
        let middle = whole.index(whole.startIndex, offsetBy: whole.count / 2)
        #expect(Self.cookie("sb-auth.0=\(whole[..<middle]); sb-auth.1=\(whole[middle...])") == token)
    }

    @Test("session cookie: base64url is decoded strictly")
    func theSessionsBase64IsStrict() {
        let session = Self.session(#"{"access_token":"t"}"#)
        #expect(Self.cookie("sb-auth=" + session) == "t")
        for other in [
            session + "=", session + "A", String(session.dropLast()), session.uppercased(), "base64-",
            session.replacing("base64-", with: "BASE64-"), "\"\(session)\"",
        ] where other != session {
            let token = Self.cookie("sb-auth=" + other)
            #expect(token == nil || token == other, "\(other)")
        }
    }

    /// HTTP/2 splits the field, and nginx passes the parts on.
    @Test("session cookie: several Cookie fields count as one, bounded in size")
    func severalFieldsCountAsOne() {
        let cookie = SessionCookie("sb-auth")
        #expect(cookie.token(in: ["x=1", "sb-auth.0=a", "y=2; sb-auth.1=b"]) == "ab")
        #expect(cookie.token(in: ["sb-auth=a", "sb-auth=b"]) == nil)
        #expect(cookie.token(in: []) == nil)
        let filler = "x=" + String(repeating: "x", count: 16_000)
        #expect(cookie.token(in: [filler, "sb-auth=a", filler]) == "a")
        #expect(cookie.token(in: [filler, "sb-auth=a", filler, filler]) == nil)
    }

    @Test("session cookie: its name is an HTTP token of at most 128 characters")
    func aNameIsATokenOfHTTP() {
        for name in ["sb-odys-auth-token", "__Host-session", "a", "a.b~|"] { #expect(SessionCookie.isName(name)) }
        for name in ["", "a b", "a=b", "a;b", "a,b", "é", "a\n", "\"a\"", String(repeating: "a", count: 129)] {
            #expect(!SessionCookie.isName(name))
        }
    }
}
