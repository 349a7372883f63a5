import OdysCore
import Testing

@testable import OdysStore

@Suite("Personal data: finished messages are emptied") struct PersonalDataTests {
    let database: TestDatabase

    init() throws { database = try TestDatabase() }

    private func insert(_ state: OutboxState, finishedDaysAgo days: Int?) throws {
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state, finished_at)
            VALUES ('email', 'client', 'ana@mail.example', 'x', '{"clientName":"Ana"}', ?,
                UTC_TIMESTAMP(6) - INTERVAL ? DAY)
            """, .text(state.rawValue), days.map { .integer($0) } ?? .null)
    }

    private func prune(payloadDays: Int = 30) throws -> Housekeeping.Result {
        try Housekeeping(database.connection()).prune(retentionDays: 90, payloadDays: payloadDays)
    }

    @Test("emptying: finished messages lose their content after 30 days and stay listed")
    func finishedMessagesAreEmptiedAndStayVisible() throws {
        let finished = OutboxState.allCases.filter { $0 != .pending }
        for state in finished {
            for days in [29, 31] { try insert(state, finishedDaysAgo: days) }
        }
        try insert(.pending, finishedDaysAgo: nil)
        #expect(try prune().emptied == finished.count)
        #expect(try prune().emptied == 0)
        #expect(try database.count("outbox WHERE emptied_at IS NOT NULL AND recipient = '' AND payload = '{}'") == 5)
        #expect(try database.count("outbox WHERE emptied_at IS NULL AND recipient = 'ana@mail.example'") == 6)
        let entries = try OutboxAdmin(database.connection()).list(.init())
        #expect(entries.count == 11)
        #expect(entries.count { $0.emptiedAt != nil && $0.recipient == "" && $0.payload == "{}" } == 5)
        #expect(try prune(payloadDays: 1).emptied == 5)
    }

    @Test("emptying: an emptied message cannot be retried")
    func anEmptiedMessageIsNotSentAgain() throws {
        for days in [29, 31] { try insert(.dead, finishedDaysAgo: days) }
        _ = try prune()
        var filter = OutboxAdmin.Filter()
        filter.ids = [1, 2]
        let retried = try OutboxAdmin(database.connection())
            .apply(.retry(expiringAfterHours: 24), to: filter, by: "ana")
        #expect(retried.map(\.id) == [1])
        #expect(try database.count("outbox WHERE state = 'dead' AND id = 2") == 1)
        #expect(try database.count("operator_actions") == 1)
    }

    @Test("emptying: a retried message keeps its content")
    func aMessageThatIsDueAgainIsNotEmptied() throws {
        try insert(.dead, finishedDaysAgo: 31)
        var filter = OutboxAdmin.Filter()
        filter.ids = [1]
        let retried = try OutboxAdmin(database.connection())
            .apply(.retry(expiringAfterHours: 24), to: filter, by: "ana")
        #expect(retried.count == 1)
        #expect(try prune().emptied == 0)
        #expect(try database.count("outbox WHERE recipient = 'ana@mail.example'") == 1)
    }

    @Test("emptying: at most 500 rows a batch")
    func batchesAreSmall() throws {
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state, finished_at)
            SELECT 'email', 'client', 'a', 'x', '{}', 'sent', UTC_TIMESTAMP(6) - INTERVAL 31 DAY FROM seq_1_to_1200
            """)
        #expect(try (0..<4).map { _ in try prune().emptied } == [500, 500, 200, 0])
    }
}
