import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite("Session: multiple statements and LOCAL INFILE") struct SessionSafetyTests {
    let database: TestDatabase

    init() throws { database = try TestDatabase() }

    @Test("session: multiple statements are refused")
    func oneTextIsOneStatement() throws {
        let connection = try database.connection(.migration)
        try connection.executeScript(
            "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); COMMIT;", operation: "run a script")
        // Neither before a script nor after one.
        for connection in [connection, try database.connection(.migration)] {
            let failure = #expect(throws: StoreError.self) {
                try connection.transaction { connection throws(StoreError) in
                    try connection.execute("INSERT INTO t VALUES (2); DROP TABLE t", operation: "two statements")
                }
            }
            #expect(failure?.code == 1_064)
        }
        #expect(try database.count("t") == 1)
    }

    @Test("A script fails when a statement fails after its first row")
    func aScriptReportsAnErrorAmidRows() throws {
        let connection = try database.connection(.migration)
        let failure = #expect(throws: StoreError.self) {
            try connection.executeScript(
                "SELECT (SELECT 1 FROM seq_1_to_2 b WHERE b.seq <= a.seq) FROM seq_1_to_2 a", operation: "run a script")
        }
        #expect(failure?.code == 1_242)
    }

    /// A hostile server could ask for any file of this host.
    @Test("session: LOAD DATA LOCAL INFILE is refused")
    func noFileOfThisHostIsHandedOut() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "odys-\(UUID().uuidString)")
        try Data("secret\n".utf8).write(to: file)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: file) } }
        try database.run("CREATE TABLE t (a TEXT)")
        #expect(throws: StoreError.self) {
            try database.connection(.migration).executeScript(
                "LOAD DATA LOCAL INFILE '\(file.path())' INTO TABLE t", operation: "hand out a file")
        }
        #expect(try database.count("t") == 0)
    }
}
