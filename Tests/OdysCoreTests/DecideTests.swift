import Testing

@testable import OdysCore

@Suite("Decisions: every combination against the tables of the contract") struct DecideTests {
    private static let start = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
    private static let knownActions = ContractTable.rules.map(\.action)
    private static let times = [-1, 0, 1].map { Instant(microseconds: start.microseconds + $0) }
    private static let people = ["user-p", "user-c", "user-x"]

    /// Reasons, and the versions that a caller may have seen: any, the row's, an older and a newer one.
    private static let details: [(String?, Int?)] = [
        ("Preciso viajar.", nil), (nil, nil), ("Preciso viajar.", 3), (nil, 3), (nil, 2), (nil, 4),
    ]

    /// Which rows of the parties are there.
    private static let presences = [(true, true), (false, true), (true, false), (false, false)]

    private static func appointment(
        _ status: Status = .pendingConfirmation, _ payment: PaymentStatus = .none,
        professional: Professional? = PartySamples.professional,
        client: Client? = PartySamples.client("user-c", email: "ana@mail.example")
    ) throws -> Appointment {
        Appointment(
            id: try #require(AppointmentID("0d5a1d53-0b8e-4d26-9c0e-2d0f0e6a4b11")), version: 3, status: status,
            paymentStatus: payment, startsAt: start, endsAt: start.advanced(bySeconds: 3_000),
            professional: professional, client: client)
    }

    /// Rows of every state, with every combination of parties: registered or not, with an address or not, both in
    /// one.
    private static func appointments() throws -> [Appointment] {
        var all: [Appointment] = []
        for status in Status.allCases {
            for payment in PaymentStatus.allCases {
                for clientID in ["user-c", "user-p", nil] {
                    for email in ["ana@mail.example", nil] {
                        for (hasProfessional, hasClient) in presences {
                            all.append(
                                try appointment(
                                    status, payment,
                                    professional: hasProfessional ? PartySamples.professional : nil,
                                    client: hasClient ? PartySamples.client(clientID, email: email) : nil))
                        }
                    }
                }
            }
        }
        return all
    }

    @Test(
        "judge: every combination agrees with the contract's tables",
        arguments: knownActions + ContractTable.noActions
    )
    func everyQuestionIsAnsweredAsTheContractSays(_ word: String) throws {
        var asked = 0
        var differences: [String] = []
        for appointment in try Self.appointments() {
            for now in Self.times {
                for enforces in [true, false] {
                    let rules = Rules(enforcesStartTime: enforces, messages: MessageSamples.setting)
                    let judge = ContractJudge(
                        appointment: appointment, now: now, enforcesStart: enforces,
                        setting: MessageSamples.setting)
                    for person in Self.people {
                        for (reason, seen) in Self.details {
                            let request = ActionRequest(
                                action: AppointmentAction(wire: word), reason: reason, userID: UserID(person),
                                expectedVersion: seen)
                            let said = appointment.judge(request, now: now, rules: rules)
                            let expected = try judge.verdict(request, action: word)
                            asked += 1
                            if said != expected {
                                differences.append("\(word) \(request) of \(appointment): \(said), not \(expected)")
                            }
                        }
                    }
                }
            }
        }
        #expect(asked == 6 * 4 * 3 * 2 * 4 * 3 * 2 * 3 * 6)
        #expect(differences.isEmpty, "\(differences.count) of them, such as \(differences.first ?? "")")
    }

    @Test("judge: an excluded version → versionMismatch, after the role and before the state")
    func anExcludedVersionIsAMismatch() throws {
        let rules = Rules(enforcesStartTime: false, messages: MessageSamples.setting)
        let appointment = try ReadingTests.appointment(.cancelled)
        for (versions, user, refusal) in [
            (.all, "user-p", Refusal.versionMismatch(current: 3)),
            (.only([1, 3]), "user-p", .versionMismatch(current: 3)),
            (.only([1]), "user-p", .invalidTransition(.cancelled, .none, allowed: [])), (.all, "user-c", .forbidden),
        ] as [(ExcludedVersions, String, Refusal)] {
            let request = ActionRequest(
                action: .confirm, reason: nil, userID: UserID(user), excludedVersions: versions)
            #expect(appointment.judge(request, now: Instant(microseconds: 0), rules: rules) == .refused(refusal))
        }
    }

    @Test("allowed actions: exactly those that judge accepts")
    func allowedActionsAreThoseThatWouldBeAccepted() throws {
        for appointment in try Self.appointments() where appointment.professional != nil && appointment.client != nil {
            for now in Self.times {
                for enforces in [true, false] {
                    let rules = Rules(enforcesStartTime: enforces, messages: MessageSamples.setting)
                    let judge = ContractJudge(
                        appointment: appointment, now: now, enforcesStart: enforces,
                        setting: MessageSamples.setting)
                    for role in Role.allCases {
                        #expect(
                            appointment.allowedActions(for: role, now: now, rules: rules)
                                == (try judge.allowed(for: role.rawValue)))
                    }
                }
            }
        }
    }

    @Test("enumerations: raw values are the contract's words")
    func wordsOfTheInterfaceAreExact() {
        #expect(Status.allCases.map(\.rawValue) == ContractTable.statuses)
        #expect(PaymentStatus.allCases.map(\.rawValue) == ContractTable.payments)
        #expect(AppointmentAction.allCases.map(\.rawValue) == Self.knownActions)
        #expect(Role.allCases.map(\.rawValue) == ["professional", "client"])
        #expect(Channel.allCases.map(\.rawValue) == ["whatsapp", "email"])
        #expect(
            OutboxState.allCases.map(\.rawValue) == ["pending", "sent", "dead", "skipped", "expired", "superseded"])
        #expect(
            NotificationType.allCases.map(\.rawValue)
                == ["booking_confirmed", "booking_rejected", "booking_cancelled"])
    }

    @Test("judge: a caller who is both parties acts as the professional")
    func whoIsBothActsAsTheProfessional() throws {
        let both = try Self.appointment(client: PartySamples.client("user-p", email: nil))
        #expect(both.role(of: UserID("user-p")) == .professional)
        let verdict = both.judge(
            ActionRequest(action: .cancel, reason: nil, userID: UserID("user-p")), now: Self.start,
            rules: Rules(enforcesStartTime: false, messages: MessageSamples.setting))
        guard case .accepted(let decision) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(decision.actor == .professional)
        #expect(decision.messages.map(\.template) == [.cancelledByProfessional])
        #expect(decision.notification == nil)
    }

    @Test(
        "user ids: compared byte by byte",
        arguments: [
            // Precomposed and decomposed; letter case; blanks; a trailing NUL; nothing at all.
            ("jos\u{E9}", "jose\u{301}"), ("\u{C5}", "\u{212B}"), ("Ana", "ana"), ("ana", "ana "), ("ana", "ana\0"),
            ("ana", ""), ("\u{1E0B}\u{323}", "\u{1E0D}\u{307}"),
        ])
    func userIDsAreComparedByBytes(_ one: String, _ other: String) throws {
        let professional = Professional(id: "b1", userID: UserID(one), name: "P", phone: "", slug: "p")
        for (stored, asking) in [(one, other), (other, one)] {
            let asProfessional = Professional(
                id: "b1", userID: UserID(stored), name: "P", phone: "", slug: "p")
            let row = try Self.appointment(
                professional: asProfessional, client: PartySamples.client(asking, email: nil))
            #expect(row.role(of: UserID(stored)) == .professional)
            #expect(row.role(of: UserID(asking)) == .client)
        }
        let row = try Self.appointment(professional: professional, client: PartySamples.client(nil, email: nil))
        #expect(row.role(of: UserID(other)) == nil)
        #expect(Set([UserID(one), UserID(other)]).count == 2)
    }

    @Test(
        "outbox: an unusable phone number makes a skipped row",
        arguments: [
            ("(11) 99999-9999", "5511999999999", nil), ("+351 912 345 678", "351912345678", nil),
            ("+1 (415) 555-2671", "+14155552671", nil), ("", "", SkipReason.noPhone), (" \t ", " \t ", .noPhone),
            ("12345", "12345", .unusablePhone), ("sem telefone", "sem telefone", .unusablePhone),
        ])
    func phonesThatCannotBeUsedAreRowsAllTheSame(_ typed: String, _ stored: String, _ skipped: SkipReason?) throws {
        let professional = Professional(id: "b1", userID: UserID("user-p"), name: "P", phone: typed, slug: "p")
        let client = Client(userID: nil, name: "C", phone: typed, email: nil)
        for rule in ContractTable.rules {
            let row = try Self.appointment(professional: professional, client: client)
            let messages = try Self.messages(of: row, rule.action)
            let hearing = try #require(
                ContractTable.hearings.first { $0.action == rule.action && $0.by == "professional" })
            let templates = [hearing.toClient, hearing.toProfessional].compactMap { $0 }
            #expect(messages.map(\.template.rawValue) == templates)
            #expect(messages.map(\.recipient) == templates.map { _ in stored })
            #expect(messages.map(\.skipped) == templates.map { _ in skipped })
            #expect(messages.map(\.state) == templates.map { _ in skipped == nil ? .pending : .skipped })
        }
    }

    @Test(
        "outbox: an unusable email address makes a skipped row, no address makes none",
        arguments: [
            (nil, []), ("", []), ("  ", []), ("ana@mail.example", [nil]), ("ana", [SkipReason.unusableAddress]),
            ("a@b.example, c@d.example", [.unusableAddress]), ("a@b.example\r\nBcc: c@d.example", [.unusableAddress]),
        ] as [(String?, [SkipReason?])])
    func anAddressThatCannotBeUsedIsARowAndNoAddressIsNone(_ email: String?, _ skipped: [SkipReason?]) throws {
        for action in ["confirm", "reject"] {
            let row = try Self.appointment(client: PartySamples.client("user-c", email: email))
            let emails = try Self.messages(of: row, action).filter { $0.channel == .email }
            #expect(emails.map(\.skipped) == skipped)
            #expect(emails.map(\.recipient) == skipped.map { _ in email ?? "" })
        }
    }

    private static func messages(of row: Appointment, _ action: String) throws -> [OutgoingMessage] {
        let rules = Rules(enforcesStartTime: false, messages: MessageSamples.setting)
        let request = ActionRequest(action: AppointmentAction(wire: action), reason: nil, userID: UserID("user-p"))
        guard case .accepted(let decision) = row.judge(request, now: start, rules: rules) else {
            throw NotInContract()
        }
        return decision.messages
    }
}
