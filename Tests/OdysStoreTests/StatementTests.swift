import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite("Statements: bound values and columns") struct StatementTests {
    let database: TestDatabase

    init() throws {
        database = try TestDatabase(migrated: false)
        try database.run(
            "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT, at DATETIME(6), words VARCHAR(800), raw VARBINARY(800))")
    }

    /// Lengths around those of a small string, of a column that is fetched at once, and of the arena.
    @Test(
        "statements: bound values read back equal, of every type and length",
        arguments: [0, 1, 14, 15, 16, 255, 511, 512, 513, 700]
    )
    func valuesComeBack(_ length: Int) throws {
        let words = String(repeating: "ã", count: length / 2) + String(repeating: "x", count: length % 2)
        let raw = (0..<length).map { UInt8(truncatingIfNeeded: 255 - $0) }
        let instants = [
            Instant(microseconds: 0), Instant(microseconds: 1_796_144_400_123_456),
            Instant(year: 1_000, month: 1, day: 1, hour: 0, minute: 0, second: 0),
            Instant(year: 9_999, month: 12, day: 31, hour: 23, minute: 59, second: 59, microsecond: 999_999),
        ]
        for (id, instant) in instants.enumerated() {
            try database.run(
                "INSERT INTO t VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)", .integer(id), .integer(.min + id),
                .instant(instant), .text(words), .bytes(raw), .integer(100 + id), .null, .null,
                .utf8(Array(words.utf8)), .null)
        }
        let connection = try database.connection(.migration)
        try connection.transaction { connection throws(StoreError) in
            for (id, instant) in instants.enumerated() {
                let row = try connection.query(
                    "SELECT n, at, words, raw, CAST(at AS CHAR) FROM t WHERE id = ? AND at = ?",
                    [.integer(id), .instant(instant)], operation: "read back")[0]
                #expect(try row.integer(0) == .min + id)
                #expect(try row.instant(1) == instant)
                #expect(try row.text(2).hasSameBytes(as: words))
                #expect(try row.bytes(3) == raw)
                #expect(try row.text(4) == instant.sql)
                let other = try connection.query(
                    "SELECT n, at, words, raw FROM t WHERE id = ?", [.integer(100 + id)], operation: "read back")[0]
                #expect(other.isNull(0) && other.isNull(1) && other.isNull(3))
                #expect(try other.text(2).hasSameBytes(as: words))
            }
        }
    }

    @Test("statements: a column of another type is an error")
    func aColumnOfAnotherKindIsAnError() throws {
        try database.run("INSERT INTO t VALUES (1, 1, NULL, 'x', x'C3')")
        let connection = try database.connection(.migration)
        try connection.transaction { connection throws(StoreError) in
            let row = try connection.query("SELECT n, at, words, raw FROM t", [], operation: "read back")[0]
            for column in [0, 1, 3] { #expect(throws: StoreError.self) { try row.text(column) } }
            for column in [0, 1, 2] { #expect(throws: StoreError.self) { try row.bytes(column) } }
            for column in [1, 2, 3] { #expect(throws: StoreError.self) { try row.integer(column) } }
        }
    }

    /// A range is locked row by row, so the error comes where the next row is awaited.
    @Test("statements: a lock wait in place of a row has its number")
    func aLockWaitAmidRowsIsATimeout() throws {
        try database.run("INSERT INTO t (id) VALUES (1), (2)")
        let failure = try database.connection(.migration).transaction { blocker throws(StoreError) in
            _ = try blocker.query("SELECT id FROM t WHERE id = 2 FOR UPDATE", operation: "block")
            return failureOfLockingAll()
        }
        #expect(failure?.code == 1_205 && failure?.kind == .timeout)
    }

    @Test("statements: a deadlock in place of a row has its number")
    func aDeadlockAmidRowsIsADeadlock() throws {
        try database.run("INSERT INTO t (id) SELECT seq FROM seq_1_to_50")
        // The victim is who has changed less.
        nonisolated(unsafe) let other = try database.connection(.migration)
        let done = DispatchSemaphore(value: 0)
        let failure = try database.connection(.migration).transaction { connection throws(StoreError) -> StoreError? in
            _ = try connection.query("SELECT id FROM t WHERE id = 50 FOR UPDATE", operation: "lock the last")
            let locked = DispatchSemaphore(value: 0)
            DispatchQueue(label: "test.deadlock").async {
                #expect(throws: Never.self) {
                    try other.transaction { other throws(StoreError) in
                        try other.execute("UPDATE t SET n = 1 WHERE id < 50", operation: "change the rest")
                        locked.signal()
                        try other.execute("UPDATE t SET n = 1 WHERE id = 50", operation: "wait for the last")
                    }
                }
                done.signal()
            }
            locked.wait()
            try connection.waitUntilSomebodyWaits()
            do throws(StoreError) {
                _ = try connection.query(
                    "SELECT id FROM t WHERE id > 0 ORDER BY id FOR UPDATE", operation: "lock the rest")
                return nil
            } catch { return error }
        }
        done.wait()
        #expect(failure?.code == 1_213 && failure?.kind == .deadlock)
    }

    private func failureOfLockingAll() -> StoreError? {
        do {
            try database.connection(.migration).transaction { connection throws(StoreError) in
                _ = try connection.query("SELECT id FROM t WHERE id > 0 FOR UPDATE WAIT 1", operation: "lock all")
            }
            return nil
        } catch { return error as? StoreError }
    }
}
