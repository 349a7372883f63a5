import OdysCore
import Testing

@testable import OdysStore

/// What the server makes of the hot statements, over tables of a size where it matters.
@Suite struct QueryPlanTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
        try database.run(
            """
            INSERT INTO appointments (professional_id, client_id, starts_at, ends_at)
            SELECT ?, ?, '2030-01-01' - INTERVAL seq HOUR, '2030-01-01' - INTERVAL seq HOUR + INTERVAL 50 MINUTE
            FROM seq_1_to_5000
            """, .text(fixture.professional), .text(fixture.client))
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state)
            SELECT 'whatsapp', 'client', '1', 'x', '{}', IF(seq % 10 = 0, 'pending', 'sent') FROM seq_1_to_20000
            """)
        for table in ["appointments", "outbox"] { _ = try database.rows("ANALYZE TABLE \(table)") }
    }

    @Test func theRowLockReadsOneRowByItsKey() throws {
        let plan = try explain(AppointmentStore.lock, [.text(try fixture.appointment().description)])
        #expect(plan.map(\.key).allSatisfy { $0 == "PRIMARY" })
        #expect(plan.allSatisfy { $0.rows <= 1 })
    }

    @Test func candidatesComeInIndexOrderWithoutASort() throws {
        let store = OutboxStore(
            try database.connection(), channel: .whatsapp, exclusions: 3, makeLeaseToken: { [] })
        let plan = try explain(store.candidatesSQL, [.text("whatsapp"), .text(""), .text(""), .text("")])
        #expect(plan.map(\.key) == ["outbox_claim"])
        #expect(!plan.contains { $0.extra.contains("filesort") || $0.extra.contains("temporary") })
    }

    @Test func theClaimLocksByPrimaryKeyWithoutASort() throws {
        let ids = (1...Limits.claimCandidates).map { SQLValue.integer($0) }
        let plan = try explain(OutboxStore.lock, ids)
        #expect(plan.map(\.key) == ["PRIMARY"])
        #expect(plan.allSatisfy { $0.rows <= Limits.claimCandidates })
        #expect(!plan.contains { $0.extra.contains("filesort") })
    }

    private func explain(
        _ sql: String, _ values: [SQLValue]
    ) throws -> [(key: String, rows: Int, extra: String)] {
        try database.connection(.migration).transaction { connection throws(StoreError) in
            var plan: [(key: String, rows: Int, extra: String)] = []
            for row in try connection.query("EXPLAIN " + sql, values, doing: "explain") {
                let rows = try row.optionalText(8).flatMap { Int($0) } ?? 0
                plan.append((try row.optionalText(5) ?? "", rows, try row.optionalText(9) ?? ""))
            }
            return plan
        }
    }
}
