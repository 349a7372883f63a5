import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite struct DatabaseInspectionTests {
    @Test("look: a connection that was lost since the last one is replaced")
    func aRestartOfTheServerIsNoFailure() throws {
        let database = try TestDatabase()
        let connection = try database.connection(.look)
        for _ in 0..<2 {
            #expect(try DatabaseSnapshot(connection).schemaVersion == Migrations.requiredVersion)
            let thread = try connection.transaction { connection throws(StoreError) in
                try connection.query("SELECT CONNECTION_ID()", operation: "ask")[0].integer(0)
            }
            try database.run("KILL \(thread)")
        }
        #expect(try Housekeeping(connection).prune(retentionDays: 1, payloadDays: 1).total == 0)
    }

    @Test(
        "inspection: MariaDB from 10.11 on is supported",
        arguments: [
            ("10.11.6-MariaDB-0+deb12u1", true), ("11.4.2-MariaDB", true), ("12.0.1-MariaDB-log", true),
            ("10.6.18-MariaDB", false), ("10.10.2-MariaDB", false), ("5.5.68-MariaDB", false), ("8.0.39", false),
            ("8.4.0-commercial", false), ("MariaDB", false),
        ])
    func onlyMariaDBFromThisVersionOnIsSupported(version: String, isSupported: Bool) {
        #expect(DatabaseInspection.isSupported(version) == isSupported)
    }
}

@Suite struct GrantTests {
    @Test("grants: no name ends its quotes, not with a combining mark behind one either")
    func namesCannotEndTheirQuotes() throws {
        let statement = Grants.statements(database: "d`\u{301}", user: #"u\'"#, host: "h'\u{301}")[0]
        let expected = "GRANT SELECT ON `d``\u{301}`.`schema_migrations` TO " + #"'u\\'''@'h''"# + "\u{301}'"
        #expect(statement.utf8.elementsEqual(expected.utf8), "\(statement)")
    }
}

/// With an account that has the printed grants; what is revoked is what the server lists for it.
@Suite final class GrantInspectionTests {
    private let database: TestDatabase
    private let user = "odys_" + UUID().uuidString.prefix(8).lowercased()
    private let password = UUID().uuidString

    init() throws {
        database = try TestDatabase()
        try database.run("CREATE USER \(user)@localhost IDENTIFIED BY '\(password)'")
        for statement in Grants.statements(database: database.name, user: user, host: "localhost") {
            try database.run(statement)
        }
    }

    deinit {
        do { try database.run("DROP USER \(user)@localhost") } catch { Issue.record(error) }
    }

    private func missing() throws -> [String] {
        try DatabaseInspection(database.settings(database: database.name, user: user, password: password)).missingGrants
    }

    private func rights(_ sql: String) throws -> [[String]] {
        let rows = try database.rows(
            sql, .text("'\(user)'@'localhost'"), .text(database.name))
        return try rows.map { row in try row.values.indices.map { try row.text($0) } }
    }

    private func expect(_ named: String, without right: String, on table: String) throws {
        try database.run("REVOKE \(right) ON \(database.name).\(table) FROM \(user)@localhost")
        #expect(try missing() == [named])
        try database.run("GRANT \(right) ON \(database.name).\(table) TO \(user)@localhost")
    }

    @Test("inspection: the printed grants are enough")
    func thePrintedGrantsAreEnough() throws {
        #expect(try missing() == [])
    }

    @Test("inspection: each missing privilege is named, alone")
    func aMissingPrivilegeIsNamed() throws {
        let rights = try rights(
            """
            SELECT privilege_type, table_name FROM information_schema.table_privileges
            WHERE grantee = ? AND table_schema = ? AND privilege_type <> 'USAGE'
            """)
        #expect(rights.count > 15)
        for right in rights {
            try expect("\(right[0]) on \(right[1])", without: right[0], on: right[1])
        }
    }

    @Test("inspection: each column without UPDATE is named, alone")
    func aMissingColumnIsNamed() throws {
        let rights = try rights(
            """
            SELECT privilege_type, table_name, column_name FROM information_schema.column_privileges
            WHERE grantee = ? AND table_schema = ?
            """)
        #expect(rights.count > 20)
        for right in rights {
            let privilege = "\(right[0]) (\(right[2]))"
            let isOnlyColumn = rights.count { $0[1] == right[1] } == 1
            try expect(
                "\(isOnlyColumn ? right[0] : privilege) on \(right[1])", without: privilege, on: right[1])
        }
    }
}
