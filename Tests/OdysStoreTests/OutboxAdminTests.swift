import Foundation
import OdysCore
import Testing

@testable import OdysStore

/// A dry run lists the messages that the change affects.
@Suite struct OutboxAdminTests {
    private let database: TestDatabase
    private let admin: OutboxAdmin

    init() throws {
        database = try TestDatabase()
        admin = OutboxAdmin(try database.connection())
        // Four of each state, in turns; the last of each is an e-mail.
        for number in 0..<4 {
            for state in OutboxState.allCases {
                try database.run(
                    """
                    INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state, finished_at)
                    VALUES (?, 'client', 'x', 'no_show', '{}', ?, IF(state = 'pending', NULL, UTC_TIMESTAMP(6)))
                    """, .text(number == 3 ? "email" : "whatsapp"), .text(state.rawValue))
            }
        }
        // The newest that could be retried was emptied; a sender has the newest pending one in hand.
        try database.run(
            "UPDATE outbox SET emptied_at = UTC_TIMESTAMP(6) WHERE state = 'superseded' ORDER BY id DESC LIMIT 1")
        try database.run(
            """
            UPDATE outbox SET lease_token = RANDOM_BYTES(16), available_at = UTC_TIMESTAMP(6) + INTERVAL 1 MINUTE
            WHERE state = 'pending' ORDER BY id DESC LIMIT 1
            """)
    }

    private static let retry = OutboxAdmin.Change.retry(expiringAfterHours: 24)

    private func ids(_ condition: String, limit: Int) throws -> [Int] {
        try database.rows("SELECT id FROM outbox WHERE \(condition) ORDER BY id DESC LIMIT \(limit)")
            .map { try $0.integer(0) }
    }

    @Test("retry: the newest N over all allowed states, as in the dry run", arguments: [1, 3, 7, 50])
    func retryChangesWhatItShows(limit: Int) throws {
        let expected = try ids("state NOT IN ('pending', 'sent') AND emptied_at IS NULL", limit: limit)
        var filter = OutboxAdmin.Filter()
        filter.limit = limit
        #expect(try admin.selection(for: Self.retry, filter).map(\.id) == expected)
        #expect(try admin.apply(Self.retry, to: filter, by: "ana").map(\.id) == expected)
        #expect(try database.count("outbox WHERE state = 'pending'") == 4 + expected.count)
    }

    @Test("discard: pending messages that are not in flight, as in the dry run", arguments: [2, 50])
    func discardChangesWhatItShows(limit: Int) throws {
        let expected = try ids("state = 'pending' AND lease_token IS NULL", limit: limit)
        var filter = OutboxAdmin.Filter()
        filter.limit = limit
        let discard = OutboxAdmin.Change.discard(reason: "x")
        #expect(try admin.selection(for: discard, filter).map(\.id) == expected)
        #expect(try admin.apply(discard, to: filter, by: "ana").map(\.id) == expected)
    }

    @Test("selection: a filter narrows dry run and change alike", arguments: OutboxState.allCases)
    func aFilterNarrowsBoth(state: OutboxState) throws {
        var filter = OutboxAdmin.Filter()
        filter.state = state
        filter.channel = .whatsapp
        let isRetryable = state != .pending && state != .sent
        let selected = try admin.selection(for: Self.retry, filter).map(\.id)
        #expect(selected.count == (isRetryable ? 3 : 0))
        #expect(try admin.apply(Self.retry, to: filter, by: "ana").map(\.id) == selected)
        #expect(try database.count("operator_actions WHERE action = 'retry'") == selected.count)
    }
}
