import Testing

@testable import OdysCore

@Suite("GET of an appointment") struct ReadingTests {
    private static let start = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
    private static let updated = Instant(
        year: 2026, month: 11, day: 22, hour: 10, minute: 0, second: 0, microsecond: 123_456)
    private static let target = "/api/appointments/\(InterfaceWorld.id)"

    static func appointment(
        _ status: Status = .pendingConfirmation, _ payment: PaymentStatus = .none,
        professional: Professional? = PartySamples.professional,
        client: Client? = PartySamples.client("user-c", email: nil)
    ) throws -> Appointment {
        Appointment(
            id: try #require(AppointmentID(InterfaceWorld.id)), version: 3, status: status, paymentStatus: payment,
            startsAt: start, endsAt: start.advanced(bySeconds: 3_000), professional: professional, client: client)
    }

    private static func answer(
        to user: String?, _ appointment: Appointment?, now: Instant = start, enforces: Bool = false, query: String = ""
    ) throws -> Response {
        let world = InterfaceWorld()
        world.userID = user.map(UserID.init)
        world.enforcesStartTime = enforces
        world.reading = .success(
            appointment.map { AppointmentReading(appointment: $0, updatedAt: updated, now: now) })
        return world.respond(to: InterfaceWorld.request("GET", target + query, type: [], body: .bytes([])))
    }

    @Test("GET: the JSON of the contract")
    func anAppointmentIsTheContractsJSON() throws {
        let response = try Self.answer(
            to: "user-p", Self.appointment(.confirmed, .authorized), now: Self.start.advanced(bySeconds: -1),
            enforces: true)
        let expected: JSON = [
            "appointment": [
                "id": .string(InterfaceWorld.id), "status": "confirmed", "paymentStatus": "authorized",
                "startsAt": "2026-12-01T17:00:00Z", "endsAt": "2026-12-01T17:50:00Z", "version": 3,
                "updatedAt": "2026-11-22T10:00:00.123456Z",
            ],
            "allowedActions": .array(["cancel", "paid"]),
            "notYet": .array([
                ["action": "complete", "code": "too_early", "allowedFrom": "2026-12-01T17:00:00Z"],
                ["action": "no_show", "code": "too_early", "allowedFrom": "2026-12-01T17:00:00Z"],
            ]),
        ]
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == expected.text)
        #expect(response.header("ETag") == "\"3\"")
        #expect(response.header("Content-Type") == "application/json")
        #expect(response.header("Cache-Control") == "no-store")
        #expect(response.header("X-Request-Id") == "from-nginx")
        #expect(Set(response.headers.map(\.name)).count == response.headers.count)
    }

    /// Caller × status × payment × time × setting, and each action of all six.
    @Test("GET: allowedActions are those that PATCH accepts")
    func whatIsOfferedIsWhatIsThenAccepted() throws {
        var asked = 0
        for status in Status.allCases {
            for payment in PaymentStatus.allCases {
                for clientID in ["user-c", "user-p", nil] {
                    let appointment = try Self.appointment(
                        status, payment, client: PartySamples.client(clientID, email: nil))
                    for now in [-1, 0, 1].map({ Instant(microseconds: Self.start.microseconds + $0) }) {
                        for enforces in [true, false] {
                            for user in ["user-p", "user-c", "user-x"] {
                                try Self.compare(appointment, user, now, enforces)
                                asked += 1
                            }
                        }
                    }
                }
            }
        }
        #expect(asked == 6 * 4 * 3 * 3 * 2 * 3)
    }

    private static func compare(
        _ appointment: Appointment, _ user: String, _ now: Instant, _ enforces: Bool
    ) throws {
        let rules = Rules(enforcesStartTime: enforces, messages: MessageSamples.setting)
        let response = try answer(to: user, appointment, now: now, enforces: enforces)
        var accepted: [JSON] = []
        var tooEarly: [JSON] = []
        var isStranger = true
        for action in ContractTable.rules.map(\.action) {
            let request = ActionRequest(action: AppointmentAction(wire: action), reason: nil, userID: UserID(user))
            switch appointment.judge(request, now: now, rules: rules) {
            case .accepted:
                accepted.append(.string(action))
                isStranger = false
            case .refused(.tooEarly(let from)):
                tooEarly.append([
                    "action": .string(action), "code": "too_early", "allowedFrom": .string(from.iso8601),
                ])
                isStranger = false
            case .refused(let refusal): isStranger = isStranger && refusal == .forbidden
            }
        }
        // A party may do nothing with a finished appointment, and then only their role tells them from a stranger.
        guard appointment.role(of: UserID(user)) != nil else {
            #expect(isStranger && response.status == 403)
            return
        }
        let body = try JSON(reading: response.body)
        #expect(response.status == 200)
        #expect(body["allowedActions"]?.array == accepted, "\(user), \(appointment.status), \(now)")
        #expect(body["notYet"]?.array == tooEarly, "\(user), \(appointment.status), \(now)")
    }

    // MARK: Who is refused

    @Test("GET: checks come in the order of PATCH", arguments: ["", "/history"])
    func checksComeInTheOrderOfAPatch(_ suffix: String) throws {
        let effect = suffix.isEmpty ? "read \(InterfaceWorld.id)" : "read the history of \(InterfaceWorld.id)"
        let none = try Self.appointment(professional: nil, client: nil)
        let steps: [(Appointment?, String?, Int, String)] = [
            (try Self.appointment(), nil, 401, "unauthenticated"), (nil, "user-x", 404, "not_found"),
            (try Self.appointment(client: nil), "user-x", 403, "forbidden"), (none, "user-p", 403, "forbidden"),
            (try Self.appointment(client: nil), "user-p", 400, "party_missing"),
            (try Self.appointment(professional: nil), "user-c", 400, "party_missing"),
            (try Self.appointment(), "user-c", 200, "read"), (try Self.appointment(), "user-p", 200, "read"),
        ]
        for (appointment, user, status, code) in steps {
            let world = InterfaceWorld()
            world.userID = user.map(UserID.init)
            world.reading = .success(
                appointment.map { AppointmentReading(appointment: $0, updatedAt: Self.updated, now: Self.start) })
            world.history = .success(appointment.map { AppointmentHistory(appointment: $0, events: [], messages: []) })
            // A GET has no body; the version is judged last.
            for (version, late, lateCode) in [("\"3\"", 200, "read"), ("\"7\"", 412, "version_mismatch")] {
                let request = InterfaceWorld.request(
                    "GET", Self.target + suffix, type: ["text/plain"], headers: [("HTTP_IF_MATCH", version)],
                    body: .tooLarge)
                let isGood = status == 200
                #expect(world.respond(to: request).status == (isGood ? late : status))
                let record = isGood ? "record \(late) \(lateCode)" : "record \(status) \(code)"
                #expect(world.effects.suffix(user == nil ? 1 : 2) == (user == nil ? [] : [effect]) + [record])
            }
        }
    }

    @Test(
        "GET: If-Match → 412 for another version, 400 if unusable; other conditions are ignored",
        arguments: ["", "/history"])
    func aConditionOfAReadingIsHonoured(_ suffix: String) throws {
        for (headers, status) in [
            ([("HTTP_IF_MATCH", "\"3\"")], 200), ([("HTTP_IF_MATCH", "*")], 200), ([("HTTP_IF_MATCH", "\"2\"")], 412),
            ([("HTTP_IF_MATCH", "W/\"3\"")], 400), ([("HTTP_IF_MATCH", "\"3\""), ("HTTP_IF_MATCH", "\"3\"")], 400),
            ([("HTTP_IF_NONE_MATCH", "*")], 200), ([("HTTP_IF_NONE_MATCH", "\"3\"")], 200),
            ([("HTTP_IF_NONE_MATCH", "?")], 200),
        ] as [([(String, String)], Int)] {
            for method in ["GET", "HEAD"] {
                let world = InterfaceWorld()
                let appointment = try Self.appointment()
                world.reading = .success(
                    AppointmentReading(appointment: appointment, updatedAt: Self.updated, now: Self.start))
                world.history = .success(AppointmentHistory(appointment: appointment, events: [], messages: []))
                let response = world.respond(to: InterfaceWorld.request(method, Self.target + suffix, headers: headers))
                #expect(response.status == status, "\(method) \(headers)")
                if status == 412 { #expect(try JSON(reading: response.body)["currentVersion"] == 3) }
            }
        }
    }

    @Test("HEAD: the same as GET, with the body's length instead of the body")
    func aHeadIsAGetWithoutItsBody() throws {
        for (user, status) in [("user-p", 200), ("user-x", 403)] {
            let got = try Self.answer(to: user, Self.appointment())
            let head = got.answering(InterfaceWorld.request("HEAD", Self.target))
            #expect(head.status == status && head.body.isEmpty && !got.body.isEmpty)
            #expect(head.headers == got.headers + [Header("Content-Length", "\(got.body.count)")])
            #expect(got.answering(InterfaceWorld.request("GET", Self.target)) == got)
        }
    }

    @Test(
        "GET history: before takes one version",
        arguments: [
            ("", nil), ("?", nil), ("?before=1", 1), ("?before=4294967295", 4_294_967_295), ("?x=1&before=7&y", 7),
            ("?beforex=0&xbefore=a", nil), ("?Before=a", nil),
        ] as [(String, Int?)])
    func aPageIsNamedByAVersion(_ query: String, _ before: Int?) {
        let world = InterfaceWorld()
        _ = world.respond(to: InterfaceWorld.request("GET", Self.target + "/history" + query))
        let page = before.map { " before \($0)" } ?? ""
        #expect(world.effects.first == "read the history of \(InterfaceWorld.id)\(page)")
    }

    @Test(
        "GET history: any other or a repeated before → malformedBody",
        arguments: [
            "before", "before=", "before=0", "before=-1", "before=+1", "before=1.0", "before=a", "before=%31",
            "before=1%20", "before=4294967296", "before=99999999999999999999", "before=\u{661}", "before=1&before=1",
            "before=1&before", "before=1=", "a&before=x",
        ])
    func anyOtherPageIsRefused(_ query: String) throws {
        let world = InterfaceWorld()
        let response = world.respond(to: InterfaceWorld.request("GET", Self.target + "/history?" + query))
        #expect(response.status == 400 && world.effects == ["record 400 malformed_body"])
        // The appointment has no pages.
        #expect(try Self.answer(to: "user-p", Self.appointment(), query: "?" + query).status == 200)
    }

    @Test("GET: a database error → 503 or 500", arguments: ["", "/history"])
    func aFailureOfTheDatabaseIsNotTheCallersFault(_ suffix: String) {
        for (kind, status) in [(StoreError.Kind.connectionLost, 503), (.timeout, 503), (.unexpected, 500)] {
            let world = InterfaceWorld()
            world.reading = .failure(StoreError(kind: kind, operation: "read"))
            world.history = .failure(StoreError(kind: kind, operation: "read"))
            #expect(world.respond(to: InterfaceWorld.request("GET", Self.target + suffix)).status == status)
            #expect(world.records.last?.failure?.kind == kind)
        }
    }

    @Test("GET history: other methods → 405", arguments: ["PATCH", "POST", "PUT", "DELETE", "get", ""])
    func aHistoryIsOnlyRead(_ method: String) {
        let world = InterfaceWorld()
        let response = world.respond(to: InterfaceWorld.request(method, Self.target + "/history"))
        #expect(response.status == 405 && response.header("Allow") == "GET, HEAD, OPTIONS")
        #expect(world.effects == ["record 405 method_not_allowed"])
    }

    @Test("OPTIONS: names the methods of the address")
    func preflightsNameWhatIsOfferedAtTheAddress() {
        for (suffix, methods) in [("", "GET, HEAD, PATCH, OPTIONS"), ("/history", "GET, HEAD, OPTIONS")] {
            let world = InterfaceWorld()
            let origin = [("HTTP_ORIGIN", world.origins[0])]
            let allowed = world.respond(to: InterfaceWorld.request("OPTIONS", Self.target + suffix, headers: origin))
            #expect(allowed.status == 204 && allowed.header("Access-Control-Allow-Methods") == methods)
            let plain = world.respond(to: InterfaceWorld.request("OPTIONS", Self.target + suffix))
            #expect(plain.status == 204 && plain.header("Allow") == methods)
            for response in [allowed, plain] {
                #expect(response.header("Accept-Patch") == (suffix.isEmpty ? "application/json" : nil))
            }
        }
    }

    @Test(
        "GET history: similar paths → 404",
        arguments: [
            "/history/", "/History", "/history/x", "//history", "/histor", "/historyy", "history", "/history%20", "/x",
            "/history/history",
        ])
    func whatOnlyLooksLikeAHistoryIsNotThere(_ suffix: String) {
        for method in ["GET", "OPTIONS"] {
            let world = InterfaceWorld()
            #expect(world.respond(to: InterfaceWorld.request(method, Self.target + suffix)).status == 404)
            #expect(world.effects == ["record 404 not_found"])
        }
    }
}
