import Testing

@testable import OdysCore

@Suite("Idempotency-Key, If-Match and If-None-Match") struct ConditionTests {
    private static func read(
        _ headers: [(String, String)], body: String = #"{"action":"cancel","reason":"a"}"#, user: String = "user-p",
        id: String = InterfaceWorld.id
    ) throws -> Result<ActionRequest, Refusal> {
        let request = InterfaceWorld.request(headers: headers, body: .bytes(Array(body.utf8)))
        switch ActionRequest.plan(request, try #require(AppointmentID(id)), by: UserID(user)) {
        case .act(_, let wanted): return .success(wanted)
        case .refuse(let refusal): return .failure(refusal)
        case .preflight, .read, .readHistory: preconditionFailure("a PATCH acts or is refused")
        }
    }

    private static func key(
        _ key: String, body: String = #"{"action":"cancel","reason":"a"}"#, user: String = "user-p",
        id: String = InterfaceWorld.id
    ) throws -> IdempotencyKey {
        let read = try read([("HTTP_IDEMPOTENCY_KEY", key)], body: body, user: user, id: id)
        return try #require(try read.get().idempotencyKey)
    }

    private static func refusal(_ headers: [(String, String)]) throws -> Refusal? {
        if case .failure(let refusal) = try read(headers) { refusal } else { nil }
    }

    // MARK: If-Match

    @Test(
        "If-Match: a quoted version or * is accepted",
        arguments: [
            ("\"1\"", 1), ("\"0\"", 0), ("\"4294967295\"", 4_294_967_295), ("*", nil),
        ] as [(String, Int?)])
    func aVersionOrAnyIsExpected(_ value: String, _ version: Int?) throws {
        #expect(try Self.read([("HTTP_IF_MATCH", value)]).get().expectedVersion == version)
    }

    @Test(
        "If-Match: weak, listed, unquoted and other forms → invalidHeader",
        arguments: [
            "1", "\"1", "1\"", "\"", "\"\"", "W/\"1\"", "w/\"1\"", "\"1\", \"2\"", "\"1\",", "\"01\"", "\"+1\"",
            "\"-1\"",
            "\"1.0\"",
            "\" 1\"", "\"1\" ", " \"1\"", "\"a\"", "\"*\"", "**", "*, \"1\"", "'1'", "\"１\"",
            "\"99999999999999999999\"",
            "",
            "\"1\"\"1\"", "\u{201C}1\u{201D}",
        ])
    func anyOtherPreconditionIsUnusable(_ value: String) throws {
        #expect(try Self.refusal([("HTTP_IF_MATCH", value)]) == .invalidHeader)
    }

    // MARK: If-None-Match

    @Test(
        "If-None-Match: * or entity tags, compared weakly, as one list over all fields",
        arguments: [
            (["*"], .all), (["\"2\""], .only([2])), (["W/\"2\""], .only([2])),
            (["\"2\", W/\"3\",\"4\""], .only([2, 3, 4])),
            (["\"2\"", "\"3\""], .only([2, 3])), (["\"a,b\", \"\" ,, \"7\","], .only([7])), (["\"*\""], .only([])),
            ([], .only([])),
        ] as [([String], ExcludedVersions)])
    func versionsAreExcluded(_ values: [String], _ versions: ExcludedVersions) throws {
        let read = try Self.read(values.map { ("HTTP_IF_NONE_MATCH", $0) }).get()
        #expect(read.excludedVersions == versions)
    }

    @Test(
        "If-None-Match: any other form → invalidHeader",
        arguments: [
            [""], ["2"], ["\"2"], ["2\""], ["\""], ["\"2\"\"3\""], ["\"2\" \"3\""], ["*, \"2\""], ["*", "*"], ["**"],
            ["w/\"2\""], ["\"2\"W/"], ["\"2\", W/"], ["X/\"2\""], [","], ["\u{201C}2\u{201D}"],
            ["\"" + String(repeating: "x", count: 8_192) + "\""],
        ])
    func anyOtherExclusionIsUnusable(_ values: [String]) throws {
        #expect(try Self.refusal(values.map { ("HTTP_IF_NONE_MATCH", $0) }) == .invalidHeader)
    }

    @Test("If-Match, Idempotency-Key: a repeated field is refused, both are optional")
    func aRepeatedFieldIsUnusable() throws {
        for (name, value) in [("HTTP_IF_MATCH", "\"1\""), ("HTTP_IF_MATCH", "*"), ("HTTP_IDEMPOTENCY_KEY", "a")] {
            #expect(try Self.refusal([(name, value)]) == nil)
            #expect(try Self.refusal([(name, value), (name, value)]) == .invalidHeader)
        }
        #expect(try Self.read([]).get().expectedVersion == nil)
        #expect(try Self.read([]).get().idempotencyKey == nil)
    }

    // MARK: Idempotency-Key

    @Test(
        "Idempotency-Key: bare or quoted, 1 to 255 visible ASCII characters",
        arguments: [
            "a", "\"a\"", "8e03978e-40d5-43e8-bc93-6894a57f9324", "!#$%&'*+-.^_`|~:/@,;=?()<>[]{}", "a\"b", "a\"",
            String(repeating: "k", count: 255), "\"" + String(repeating: "k", count: 255) + "\"",
        ])
    func aTokenOrAQuotedTextIsAKey(_ value: String) throws {
        #expect(try Self.refusal([("HTTP_IDEMPOTENCY_KEY", value)]) == nil)
        #expect(try Self.key(value).keyHash.count == 32)
    }

    @Test(
        "Idempotency-Key: empty, spaces, non-ASCII, more than 255 characters → invalidHeader",
        arguments: [
            "", "\"", "\"\"", "\"a", "\"a\"b", "a b", " a", "a ", "\"a b\"", "a\t", "é", "\u{7F}", "a\0", "a\n",
            "\u{FF41}",
            String(repeating: "k", count: 256), "\"" + String(repeating: "k", count: 256) + "\"",
        ])
    func anythingElseIsNoKey(_ value: String) throws {
        #expect(try Self.refusal([("HTTP_IDEMPOTENCY_KEY", value)]) == .invalidHeader)
    }

    @Test("Idempotency-Key: quoted and bare are the same key, every other text is another")
    func quotedAndBareAreTheSameKeyAndEveryOtherIsAnother() throws {
        #expect(try Self.key("a") == Self.key("\"a\""))
        let keys = try ["a", "A", "b", "a\"", "aa", "%61"].map { try Self.key($0).keyHash }
        #expect(Set(keys).count == keys.count)
    }

    @Test("Idempotency-Key: each caller has a key space of their own")
    func keysOfDifferentCallersAreDifferentKeys() throws {
        let hashes = try ["user-p", "user-c", "USER-P", "jos\u{E9}", "jose\u{301}"].map {
            try Self.key("a", user: $0).actorHash
        }
        #expect(Set(hashes).count == hashes.count)
        #expect(try Self.key("a").keyHash == Self.key("a", user: "user-c").keyHash)
    }

    @Test("fingerprint: equal for the same parsed request, different for any other")
    func theFingerprintIsThatOfTheRequestsMeaning() throws {
        let first = try Self.key("a").fingerprint
        for same in [
            #"{ "action" : "cancel" , "reason" : "a" }"#, #"{"reason":"a","action":"cancel"}"#,
            #"{"\u0061ction":"c\u0061ncel","reason":"\u0061"}"#,
        ] {
            #expect(try Self.key("a", body: same).fingerprint == first)
        }
        let others = try [
            #"{"action":"cancel","reason":"b"}"#, #"{"action":"cancel"}"#, #"{"action":"cancel","reason":null}"#,
            #"{"action":"reject","reason":"a"}"#, #"{"action":"cancel","reason":"a","x":1}"#,
            #"{"action":"cancel","reason":"a","x":[1,2]}"#, #"{"action":"cancel","reason":"a","x":[2,1]}"#,
            #"{"action":"cancel","reason":"e\u0301"}"#, #"{"action":"cancel","reason":"\u00e9"}"#,
        ].map { try Self.key("a", body: $0).fingerprint }
        #expect(Set(others + [first]).count == others.count + 1)
        let elsewhere = try Self.key("a", id: "0d5a1d53-0b8e-4d26-9c0e-2d0f0e6a4b12").fingerprint
        #expect(elsewhere != first)
        #expect(try Self.key("a", id: InterfaceWorld.id.uppercased()).fingerprint == first)
    }
}
