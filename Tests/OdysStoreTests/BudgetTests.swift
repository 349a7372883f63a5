import Foundation
import OdysCore
import Testing

@testable import OdysStore

/// What each action costs the database, by its own counters: the table in ARCHITECTURE.md, section "What an
/// action costs".
///
/// The counters are those of the session, so concurrent work is not counted.
@Suite struct BudgetTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    /// One row of the table.
    private struct Budget: Equatable, CustomStringConvertible {
        /// Commands that went to the server, each with its answer.
        var roundTrips = 0
        /// Statements that the server ran, those inside a compound one too.
        var statements = 0
        /// Rows inserted and rows updated.
        var inserted = 0
        var updated = 0
        /// Entries of indexes that were written: those of inserted rows, as the schema has them. An update changes no
        /// column of an index but the outbox's state.
        var entries = 0

        var description: String {
            "\(roundTrips) | \(statements) | \(inserted) | \(updated) | \(entries)"
        }
    }

    private static let tables = ["appointment_events", "notifications", "outbox", "idempotency_keys"]

    private func counters(_ connection: Connection) throws -> [String: Int] {
        var found: [String: Int] = [:]
        try connection.reading { connection throws(StoreError) in
            for row in try connection.query("SHOW SESSION STATUS", [], operation: "read the counters") {
                let name = try row.text(0)
                guard name.hasPrefix("Com_") || name.hasPrefix("Handler_") || name == "Questions" else { continue }
                found[name] = Int(try row.text(1)) ?? 0
            }
        }
        connection.endReading()
        return found
    }

    /// Index entries of a row, for each table.
    private func indexes() throws -> [String: Int] {
        var found: [String: Int] = [:]
        for row in try database.rows(
            """
            SELECT table_name, COUNT(DISTINCT index_name) FROM information_schema.statistics
            WHERE table_schema = DATABASE() GROUP BY table_name
            """)
        {
            found[try row.text(0)] = try row.integer(1)
        }
        return found
    }

    private func sizes() throws -> [String: Int] {
        var found: [String: Int] = [:]
        for table in Self.tables { found[table] = try database.count(table) }
        return found
    }

    private func spend(_ connection: Connection, _ body: () throws -> Bool) throws -> Budget {
        let (indexes, sizes) = (try indexes(), try sizes())
        let before = try counters(connection)
        // What reading the counters costs itself.
        let idle = try counters(connection)
        #expect(try body())
        let after = try counters(connection)
        func counted(_ name: String) -> Int {
            let start = idle[name] ?? 0
            return (after[name] ?? 0) - start - (start - (before[name] ?? 0))
        }
        var budget = Budget()
        budget.roundTrips = counted("Com_stmt_execute") + counted("Com_rollback")
        budget.statements = ["select", "insert", "update", "delete", "set_option", "commit", "rollback"]
            .reduce(0) { $0 + counted("Com_\($1)") }
        budget.updated = counted("Handler_update")
        for (table, size) in try self.sizes() {
            let inserted = size - (sizes[table] ?? 0)
            budget.inserted += inserted
            budget.entries += inserted * (indexes[table] ?? 0)
        }
        #expect(counted("Handler_write") == budget.inserted)
        return budget
    }

    private struct Case {
        let action: String
        let status: String
        let isFirst: Bool
        let hasKey: Bool

        init(_ action: String, _ status: String, first isFirst: Bool = true, key hasKey: Bool = false) {
            (self.action, self.status, self.isFirst, self.hasKey) = (action, status, isFirst, hasKey)
        }

        var title: String {
            action + (isFirst ? "" : ", later than another action") + (hasKey ? ", with a key" : "")
        }
    }

    private static let cases = [
        Case("confirm", "pending_confirmation"), Case("reject", "pending_confirmation"),
        Case("cancel", "confirmed"), Case("paid", "confirmed"), Case("complete", "confirmed"),
        Case("no_show", "confirmed"), Case("cancel", "confirmed", first: false),
        Case("confirm", "pending_confirmation", key: true),
    ]

    @Test("ARCHITECTURE.md: the cost of each action is what the server counts")
    func theTableIsWhatTheServerCounts() throws {
        let connection = try database.connection()
        let store = try fixture.store(connection)
        var rows: [String] = []
        for (hour, each) in Self.cases.enumerated() {
            // The statement is prepared by an appointment that does not count.
            for isCounted in [false, true] {
                let id = try fixture.appointment(hour: 24 * hour + (isCounted ? 2 : 0), status: each.status)
                if !each.isFirst {
                    try database.run("UPDATE appointments SET version = 2 WHERE id = ?", .text(id.description))
                }
                let key = IdempotencyKey(
                    key: UUID().uuidString, actor: fixture.professionalUser, method: "PATCH", path: "/", body: .null)
                let request = ActionRequest(
                    action: AppointmentAction(wire: each.action), reason: nil, userID: fixture.professionalUser,
                    idempotencyKey: each.hasKey ? key : nil)
                let budget = try spend(connection) {
                    try store.act(id, request, requestID: "r").change != nil
                }
                if isCounted { rows.append("| \(each.title) | \(budget) |") }
            }
        }
        let id = try fixture.appointment(hour: 1_000)
        let reader = AppointmentReader(connection)
        for isCounted in [false, true] {
            let reading = try spend(connection) { try reader.appointment(id) != nil }
            let history = try spend(connection) {
                try reader.history(of: id, ReadRequest(userID: fixture.professionalUser)) != nil
            }
            if isCounted { rows += ["| GET | \(reading) |", "| GET of the history | \(history) |"] }
        }
        let document = try String(
            contentsOf: TestDatabase.root.appending(path: "ARCHITECTURE.md"), encoding: .utf8)
        let missing = rows.filter { !document.contains($0 + "\n") }
        #expect(missing.isEmpty, "ARCHITECTURE.md does not say:\n\(missing.joined(separator: "\n"))")
    }
}
