import Testing

@testable import OdysCore

@Suite struct InterfaceTests {
    private static let applied = "act \(InterfaceWorld.id) confirm - user-p from-nginx"

    // MARK: Success

    @Test("PATCH: 200 with the JSON of the contract")
    func successIsTheContractsJSON() throws {
        let world = InterfaceWorld()
        world.result = .success(.changed(try InterfaceWorld.change()))
        let response = world.respond(to: InterfaceWorld.request())
        let expected: JSON = [
            "success": .bool(true),
            "appointment": [
                "id": .string(InterfaceWorld.id), "status": "confirmed", "paymentStatus": "authorized",
                "startsAt": "2026-12-01T17:00:00Z", "endsAt": "2026-12-01T17:50:00Z", "version": 2,
                "updatedAt": "2026-11-22T10:00:00.123456Z",
            ],
            "messages": .array([
                [
                    "id": "m1", "to": "client", "channel": "whatsapp", "template": "booking_confirmed",
                    "state": "pending",
                ],
                [
                    "id": "m2", "to": "professional", "channel": "whatsapp",
                    "template": "booking_confirmed_receipt", "state": "skipped",
                ],
            ]),
        ]
        #expect(response.status == 200)
        #expect(response.body == expected.bytes)
        #expect(response.header("ETag") == "\"2\"")
        #expect(response.header("Content-Type") == "application/json")
        #expect(response.header("Cache-Control") == "no-store")
        #expect(response.header("X-Request-Id") == "from-nginx")
        #expect(Set(response.headers.map { $0.name.lowercased() }).count == response.headers.count)
        let record = try #require(world.records.first)
        #expect(record.appointmentID?.description == InterfaceWorld.id)
        #expect(record.action == .confirm && record.role == .professional && record.failure == nil)
    }

    @Test("PATCH: a stored answer is replayed byte for byte, without a wake-up")
    func aStoredAnswerIsReplayedByteForByteAndWakesNobody() {
        let world = InterfaceWorld()
        let stored = StoredAnswer(status: 200, etag: "\"7\"", body: [0x7B, 0x20, 0x7D, 0x0A])
        world.result = .success(.replayed(stored))
        let response = world.respond(to: InterfaceWorld.request())
        #expect(response.status == 200)
        #expect(response.body == stored.body)
        #expect(response.header("ETag") == "\"7\"")
        #expect(response.header("Content-Type") == "application/json")
        #expect(response.header("Idempotency-Replayed") == "true")
        #expect(world.effects == [Self.applied, "record 200 replayed"])
    }

    // MARK: Refusals

    @Test("PATCH: every refusal has the form of the contract")
    func everyRefusalHasTheContractsForm() throws {
        for row in try RefusalRow.all() {
            let world = InterfaceWorld()
            world.result = .success(.refused(row.refusal))
            let response = world.respond(to: InterfaceWorld.request())
            try Self.expect(response, row, requestID: "from-nginx")
            #expect(world.effects == [Self.applied, "record \(row.status) \(row.code)"])
        }
    }

    /// The members that every error has, then its own, and no other.
    private static func expect(_ response: Response, _ row: RefusalRow, requestID: String) throws {
        #expect(response.status == row.status)
        guard case .object(let members) = try JSON(reading: response.body) else { throw NotInContract() }
        let common: [String: JSON] = [
            "error": .string(row.error), "code": .string(row.code), "status": .integer(row.status),
            "type": .string("urn:odys:problem:\(row.code)"), "requestId": .string(requestID),
        ]
        let all = common.merging(row.members.map { ($0.name, $0.value) }) { _, own in own }
        for (name, value) in all {
            #expect(members.first { $0.name == name }?.value == value, "\(name) of \(row.code)")
        }
        #expect(Set(members.map(\.name)) == Set(all.keys).union(["title", "detail"]))
        for name in ["title", "detail"] {
            let text = try #require(members.first { $0.name == name }?.value.string)
            #expect(!text.isEmpty)
        }
        for header in row.headers { #expect(response.header(header.name) == header.value) }
        let own: Set<String> = ["WWW-Authenticate", "Allow", "Accept-Patch", "Retry-After", "ETag"]
        let ownNames = Set(response.headers.map(\.name)).intersection(own)
        #expect(ownNames == Set(row.headers.map(\.name)).union(row.status == 503 ? ["Retry-After"] : []))
        if row.status == 503 { #expect(Int(response.header("Retry-After") ?? "") ?? 0 > 0) }
        #expect(response.header("Content-Type") == "application/problem+json")
        #expect(response.header("Content-Language") == "pt-BR, en")
        #expect(response.reason != "Unknown")
        #expect(response.header("Cache-Control") == "no-store")
        #expect(response.header("X-Request-Id") == requestID)
    }

    @Test(
        "Accept: chooses the Content-Type of a problem, not its bytes",
        arguments: [
            (nil, "application/problem+json"), ("*/*", "application/problem+json"),
            ("text/html", "application/problem+json"), ("application/*", "application/problem+json"),
            ("application/problem+json", "application/problem+json"),
            ("application/json, text/plain, */*", "application/problem+json"),
            ("application/problem+json, application/json", "application/problem+json"),
            ("application/json;q=0.5, application/problem+json;q=0.1", "application/problem+json"),
            ("application/json", "application/json"), ("Application/JSON", "application/json"),
            (" application/json ; charset=utf-8", "application/json"), ("application/json;q=0.9", "application/json"),
            ("application/json;q=0", "application/problem+json"),
            ("application/json; Q=0.000", "application/problem+json"),
            ("application/json;q=0.001", "application/json"), ("application/json, */*;q=0", "application/json"),
            ("application/json, application/problem+json;q=0", "application/json"),
            ("application/*;q=0, application/json", "application/json"),
            ("*/*, application/json;q=0", "application/problem+json"),
            ("application/jsonx", "application/problem+json"), (",,;", "application/problem+json"),
        ])
    func acceptChoosesTheNameOfTheSameBytes(_ accept: String?, _ type: String) {
        let world = InterfaceWorld()
        let accepting = InterfaceWorld.request(headers: accept.map { [("HTTP_ACCEPT", $0)] } ?? [])
        let response = world.respond(to: accepting)
        #expect(response.header("Content-Type") == type)
        #expect(response.body == world.respond(to: InterfaceWorld.request()).body)
    }

    // MARK: The order of checks

    /// Each request also fails every later check.
    @Test("PATCH: checks come in the order of the contract")
    func checksComeInTheOrderOfTheContract() {
        let other = ["/api/appointments/", "/"]
        let steps: [(Request, Bool, String, [String])] = [
            (InterfaceWorld.request("POST", other[0], type: ["text/plain"], body: .tooLarge), false, "404", []),
            (InterfaceWorld.request("POST", type: ["text/plain"], body: .tooLarge), false, "405", []),
            (InterfaceWorld.request(type: ["text/plain"], body: .tooLarge), false, "401", []),
            (InterfaceWorld.request(type: ["text/plain"], body: .tooLarge), true, "415", []),
            (InterfaceWorld.request(type: [], body: .broken), true, "415", []),
            (InterfaceWorld.request(type: ["a/b", "a/b"], body: .tooLarge), true, "400", []),
            (InterfaceWorld.request(body: .tooLarge), true, "413", []),
            (InterfaceWorld.request(body: .broken), true, "400", []),
            (InterfaceWorld.request(body: .bytes([])), true, "400", []),
            (InterfaceWorld.request(headers: [("HTTP_IF_MATCH", "7")]), true, "400", []),
            (InterfaceWorld.request(headers: [("HTTP_IDEMPOTENCY_KEY", "\"")]), true, "400", []),
            (InterfaceWorld.request(), true, "404", [Self.applied]),
        ]
        for (request, isKnown, status, effects) in steps {
            let world = InterfaceWorld()
            world.userID = isKnown ? world.userID : nil
            #expect("\(world.respond(to: request).status)" == status)
            #expect(world.effects.dropLast() == effects[...])
            #expect(world.effects.last?.hasPrefix("record \(status) ") == true)
        }
    }

    @Test("PATCH: a cookie from another origin → 403, before the body is checked")
    func aCookieThatIsNotMeantIsForbiddenBeforeTheBodyIsLookedAt() {
        let world = InterfaceWorld()
        world.userID = nil
        world.refusal = .forbidden
        let request = InterfaceWorld.request(type: ["text/plain"], body: .tooLarge)
        #expect(world.respond(to: request).status == 403)
        #expect(world.effects == ["record 403 forbidden"])
    }

    @Test("CORS: credentials are allowed for listed origins if cookies are accepted")
    func credentialsAreAllowedToListedOriginsWhereThereIsACookie() {
        for (accepts, origin, expected) in [
            (true, "https://app.example", "true"), (false, "https://app.example", nil), (true, "https://evil", nil),
        ] as [(Bool, String, String?)] {
            let world = InterfaceWorld()
            world.acceptsCookies = accepts
            for method in ["PATCH", "OPTIONS"] {
                let request = InterfaceWorld.request(method, headers: [("HTTP_ORIGIN", origin)])
                #expect(world.respond(to: request).header("Access-Control-Allow-Credentials") == expected)
            }
        }
    }

    @Test("PATCH: a 401 does not depend on the body")
    func aBadTokenTellsNothingButARequestID() {
        let world = InterfaceWorld()
        world.userID = nil
        let bodies = [#"{"action":"confirm"}"#, #"{"action":"nonsense"}"#, "{"].map { text in
            world.respond(to: InterfaceWorld.request(body: .bytes(Array(text.utf8)))).body
        }
        #expect(Set(bodies).count == 1)
    }

    // MARK: Routes

    @Test(
        "routing: other paths → 404, without effects",
        arguments: [
            "", "/", "/api/appointments", "/api/appointments/", "/api/appointments/1",
            "/api/appointments/\(InterfaceWorld.id)/", "/api/appointments//\(InterfaceWorld.id)",
            "/API/appointments/\(InterfaceWorld.id)", "api/appointments/\(InterfaceWorld.id)",
            "/api/appointments/{\(InterfaceWorld.id)}", "/api/appointments/ \(InterfaceWorld.id)",
            "/api/appointments/\(InterfaceWorld.id)%20", "/api/appointments/\(InterfaceWorld.id)#a",
            "/api/appointments/../appointments/\(InterfaceWorld.id)", "/x/api/appointments/\(InterfaceWorld.id)",
            "/api/appointments/0d5a1d530b8e4d269c0e2d0f0e6a4b11",
            "/api/appointments/0d5a1d53-0b8e-4d26-9c0e-2d0f0e6a4b1g",
            "/api/appointments/0d5a1d53-0b8e-4d26-9c0e-2d0f0e6a4b1",
            "/api/appointments/0d5a1d530-b8e-4d26-9c0e-2d0f0e6a4b11",
            "/api/appointments/\u{FF10}d5a1d53-0b8e-4d26-9c0e-2d0f0e6a4b11",
            "http://h/api/appointments/\(InterfaceWorld.id)",
        ])
    func anythingElseOnThatPathIs404WithoutAnyEffect(_ target: String) {
        for method in ["PATCH", "POST"] {
            let world = InterfaceWorld()
            #expect(world.respond(to: InterfaceWorld.request(method, target)).status == 404)
            #expect(world.effects == ["record 404 not_found"])
        }
    }

    @Test("routing: the UUID in any case, the query is ignored", arguments: ["", "?", "?a=b", "?/../x", "?a?b"])
    func theIDIsAUUIDInAnyCaseAndTheQueryDoesNotRoute(_ query: String) {
        let world = InterfaceWorld()
        let target = "/api/appointments/\(InterfaceWorld.id.uppercased())\(query)"
        #expect(world.respond(to: InterfaceWorld.request("PATCH", target)).status == 404)
        #expect(world.effects == [Self.applied, "record 404 not_found"])
    }

    @Test(
        "routing: other methods → 405 with Allow",
        arguments: ["POST", "PUT", "DELETE", "TRACE", "CONNECT", "patch", "Patch", "PATCH ", ""]
    )
    func otherMethodsAre405WithTheMethodsThatAreOffered(_ method: String) {
        let world = InterfaceWorld()
        let response = world.respond(to: InterfaceWorld.request(method))
        #expect(response.status == 405)
        #expect(world.effects == ["record 405 method_not_allowed"])
        let offered = world.respond(to: InterfaceWorld.request("OPTIONS")).header("Allow")
        #expect(response.header("Allow") == offered)
        let methods = (offered ?? "").split(separator: ", ")
        #expect(methods == ["GET", "HEAD", "PATCH", "OPTIONS"])
    }
}
