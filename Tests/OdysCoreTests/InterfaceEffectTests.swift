import Testing

@testable import OdysCore

@Suite("Endpoint: failing effects, request id, CORS") struct InterfaceEffectTests {
    // MARK: Failing effects

    @Test(
        "PATCH: a failed transaction → 503 or 500, no outbox wake-up",
        arguments: [
            (StoreError.Kind.deadlock, 503, "unavailable"), (.timeout, 503, "unavailable"),
            (.connectionLost, 503, "unavailable"), (.refusing, 503, "unavailable"), (.schema, 503, "unavailable"),
            (.unknown, 503, "unavailable"), (.unexpected, 500, "internal"),
        ])
    func aFailingTransactionWakesNobody(_ kind: StoreError.Kind, _ status: Int, _ code: String) throws {
        let world = InterfaceWorld()
        let failure = StoreError(
            kind: kind, code: 1205, sqlState: "HY000", operation: "read the appointment", signal: "secret words")
        world.result = .failure(failure)
        let response = world.respond(to: InterfaceWorld.request())
        #expect(response.status == status)
        #expect(try JSON(reading: response.body)["code"]?.string == code)
        #expect(response.header("Retry-After") != nil || status == 500)
        #expect(world.records.map(\.failure) == [failure])
        #expect(world.effects.count == 2 && !world.effects.contains { $0.hasPrefix("wake") })
        let text = String(decoding: response.body, as: UTF8.self)
        for internals in ["1205", "HY000", "read the appointment", "secret words", kind.rawValue] {
            #expect(!text.contains(internals))
        }
    }

    @Test("PATCH: each effect happens once, the outbox is woken only after a commit")
    func eachEffectHappensOnceAndTheOutboxIsWokenOnlyAfterACommit() throws {
        let apply = "act \(InterfaceWorld.id) confirm - user-p from-nginx"
        let done = ActResult.changed(try InterfaceWorld.change())
        let table: [(UserID?, ActResult, [String])] = [
            (nil, done, ["record 401 unauthenticated"]),
            (UserID("user-p"), .refused(.notFound), [apply, "record 404 not_found"]),
            (UserID("user-p"), .refused(.forbidden), [apply, "record 403 forbidden"]),
            (UserID("user-p"), done, [apply, #"wake ["m1", "m2"]"#, "record 200 ok"]),
        ]
        for (userID, result, effects) in table {
            let world = InterfaceWorld()
            world.userID = userID
            world.result = .success(result)
            _ = world.respond(to: InterfaceWorld.request())
            #expect(world.effects == effects)
        }
    }

    @Test("PATCH: action and reason of the body reach the transaction")
    func whatTheBodySaysReachesTheTransaction() {
        let world = InterfaceWorld()
        let body = #"{"reason":"a\tb\nc","action":"Nonsense"}"#
        _ = world.respond(to: InterfaceWorld.request(body: .bytes(Array(body.utf8))))
        #expect(world.effects[0] == "act \(InterfaceWorld.id) unknown a b c user-p from-nginx")
    }

    // MARK: X-Request-Id

    @Test(
        "X-Request-Id: a safe one is kept",
        arguments: ["a", "0", "AZaz09._:-", String(repeating: "x", count: 128), "from-nginx"]
    )
    func aHarmlessRequestIDIsKept(_ id: String) throws {
        try expectRequestID([("HTTP_X_REQUEST_ID", id)], id)
    }

    @Test(
        "X-Request-Id: an unsafe one is replaced by the web server's",
        arguments: [
            String(repeating: "x", count: 129), "a b", " a", "é", "e\u{301}", "a\n", "a\r\nX: y", "<b>", "\"a\"", "a/b",
            "a;b", "\u{FF41}", "\0",
        ])
    func anyOtherRequestIDIsReplaced(_ id: String) throws {
        try expectRequestID([("HTTP_X_REQUEST_ID", id)], "from-nginx")
    }

    @Test("X-Request-Id: a repeated one is replaced by the web server's")
    func aRepeatedRequestIDIsReplaced() throws {
        try expectRequestID([("HTTP_X_REQUEST_ID", "a"), ("HTTP_X_REQUEST_ID", "b")], "from-nginx")
    }

    @Test("request id: made where neither peer sends a usable one")
    func aRequestWithoutAnyIDGetsOne() throws {
        // The web server's id comes twice here, so neither counts.
        try expectRequestID([("REQUEST_ID", "again")], InterfaceWorld.madeRequestID)
        try expectRequestID([("REQUEST_ID", "again"), ("HTTP_X_REQUEST_ID", "a b")], InterfaceWorld.madeRequestID)
        try expectRequestID([("REQUEST_ID", "again"), ("HTTP_X_REQUEST_ID", "ab")], "ab")
    }

    /// In the head, in an error's body, in the log and in the transaction.
    private func expectRequestID(_ headers: [(String, String)], _ id: String) throws {
        let world = InterfaceWorld()
        let response = world.respond(to: InterfaceWorld.request(headers: headers))
        #expect(response.header("X-Request-Id") == id)
        #expect(try JSON(reading: response.body)["requestId"] == .string(id))
        #expect(world.records.map(\.requestID) == [id])
        #expect(world.effects.contains { $0.hasPrefix("act ") && $0.hasSuffix(" user-p \(id)") })
    }

    // MARK: CORS

    @Test(
        "CORS: only a listed origin is named",
        arguments: [
            (["https://app.example"], true), (["https://other.example"], true), (["http://app.example"], false),
            (["https://APP.example"], false), (["https://app.example/"], false), (["https://app.example:443"], false),
            (["https://evil.example"], false), (["https://app.example.evil.example"], false), (["null"], false),
            (["*"], false), ([""], false), ([], false), (["https://app.example", "https://app.example"], false),
        ])
    func onlyAListedOriginIsNamed(_ origins: [String], _ isListed: Bool) {
        let world = InterfaceWorld()
        world.origins = ["https://app.example", "https://other.example"]
        let headers = origins.map { ("HTTP_ORIGIN", $0) }
        for method in ["PATCH", "OPTIONS", "POST"] {
            let response = world.respond(to: InterfaceWorld.request(method, headers: headers))
            #expect(response.header("Access-Control-Allow-Origin") == (isListed ? origins[0] : nil))
            #expect(response.header("Vary")?.contains("Origin") == true)
            let names = response.headers.map(\.name).filter { $0.hasPrefix("Access-Control-") }
            #expect(names.isEmpty != isListed)
            #expect(Set(names).count == names.count)
        }
    }

    @Test("CORS: a preflight → 204, without effects")
    func aPreflightIsAnsweredWithoutAnyEffect() throws {
        for (origin, isListed) in [("https://app.example", true), ("https://evil.example", false)] {
            let world = InterfaceWorld()
            let response = world.respond(to: InterfaceWorld.request("OPTIONS", headers: [("HTTP_ORIGIN", origin)]))
            #expect(response.status == 204)
            #expect(response.body == [])
            #expect(response.header("Content-Type") == nil)
            #expect(world.effects == [])
            let allowed = try #require(response.header("Allow"))
            #expect(response.header("Access-Control-Allow-Methods") == (isListed ? allowed : nil))
            let fields = (response.header("Access-Control-Allow-Headers") ?? "").split(separator: ", ")
            let needed = [
                "authorization", "content-type", "idempotency-key", "if-match", "x-request-id", "traceparent",
            ]
            #expect(fields.isEmpty != isListed)
            #expect(!isListed || needed.allSatisfy { fields.contains($0[...]) })
        }
    }

    @Test("OPTIONS: another path → 404")
    func optionsOnAnotherPathIs404() {
        let world = InterfaceWorld()
        #expect(world.respond(to: InterfaceWorld.request("OPTIONS", "/api/appointments/1")).status == 404)
    }

    @Test("CORS: responses expose the headers that pages read")
    func anAnswerExposesWhatAPageMayRead() {
        let world = InterfaceWorld()
        let request = InterfaceWorld.request(headers: [("HTTP_ORIGIN", "https://app.example")])
        let exposed = world.respond(to: request).header("Access-Control-Expose-Headers") ?? ""
        for name in ["ETag", "Retry-After", "X-Request-Id", "Idempotency-Replayed"] {
            #expect(exposed.split(separator: ", ").contains(name[...]))
        }
    }
}
