import Testing

@testable import OdysCore

@Suite("GET history: what each role sees") struct HistoryTests {
    private static let time = Instant(
        year: 2026, month: 11, day: 22, hour: 10, minute: 0, second: 0, microsecond: 123_456)

    private static func event(_ action: AppointmentAction, _ actor: Role, _ version: Int = 2) -> HistoryEvent {
        HistoryEvent(
            version: version, action: action, actor: actor, actorID: UserID("somebody's id"), reason: "Sem aviso.",
            fromStatus: .confirmed, toStatus: .noShow, fromPayment: .authorized, toPayment: .captured, at: time)
    }

    private static func message(
        _ role: Role, _ state: OutboxState, version: Int? = 2, error: String? = nil
    ) -> HistoryMessage {
        HistoryMessage(
            uid: "m-\(role.rawValue)-\(state.rawValue)", version: version, role: role, channel: .whatsapp,
            template: "of_others", state: state, attempts: 4, createdAt: time,
            finishedAt: state == .pending ? nil : time.advanced(bySeconds: 1.5), error: error)
    }

    private static func answer(
        to user: String, _ events: [HistoryEvent], _ messages: [HistoryMessage], clientID: String = "user-c",
        hasMore: Bool = false
    ) throws -> Response {
        let world = InterfaceWorld()
        world.userID = UserID(user)
        world.history = .success(
            AppointmentHistory(
                appointment: try ReadingTests.appointment(client: PartySamples.client(clientID, email: nil)),
                events: events, messages: messages, hasMore: hasMore))
        return world.respond(to: InterfaceWorld.request("GET", "/api/appointments/\(InterfaceWorld.id)/history"))
    }

    @Test("GET history: the JSON of the contract")
    func aHistoryIsTheContractsJSON() throws {
        let response = try Self.answer(
            to: "user-p", [Self.event(.noShow, .professional)],
            [Self.message(.client, .dead, error: "timeout"), Self.message(.professional, .pending, version: nil)])
        let expected: JSON = [
            "events": .array([
                [
                    "version": 2, "action": "no_show", "actorRole": "professional", "reason": "Sem aviso.",
                    "fromStatus": "confirmed", "toStatus": "no_show", "fromPaymentStatus": "authorized",
                    "toPaymentStatus": "captured", "at": "2026-11-22T10:00:00.123456Z",
                ]
            ]),
            "messages": .array([
                [
                    "id": "m-client-dead", "version": 2, "to": "client", "channel": "whatsapp",
                    "template": "of_others", "state": "dead", "attempts": 4,
                    "createdAt": "2026-11-22T10:00:00.123456Z", "finishedAt": "2026-11-22T10:00:01.623456Z",
                    "error": "timeout",
                ],
                [
                    "id": "m-professional-pending", "version": .null, "to": "professional", "channel": "whatsapp",
                    "template": "of_others", "state": "pending", "attempts": 4,
                    "createdAt": "2026-11-22T10:00:00.123456Z", "finishedAt": .null, "error": .null,
                ],
            ]),
        ]
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == expected.text)
        #expect(response.header("ETag") == nil)
        #expect(response.header("Cache-Control") == "no-store")
    }

    /// Both roles × every action × every actor; both roles × every state.
    @Test("GET history: the client sees no no-show reason, no error, only own messages")
    func eachSideSeesWhatIsTheirs() throws {
        for (user, clientID, isClient) in [
            ("user-p", "user-c", false), ("user-c", "user-c", true), ("user-p", "user-p", false),
        ] {
            for action in AppointmentAction.allCases {
                for actor in Role.allCases {
                    let body = try JSON(
                        reading: Self.answer(to: user, [Self.event(action, actor)], [], clientID: clientID).body)
                    let reason = try #require(body["events"]?.array?.first?["reason"])
                    #expect(reason == (isClient && action == .noShow ? .null : "Sem aviso."), "\(action) for \(user)")
                }
            }
            for state in OutboxState.allCases {
                let messages = Role.allCases.map { Self.message($0, state, error: "550 no such user") }
                let response = try Self.answer(to: user, [], messages, clientID: clientID)
                let seen = try #require(try JSON(reading: response.body)["messages"]?.array)
                #expect(seen.map { $0["to"]?.string } == (isClient ? ["client"] : ["professional", "client"]))
                #expect(seen.allSatisfy { ($0["error"] == nil) == isClient })
                #expect(seen.allSatisfy { $0["state"]?.string == state.rawValue })
                #expect(String(decoding: response.body, as: UTF8.self).contains("550") != isClient)
            }
        }
    }

    @Test("GET history: the actor is a role, never a user id")
    func whoActedIsARoleAndNobodysUserID() throws {
        for user in ["user-p", "user-c"] {
            let response = try Self.answer(to: user, [Self.event(.cancel, .client)], [])
            #expect(!String(decoding: response.body, as: UTF8.self).contains("somebody's id"))
        }
    }

    @Test("GET history: more is there only where it is true")
    func whatIsLeftOutIsTold() throws {
        let event = Self.event(.paid, .professional)
        let whole = try JSON(reading: Self.answer(to: "user-c", [event], []).body)
        let page = try JSON(reading: Self.answer(to: "user-c", [event], [], hasMore: true).body)
        #expect(whole["more"] == nil && page == whole.with(["more": .bool(true)]))
    }

    @Test("GET history: the store's order is kept")
    func theOrderIsKept() throws {
        let events = (2...40).map { Self.event(.paid, .professional, $0) }
        let messages = (2...40).map { Self.message(.client, .sent, version: $0) }
        let body = try JSON(reading: Self.answer(to: "user-c", events, messages).body)
        for list in ["events", "messages"] {
            #expect(body[list]?.array?.map { $0["version"] } == (2...40).map { .integer($0) })
        }
    }
}
