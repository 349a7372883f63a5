import OdysCore
import Testing

@testable import OdysStore

@Suite("Query plans of the hot statements, on large tables") struct QueryPlanTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    private func fillAppointments() throws {
        try database.run(
            """
            INSERT INTO appointments (professional_id, client_id, starts_at, ends_at)
            SELECT ?, ?, '2030-01-01' - INTERVAL seq HOUR, '2030-01-01' - INTERVAL seq HOUR + INTERVAL 50 MINUTE
            FROM seq_1_to_100000
            """, .text(fixture.professional), .text(fixture.client))
        _ = try database.rows("ANALYZE TABLE appointments")
    }

    private func fillOutbox() throws {
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state)
            SELECT 'whatsapp', 'client', '1', 'x', '{}', IF(seq % 10 = 0, 'pending', 'sent') FROM seq_1_to_100000
            """)
        _ = try database.rows("ANALYZE TABLE outbox")
    }

    @Test("plan: the row lock reads one row by primary key")
    func theRowLockReadsOneRowByItsKey() throws {
        try fillAppointments()
        let plan = try explain(AppointmentStore.lock, [.text(try fixture.appointment().description)])
        #expect(plan.map(\.key).allSatisfy { $0 == "PRIMARY" })
        #expect(plan.allSatisfy { $0.rows <= 1 })
    }

    private func fillOutboxOfOthers() throws {
        try database.run(
            """
            INSERT INTO outbox (appointment_id, appointment_version, channel, recipient_role, recipient, template,
                payload)
            SELECT UUID(), 2, 'whatsapp', 'client', '1', 'x', '{}' FROM seq_1_to_50000
            """)
        _ = try database.rows("ANALYZE TABLE outbox")
    }

    @Test("plan: reading an appointment uses primary keys")
    func readingAnAppointmentUsesItsKeys() throws {
        try fillAppointments()
        let plan = try explain(AppointmentReader.appointment, [.text(try fixture.appointment().description)])
        #expect(plan.map(\.key) == ["PRIMARY", "PRIMARY", "PRIMARY"])
        #expect(plan.allSatisfy { $0.rows <= 1 })
    }

    @Test("plan: history and timeline read no rows of other appointments")
    func aHistoryAndATimelineReadNothingOfOtherAppointments() throws {
        let id = try fixture.appointment()
        let store = try fixture.store()
        for action in ["paid", "confirm", "complete"] {
            _ = try #require(try store.act(id, fixture.request(action), requestID: "r").change)
        }
        try fillOutboxOfOthers()
        try database.run(
            "INSERT INTO operator_actions (operator, action, outbox_id) SELECT 'x', 'x', seq FROM seq_100_to_50000")
        _ = try database.rows("ANALYZE TABLE appointment_events, operator_actions")
        let page = HistoryPage(id: id, below: 5, isNewest: true)
        let events = try explain(HistoryPage.events, page.eventValues)
        #expect(events.map(\.key) == ["PRIMARY"])
        #expect(!events.contains { $0.extra.contains("filesort") })
        let all = page.messageValues(to: Role.allCases)
        for (plan, count) in [
            (try explain(AppointmentReader.messagesToAll, all), 4),
            (try explain(AppointmentReader.messagesToClient, page.messageValues(to: [.client])), 2),
            (try explain(Timeline.messages, all), 4),
        ] {
            // One read for each part, then the rows by their keys.
            #expect(plan.count { $0.key == "outbox_history" && $0.rows < 20 } == count, "\(plan)")
            #expect(plan.count { $0.key == "PRIMARY" } == 1, "\(plan)")
            // Only what was found is sorted.
            #expect(plan.allSatisfy { !$0.extra.contains("filesort") || $0.key.isEmpty }, "\(plan)")
        }
        let actions = try explain(OperatorAction.ofMessages, all)
        #expect(actions.contains { $0.key == "operator_actions_outbox_id" && $0.rows < 20 }, "\(actions)")
    }

    @Test("plan: messages to a person are found through their appointments")
    func messagesToAPersonAreFoundByWayOfTheirAppointments() throws {
        try fillOutboxOfOthers()
        let id = try fixture.appointment()
        _ = try #require(try fixture.store().act(id, fixture.request("confirm"), requestID: "r").change)
        for person in [fixture.client, fixture.professional, id.description] {
            let uuid = SQLValue.text(person)
            let values: [SQLValue] = [uuid, uuid, uuid, uuid, uuid, uuid, .null, .null, .null, .null, .integer(.max)]
            let plan = try explain(OutboxAdmin.byID, values)
            #expect(plan.allSatisfy { $0.rows < 100 }, "\(plan)")
            #expect(plan.contains { $0.key == "outbox_once" }, "\(plan)")
        }
    }

    @Test("plan: a professional is found by id or user id, without a look at others")
    func aProfessionalIsFoundByEitherId() throws {
        try database.run(
            """
            INSERT INTO professionals (user_id, name, slug, phone, profession)
            SELECT CONCAT('u', seq), 'x', CONCAT('s', seq), '1', 'x' FROM seq_1_to_20000
            """)
        _ = try database.rows("ANALYZE TABLE professionals")
        let id = SQLValue.text(fixture.professional)
        let plan = try explain(ProfessionalStore.named, [id, .text("u7"), id])
        #expect(plan.allSatisfy { $0.rows <= 2 }, "\(plan)")
    }

    @Test("plan: claim candidates come in index order, without a sort")
    func candidatesComeInIndexOrderWithoutASort() throws {
        try fillOutbox()
        let store = OutboxStore(
            try database.connection(), channel: .whatsapp, exclusions: 3, makeLeaseToken: { [] })
        let plan = try explain(store.candidatesSQL, [.text("whatsapp"), .text(""), .text(""), .text("")])
        #expect(plan.map(\.key) == ["outbox_claim", "outbox_once"])
        #expect(!plan.contains { $0.extra.contains("filesort") || $0.extra.contains("temporary") })
    }

    @Test("plan: the claim locks by primary key, without a sort")
    func theClaimLocksByPrimaryKeyWithoutASort() throws {
        try fillOutbox()
        let ids = (1...Limits.claimCandidates).map { SQLValue.integer($0) }
        let plan = try explain(OutboxStore.lock, ids)
        #expect(plan.map(\.key) == ["PRIMARY"])
        #expect(plan.allSatisfy { $0.rows <= Limits.claimCandidates })
        #expect(!plan.contains { $0.extra.contains("filesort") })
    }

    @Test("plan: the slot check reads only rows that end after the start")
    func theSlotCheckReadsOnlyWhatEndsAfterTheStart() throws {
        try fillAppointments()
        let plan = try explainSlotCheck(from: "2029-12-31 11:00:00", until: "2029-12-31 12:00:00")
        #expect(plan.map(\.key) == ["PRIMARY", "appointments_slot"])
        #expect(plan.allSatisfy { $0.rows < 100 && !$0.extra.contains("filesort") })
    }

    /// The platform has indexes of its own. Without a hint the optimizer takes one of them for a full calendar, and
    /// reads row by row.
    @Test("plan: the slot check uses its index beside those of the platform")
    func theSlotCheckKeepsItsIndexBesideThoseOfThePlatform() throws {
        try fillAppointments()
        _ = try database.rows("ALTER TABLE appointments ADD INDEX platform_professional (professional_id, status)")
        _ = try database.rows("ANALYZE TABLE appointments")
        let plan = try explainSlotCheck(from: "2020-12-31 11:00:00", until: "2020-12-31 12:00:00")
        #expect(plan.map(\.key) == ["PRIMARY", "appointments_slot"])
    }

    @Test("slot check: a missing index → StoreError.schema")
    func aMissingIndexIsAnOldSchema() throws {
        _ = try database.rows(
            "ALTER TABLE appointments ADD INDEX platform_professional (professional_id), DROP INDEX appointments_slot")
        let id = try fixture.appointment()
        let failure = #expect(throws: StoreError.self) {
            try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        }
        #expect(failure?.kind == .schema)
        #expect(try database.count("appointments WHERE status = 'confirmed'") == 0)
    }

    /// As it stands in the block, but for the variable that takes the result.
    private func explainSlotCheck(
        from start: String, until end: String
    ) throws -> [(key: String, rows: Int, extra: String)] {
        let statements = WriteBlock.slotCheck.split(separator: ";").filter { $0.contains("FOR UPDATE") }
        #expect(statements.count == 1)
        return try explain(
            String(statements[0]).replacing("INTO holder", with: ""),
            [.text(fixture.client), .text(end), .text(start), .text(fixture.professional)])
    }

    @Test("plan: pruning and the key lookup use their indexes")
    func pruningAndTheKeysLookUpUseTheirIndexes() throws {
        try fillOutbox()
        let prune = try explain(Housekeeping.finished, [.text("sent"), .text("whatsapp"), .integer(90)])
        #expect(prune.map(\.key) == ["outbox_claim"])
        #expect(!prune.contains { $0.extra.contains("filesort") })
        try database.run(
            """
            UPDATE outbox SET finished_at = UTC_TIMESTAMP(6) - INTERVAL id SECOND,
                emptied_at = IF(id % 3 = 0, UTC_TIMESTAMP(6), NULL) WHERE state = 'sent'
            """)
        _ = try database.rows("ANALYZE TABLE outbox")
        for days in [0, 1, 30] {
            let empty = try explain(Housekeeping.unemptied, [.integer(days)])
            #expect(empty.map(\.key) == ["outbox_finished"])
            #expect(!empty.contains { $0.extra.contains("filesort") })
        }
        try database.run(
            """
            INSERT INTO idempotency_keys (actor_hash, key_hash, fingerprint, status, body)
            SELECT UNHEX(SHA2(seq, 256)), UNHEX(SHA2('k', 256)), '', 200, '' FROM seq_1_to_100000
            """)
        let actor = try database.rows("SELECT actor_hash, key_hash FROM idempotency_keys LIMIT 1")[0]
        let key = try explain(IdempotencyStore.select, [.bytes(actor.bytes(0)), .bytes(actor.bytes(1))])
        #expect(key.map(\.key) == ["PRIMARY"])
        #expect(key.allSatisfy { $0.rows <= 1 })
    }

    /// They run once a second.
    @Test("plan: the observer's counts read the index alone")
    func aLookReadsTheIndexAlone() throws {
        try fillOutbox()
        for (sql, values) in [
            (DatabaseSnapshot.oldestDue, [SQLValue.text("whatsapp")]),
            (DatabaseSnapshot.count, [.text("dead"), .text("whatsapp")]),
        ] {
            let plan = try explain(sql, values)
            #expect(plan.map(\.key) == ["outbox_claim"])
            #expect(plan.allSatisfy { $0.extra.contains("Using index") && !$0.extra.contains("filesort") }, "\(plan)")
        }
        let look = try DatabaseSnapshot(try database.connection(.look))
        let whatsapp = look.outbox.first { $0.channel == .whatsapp }
        #expect(look.schemaVersion == Migrations.requiredVersion)
        #expect(whatsapp?.pending == 10_000 && whatsapp?.dead == 0 && (whatsapp?.oldestDueSeconds ?? -1) >= 0)
        #expect(look.outbox.first { $0.channel == .email }?.oldestDueSeconds == nil)
    }

    private func explain(
        _ sql: String, _ values: [SQLValue]
    ) throws -> [(key: String, rows: Int, extra: String)] {
        try database.connection(.migration).transaction { connection throws(StoreError) in
            var plan: [(key: String, rows: Int, extra: String)] = []
            for row in try connection.query("EXPLAIN " + sql, values, operation: "explain") {
                let rows = try row.optionalText(8).flatMap { Int($0) } ?? 0
                plan.append((try row.optionalText(5) ?? "", rows, try row.optionalText(9) ?? ""))
            }
            return plan
        }
    }
}
