import Foundation
import OdysCore
import Testing

@testable import OdysStore

/// A schema of its own in a real MariaDB, dropped at the end. `scripts/test` starts the server and names its
/// socket.
final class TestDatabase {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    let name = "odys_test_" + UUID().uuidString.lowercased().replacing("-", with: "_")
    let socket: String

    init(migrated: Bool = true) throws {
        socket = try #require(
            ProcessInfo.processInfo.environment["ODYS_TEST_DB_SOCKET"],
            "these tests need a MariaDB; run: scripts/test swift")
        try admin("CREATE DATABASE \(name) CHARACTER SET utf8mb4")
        if migrated { try Migrations(connection(.migration)).up(TestDatabase.migrations()) { _ in } }
    }

    deinit {
        do { try admin("DROP DATABASE \(name)") } catch { Issue.record(error) }
    }

    /// The files of sql/, as they ship.
    static func migrations() throws -> [Migration] {
        let directory = root.appending(path: "sql")
        return try FileManager.default.contentsOfDirectory(atPath: directory.path())
            .compactMap { name in
                Migration(
                    fileName: name, sql: try String(contentsOf: directory.appending(path: name), encoding: .utf8))
            }
            .sorted { $0.version < $1.version }
    }

    func connection(_ limits: SessionLimits = .request) throws -> Connection {
        Connection(try settings(database: name), limits: limits)
    }

    func settings(database: String, user: String = "root", password: String? = nil) throws -> DatabaseSettings {
        try DatabaseSettings(
            SettingsSource(
                variables: [
                    "ODYS_DB_SOCKET": socket, "ODYS_DB_USER": user, "ODYS_DB_PASSWORD": password,
                    "ODYS_DB_NAME": database,
                ].compactMapValues(\.self)
            ) { _ in .success("") })
    }

    private func admin(_ sql: String) throws {
        let connection = Connection(try settings(database: "mysql"), limits: .migration)
        try connection.connect()
        try connection.execute(sql, operation: "prepare a test")
    }

    /// Runs one statement and commits.
    @discardableResult
    func run(_ sql: String, _ values: SQLValue...) throws -> Int {
        let connection = try connection(.migration)
        try connection.connect()
        let changed = try connection.execute(sql, values, operation: "a test's statement")
        try connection.commit()
        return changed
    }

    func rows(_ sql: String, _ values: SQLValue...) throws -> [Row] {
        try connection(.migration).transaction { connection throws(StoreError) in
            try connection.query(sql, values, operation: "a test's question")
        }
    }

    func count(_ from: String) throws -> Int {
        try rows("SELECT COUNT(*) FROM \(from)")[0].integer(0)
    }
}

/// Rows that tests begin with.
struct Fixture {
    let database: TestDatabase
    let professional = UUID().uuidString.lowercased()
    let client = UUID().uuidString.lowercased()

    init(_ database: TestDatabase) throws {
        self.database = database
        try database.run(
            "INSERT INTO professionals (id, user_id, name, slug, phone, profession) VALUES (?, ?, 'Ana', ?, ?, 'x')",
            .text(professional), .text("user-\(professional)"), .text(professional), .text("(11) 90000-0001"))
        try database.run(
            "INSERT INTO clients (id, user_id, professional_id, name, phone, email) VALUES (?, ?, ?, 'Bia', ?, ?)",
            .text(client), .text("user-\(client)"), .text(professional), .text("(11) 90000-0002"),
            .text("bia@example.com"))
    }

    var professionalUser: UserID { UserID("user-\(professional)") }
    var clientUser: UserID { UserID("user-\(client)") }

    func appointment(hour: Int = 10, status: String = "pending_confirmation") throws -> AppointmentID {
        let id = UUID().uuidString.lowercased()
        try database.run(
            """
            INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at, status)
            VALUES (?, ?, ?, '2030-01-01' + INTERVAL ? HOUR, '2030-01-01' + INTERVAL ? HOUR + INTERVAL 50 MINUTE, ?)
            """, .text(id), .text(professional), .text(client), .integer(hour), .integer(hour), .text(status))
        return try #require(AppointmentID(id))
    }

    func store(_ connection: Connection? = nil) throws -> AppointmentStore {
        AppointmentStore(
            try connection ?? database.connection(), rules: Fixture.rules,
            makeID: { UniqueID(milliseconds: 1, random: (.random(in: 0 ... .max), .random(in: 0 ... .max))) })
    }

    static let rules = Rules(
        enforcesStartTime: false,
        messages: MessageSetting(
            appURL: "https://odys.example",
            civilTime: { _ in CivilTime(year: 2030, month: 1, day: 1, hour: 7, minute: 0, weekday: 2) }))

    func request(_ action: String, by user: UserID? = nil, reason: String? = nil) -> ActionRequest {
        ActionRequest(action: AppointmentAction(wire: action), reason: reason, userID: user ?? professionalUser)
    }
}

extension ActResult {
    var refusal: Refusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }

    var change: AppliedChange? {
        if case .changed(let change) = self { change } else { nil }
    }
}

extension Connection {
    /// Waits until another transaction waits for a lock of this one's.
    func waitUntilSomebodyWaits() throws(StoreError) {
        let waiting =
            "SELECT COUNT(*) FROM information_schema.innodb_lock_waits w"
            + " JOIN information_schema.innodb_trx t ON t.trx_id = w.blocking_trx_id"
            + " WHERE t.trx_mysql_thread_id = CONNECTION_ID()"
        let deadline = ContinuousClock.now + .seconds(10)
        repeat {
            // The server keeps its list of waits as it is while it is read more often than every 0.1 s.
            usleep(150_000)
            if try query(waiting, [], operation: "look for a waiter")[0].integer(0) > 0 { return }
        } while ContinuousClock.now < deadline
        Issue.record("nobody waits")
    }
}
