import OdysCore
import Testing

@testable import OdysStore

@Suite("Schema: what deviates is named before it is trusted") struct SchemaDeviationTests {
    /// A platform in one thing unlike the one that the statements were written for.
    struct Platform: CustomTestStringConvertible {
        let sql: String
        /// What is named; empty where the statements can live with it.
        let named: [String]
        /// How it is mended, where the remedy is no statement.
        let mend: String?

        init(_ sql: String, _ named: String..., mend: String? = nil) {
            (self.sql, self.named, self.mend) = (sql, named, mend)
        }

        var testDescription: String { sql }
    }

    static let platforms = [
        Platform("ALTER TABLE appointments MODIFY starts_at TIMESTAMP NOT NULL", "appointments.starts_at"),
        Platform(
            "ALTER TABLE appointments DROP CONSTRAINT appointments_time, MODIFY ends_at VARCHAR(32) NOT NULL",
            "appointments.ends_at"),
        Platform(
            "ALTER TABLE appointments ADD COLUMN updated_at TIMESTAMP NULL", "appointments.updated_at"),
        Platform("ALTER TABLE appointments ADD COLUMN version VARCHAR(9) NULL", "appointments.version"),
        Platform("ALTER TABLE appointments DROP COLUMN payment_status", "appointments.payment_status"),
        Platform("ALTER TABLE appointments MODIFY status VARCHAR(12) NOT NULL", "appointments.status"),
        Platform(
            "ALTER TABLE appointments MODIFY payment_status ENUM('none', 'captured') NULL DEFAULT 'none'",
            "appointments.payment_status"),
        Platform("ALTER TABLE appointments MODIFY status INT NOT NULL DEFAULT 0", "appointments.status"),
        Platform("ALTER TABLE clients MODIFY phone VARCHAR(64) NULL", "clients.phone"),
        Platform("ALTER TABLE clients MODIFY name TEXT NULL, DROP COLUMN email", "clients.name", "clients.email"),
        Platform("ALTER TABLE professionals MODIFY user_id BIGINT NOT NULL", "professionals.user_id"),
        Platform("ALTER TABLE notifications MODIFY id UUID NOT NULL", "notifications.id"),
        Platform("ALTER TABLE notifications ADD COLUMN urgency INT NOT NULL", "notifications.urgency"),
        Platform("ALTER TABLE notifications MODIFY body VARCHAR(255) NOT NULL", "notifications.body"),
        Platform(
            "ALTER TABLE notifications MODIFY title TEXT CHARACTER SET utf8mb3 NOT NULL", "notifications.title"),
        Platform(
            "ALTER TABLE notifications MODIFY type ENUM('reminder', 'booking_confirmed') NOT NULL",
            "notifications.type"),
        Platform("ALTER TABLE notifications ENGINE = MyISAM", "notifications"),
        Platform(
            "ALTER TABLE notifications MODIFY id CHAR(36) NOT NULL DEFAULT UUID()", "notifications.id",
            mend: "ALTER TABLE notifications MODIFY id UUID NOT NULL DEFAULT UUID()"),
        Platform(
            "CREATE TABLE schema_migrations (version VARCHAR(190) NOT NULL PRIMARY KEY)", "schema_migrations.version",
            "schema_migrations.name", "schema_migrations.checksum",
            mend: "RENAME TABLE schema_migrations TO framework_migrations"),
        Platform(
            "CREATE TABLE outbox (id BIGINT AUTO_INCREMENT PRIMARY KEY, topic TEXT NOT NULL, payload JSON NOT NULL)",
            "outbox.message_uid", "outbox.state", "outbox.topic", mend: "RENAME TABLE outbox TO platform_outbox"),
        Platform(
            "ALTER TABLE appointments ADD COLUMN version INT INVISIBLE NOT NULL DEFAULT 1,"
                + " ADD COLUMN updated_at DATETIME(6) INVISIBLE NOT NULL DEFAULT (UTC_TIMESTAMP(6))"),
        Platform(
            "ALTER TABLE appointments MODIFY status ENUM('draft', 'pending_confirmation', 'confirmed', 'rejected',"
                + " 'cancelled', 'completed', 'no_show') NOT NULL DEFAULT 'pending_confirmation',"
                + " ADD COLUMN color TEXT NULL, MODIFY payment_status TEXT NOT NULL DEFAULT 'none'"),
        Platform("ALTER TABLE appointments MODIFY starts_at DATETIME NOT NULL, MODIFY ends_at DATETIME(3) NOT NULL"),
        Platform(
            "ALTER TABLE clients MODIFY phone VARCHAR(900) CHARACTER SET latin1 NOT NULL, MODIFY email VARCHAR(190),"
                + " MODIFY name MEDIUMTEXT COLLATE utf8mb4_bin NOT NULL"),
        Platform("ALTER TABLE notifications ADD COLUMN urgency INT NULL, ADD COLUMN kind ENUM('a', 'b') NOT NULL"),
    ]

    /// The four tables alone, as before the first `migrate up`.
    private func platform() throws -> TestDatabase {
        let database = try TestDatabase(migrated: false)
        let files = try TestDatabase.migrations()
        try database.connection(.migration).executeScript(files[0].sql, operation: "make the platform's tables")
        try database.connection(.migration).executeScript(
            """
            ALTER TABLE appointments ADD KEY professional (professional_id);
            ALTER TABLE appointments DROP KEY appointments_slot, DROP COLUMN version, DROP COLUMN updated_at;
            ALTER TABLE notifications DROP COLUMN appointment_id;
            DROP TABLE schema_migrations;
            """, operation: "make the platform's tables")
        return database
    }

    private func tables(_ database: TestDatabase) throws -> [String] {
        try database.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")
            .map { row in
                let name = try row.text(0)
                return try database.rows("SHOW CREATE TABLE \(name)")[0].text(1)
            }
    }

    @Test("migrate up: a platform that deviates is named, unchanged, and good once mended", arguments: platforms)
    func platformsThatDeviateAreNamed(_ each: Platform) throws {
        let database = try platform()
        try database.connection(.migration).executeScript(each.sql, operation: "break the platform")
        let before = try tables(database)
        let connection = try database.connection(.migration)
        let migrations = Migrations(connection)
        let files = try TestDatabase.migrations()
        let deviations = try migrations.deviations()
        #expect(Set(deviations.map(\.subject)).isSuperset(of: each.named))
        #expect(each.named.isEmpty == deviations.isEmpty, "\(deviations)")
        if !each.named.isEmpty {
            let failure = #expect(throws: StoreError.self) { try migrations.up(files) { _ in } }
            #expect(failure?.kind == .schema)
            for name in each.named { #expect("\(failure!)".contains(name)) }
            #expect(try tables(database) == before)
            let remedies =
                each.mend ?? deviations.map { $0.remedy.replacing("DEFAULT …", with: "DEFAULT 0") + ";" }.joined()
            try database.connection(.migration).executeScript(remedies, operation: "mend the platform")
        }
        try migrations.up(files) { _ in }
        #expect(try migrations.deviations() == [])
        try work(database)
    }

    /// An action, and both reads.
    private func work(_ database: TestDatabase) throws {
        let fixture = try Fixture(database)
        let id = try fixture.appointment()
        let connection = try database.connection()
        #expect(try fixture.store(connection).act(id, fixture.request("reject"), requestID: "r").change != nil)
        #expect(try AppointmentReader(connection).appointment(id)?.appointment.version == 2)
        let wanted = ReadRequest(userID: fixture.professionalUser)
        #expect(try AppointmentReader(connection).history(of: id, wanted)?.messages.count == 3)
    }

    /// Our own tables, after the migrations.
    @Test(
        "schema: what was changed in a migrated database is named",
        arguments: [
            Platform("ALTER TABLE outbox DROP KEY outbox_claim", "outbox, key outbox_claim"),
            Platform("ALTER TABLE outbox ALTER INDEX outbox_finished IGNORED", "outbox, key outbox_finished"),
            Platform(
                "ALTER TABLE outbox DROP KEY outbox_once, ADD KEY outbox_once (appointment_id, appointment_version,"
                    + " channel, recipient_role)", "outbox, key outbox_once"),
            Platform(
                "ALTER TABLE outbox DROP COLUMN emptied_at, DROP KEY outbox_finished",
                "outbox.emptied_at", "outbox, key outbox_finished"),
            Platform(
                "ALTER TABLE outbox MODIFY state ENUM('pending', 'sent') NOT NULL DEFAULT 'pending'", "outbox.state"),
            Platform(
                "ALTER TABLE outbox MODIFY available_at DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP())",
                "outbox.available_at"),
            Platform("ALTER TABLE outbox MODIFY available_at DATETIME(6) NOT NULL", "outbox.available_at"),
            Platform("ALTER TABLE appointment_events MODIFY marker BINARY(20) NOT NULL", "appointment_events.marker"),
            Platform("ALTER TABLE appointment_events DROP KEY appointment_events_marker", "appointment_events"),
            Platform("ALTER TABLE appointment_events MODIFY reason TEXT NOT NULL", "appointment_events.reason"),
            Platform("ALTER TABLE idempotency_keys DROP PRIMARY KEY", "idempotency_keys"),
            Platform("DROP TABLE channel_rate", "channel_rate"),
            Platform(
                "DROP TABLE operator_actions; CREATE VIEW operator_actions AS SELECT * FROM outbox",
                "operator_actions", "operator_actions.operator"),
            Platform("ALTER TABLE outbox ADD COLUMN campaign INT NULL, MODIFY last_error VARCHAR(900) NULL"),
        ])
    func changesOfOurOwnTablesAreNamed(_ each: Platform) throws {
        let database = try TestDatabase()
        try database.connection(.migration).executeScript(each.sql, operation: "break the schema")
        let found = try SchemaDeviation.all(database.connection(.look))
        #expect(Set(found.map(\.subject)).isSuperset(of: each.named), "\(found)")
        #expect(each.named.isEmpty == found.isEmpty, "\(found)")
        #expect(found.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test(
        "schema: every column that the application may read of the platform's tables is described, or only operators'")
    func theDescriptionCoversTheGrants() {
        let described = NeededTable.all.flatMap { table in table.columns.map { "\(table.name).\($0.name)" } }
        let granted = Grants.statements(database: "d", user: "u", host: "h").flatMap { statement -> [String] in
            guard let table = statement.split(separator: "`").dropFirst(3).first ?? nil,
                let list = statement.split(separator: "SELECT (").dropFirst().first?.split(separator: ")").first
            else { return [] }
            return list.split(separator: ", ").map { "\(table).\($0)" }
        }
        #expect(granted.count > 20)
        #expect(
            Set(granted).subtracting(described)
                == ["professionals.profession", "professionals.session_price", "appointments.created_at"])
    }

    @Test("connect: another program's schema_migrations → version 0, and the remedy")
    func aForeignRecordIsNoVersion() throws {
        let database = try platform()
        try database.run("CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN NOT NULL)")
        try database.run("INSERT INTO schema_migrations VALUES (20240101000000, 0)")
        #expect(try Migrations.schemaVersion(database.connection(.look)) == 0)
        let states = try Migrations(database.connection(.migration)).status(TestDatabase.migrations())
        #expect(states.allSatisfy { $0.state == .pending })
        #expect(try !DatabaseInspection(database.settings(database: database.name)).deviations.isEmpty)
        let failure = #expect(throws: StoreError.self) { try database.connection().connect() }
        #expect(failure?.kind == .schema)
    }

    /// The connections that saw it before keep their prepared statements.
    @Test("reader: a column's type is changed beneath a connection → the next read is good")
    func aRepairedColumnNeedsNoNewConnection() throws {
        let database = try TestDatabase()
        let fixture = try Fixture(database)
        let id = try fixture.appointment()
        let connection = try database.connection()
        let (store, reader) = (try fixture.store(connection), AppointmentReader(connection))
        try database.run(
            "ALTER TABLE appointments MODIFY starts_at VARCHAR(32) NOT NULL, DROP CONSTRAINT appointments_time")
        let failure = #expect(throws: StoreError.self) { try reader.appointment(id) }
        #expect(failure?.kind == .schema)
        #expect(failure.map { "\($0)".contains("column 4 is of another type") } == true)
        connection.endReading()
        for type in ["TIMESTAMP(6)", "DATETIME(6)", "TIMESTAMP(3)", "DATETIME(3)"] {
            try database.connection(.migration).executeScript(
                "SET time_zone = '+00:00'; ALTER TABLE appointments MODIFY starts_at \(type) NOT NULL",
                operation: "repair")
            let read = try reader.appointment(id)
            connection.endReading()
            #expect(read?.appointment.startsAt.sql.hasPrefix("2030-01-01 10:00:00") == true, "\(type)")
        }
        #expect(try store.act(id, fixture.request("confirm"), requestID: "r").change != nil)
    }

    @Test("reader: a status that this program does not know → schema, named")
    func anUnknownStatusIsNamed() throws {
        let database = try TestDatabase()
        let fixture = try Fixture(database)
        let id = try fixture.appointment()
        try database.run("ALTER TABLE appointments MODIFY status TEXT NOT NULL")
        try database.run("UPDATE appointments SET status = 'draft'")
        let failures = [
            #expect(throws: StoreError.self) { try AppointmentReader(database.connection()).appointment(id) },
            #expect(throws: StoreError.self) {
                try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
            },
        ]
        for failure in failures {
            #expect(failure?.isUnavailability == true)
            #expect(failure.map { "\($0)".hasSuffix("column 2 is no Status that this program knows") } == true)
        }
    }

    @Test("act: parties without a phone → their messages are skipped")
    func aMissingPhoneIsSkipped() throws {
        let database = try TestDatabase()
        let fixture = try Fixture(database)
        let id = try fixture.appointment()
        try database.run("ALTER TABLE clients MODIFY phone VARCHAR(64) NULL")
        try database.run("UPDATE clients SET phone = NULL")
        #expect(try fixture.store().act(id, fixture.request("confirm"), requestID: "r").change != nil)
        let row = try database.rows(
            "SELECT state FROM outbox WHERE channel = 'whatsapp' AND recipient_role = 'client'")[0]
        #expect(try row.text(0) == "skipped")
    }
}
