import OdysCore
import Testing

@testable import OdysStore

@Suite struct MigrationTests {
    @Test("migrate up: an empty database gets every file once")
    func anEmptyDatabaseGetsEveryFileOnce() throws {
        let database = try TestDatabase(migrated: false)
        let migrations = try TestDatabase.migrations()
        let connection = try database.connection(.migration)
        #expect(try Migrations(connection).status(migrations).allSatisfy { $0.state == .pending })
        var applied: [Int] = []
        try Migrations(connection).up(migrations) { applied.append($0.version) }
        #expect(applied == migrations.map(\.version))
        try Migrations(connection).up(migrations) { applied.append($0.version) }
        #expect(applied == migrations.map(\.version))
        #expect(try Migrations(connection).status(migrations).allSatisfy { $0.state == .applied })
        #expect(try Migrations.schemaVersion(connection) == Migrations.requiredVersion)
    }

    @Test("migrations: every file can be run again")
    func everyFileCanBeRunAgain() throws {
        let database = try TestDatabase()
        for migration in try TestDatabase.migrations() {
            try database.connection(.migration).executeScript(migration.sql, operation: "run it again")
        }
    }

    @Test("migrate up: a changed file is refused")
    func aChangedFileIsRefused() throws {
        let database = try TestDatabase()
        var migrations = try TestDatabase.migrations()
        migrations[0] = Migration(version: 1, name: "platform", sql: migrations[0].sql + "-- changed")
        let connection = try database.connection(.migration)
        #expect(try Migrations(connection).status(migrations)[0].state == .changed)
        #expect(throws: StoreError.self) { try Migrations(connection).up(migrations) { _ in } }
    }

    @Test("migrations: files run by hand are adopted")
    func filesThatWerePastedAreAdopted() throws {
        let database = try TestDatabase(migrated: false)
        let migrations = try TestDatabase.migrations()
        let connection = try database.connection(.migration)
        for migration in migrations { try connection.executeScript(migration.sql, operation: "paste") }
        // Good enough to serve, as what was pasted records itself.
        #expect(try database.connection().transaction { _ in true })
        #expect(try Migrations(connection).status(migrations).allSatisfy { $0.state == .unverified })
        try Migrations(connection).up(migrations) { _ in }
        #expect(try Migrations(connection).status(migrations).allSatisfy { $0.state == .applied })
    }

    @Test("migrate up: existing tables keep their rows and get the new columns")
    func anExistingPlatformKeepsItsRowsAndGetsTheAddedColumns() throws {
        let database = try TestDatabase(migrated: false)
        try database.connection(.migration).executeScript(Self.platform, operation: "make the platform's tables")
        let connection = try database.connection(.migration)
        try Migrations(connection).up(try TestDatabase.migrations()) { _ in }
        let row = try database.rows("SELECT status, version, updated_at IS NOT NULL FROM appointments")[0]
        #expect(try row.text(0) == "confirmed")
        #expect(try row.integer(1) == 1)
        #expect(try row.integer(2) == 1)
        #expect(try database.rows("SELECT appointment_id, title FROM notifications")[0].text(1) == "oi")
    }

    @Test("connect: an old schema → StoreError.schema")
    func anOldSchemaIsRefusedWithAClearError() throws {
        let database = try TestDatabase(migrated: false)
        let failure = #expect(throws: StoreError.self) { try database.connection().connect() }
        #expect(failure?.kind == .schema)
    }

    /// The four tables as the platform had them, without the added columns, and with rows.
    private static let platform = """
        CREATE TABLE professionals (id UUID PRIMARY KEY, user_id VARCHAR(64) COLLATE utf8mb4_nopad_bin NOT NULL UNIQUE,
            name TEXT NOT NULL, slug VARCHAR(190) NOT NULL UNIQUE, phone VARCHAR(64) NOT NULL, email TEXT NULL,
            profession TEXT NOT NULL) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
        CREATE TABLE clients (id UUID PRIMARY KEY, user_id VARCHAR(64) COLLATE utf8mb4_nopad_bin NULL,
            professional_id UUID NOT NULL, name TEXT NOT NULL, phone VARCHAR(64) NOT NULL, email TEXT NULL,
            FOREIGN KEY (professional_id) REFERENCES professionals (id) ON DELETE CASCADE) ENGINE = InnoDB;
        CREATE TABLE appointments (id UUID PRIMARY KEY, professional_id UUID NOT NULL, client_id UUID NOT NULL,
            starts_at DATETIME(6) NOT NULL, ends_at DATETIME(6) NOT NULL,
            status TEXT NOT NULL DEFAULT 'pending_confirmation', payment_status TEXT NOT NULL DEFAULT 'none',
            FOREIGN KEY (professional_id) REFERENCES professionals (id) ON DELETE CASCADE,
            FOREIGN KEY (client_id) REFERENCES clients (id) ON DELETE CASCADE) ENGINE = InnoDB;
        CREATE TABLE notifications (id UUID PRIMARY KEY DEFAULT (UUID()), recipient_id VARCHAR(64) NOT NULL,
            recipient_type TEXT NOT NULL, type TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
            `read` BOOLEAN NOT NULL DEFAULT FALSE) ENGINE = InnoDB;
        INSERT INTO professionals VALUES ('00000000-0000-4000-8000-000000000001', 'u', 'Ana', 'ana', '1', NULL, 'x');
        INSERT INTO clients VALUES ('00000000-0000-4000-8000-000000000002', NULL,
            '00000000-0000-4000-8000-000000000001', 'Bia', '2', NULL);
        INSERT INTO appointments VALUES ('00000000-0000-4000-8000-000000000003',
            '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
            '2030-01-01', '2030-01-02', 'confirmed', 'captured');
        INSERT INTO notifications (recipient_id, recipient_type, type, title, body)
            VALUES ('u', 'client', 't', 'oi', 'b');
        COMMIT;
        """
}
