internal import ArgumentParser
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database's schema up to date.",
        subcommands: [Up.self, Status.self, Grants.self])

    struct Source: ParsableArguments {
        @Option(help: "The directory of the migration files.") var sql = "/usr/share/odys/sql"

        /// The files of the directory, in order.
        func migrations() throws -> [Migration] {
            let names: [String]
            do throws(Directory.Failure) {
                names = try Directory.names(in: sql)
            } catch {
                throw Failure.usage("cannot read \(error); name it with --sql")
            }
            let migrations = try names.compactMap { name in
                guard Migration(fileName: name, sql: "") != nil else { return nil as Migration? }
                let text = try Environment.readFile("\(sql)/\(name)").mapError { Failure.usage("\($0)") }.get()
                return Migration(fileName: name, sql: text)
            }
            guard !migrations.isEmpty else {
                throw Failure.usage("there are no migrations in \(sql); name another with --sql")
            }
            return migrations.sorted { $0.version < $1.version }
        }

        func connection() throws(SettingsError) -> Connection {
            try .current(limits: .migration, migrating: true)
        }
    }

    struct Up: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Applies the missing migrations, under a lock that all hosts share.")

        @OptionGroup var source: Source
        @OptionGroup var output: OutputOptions

        func run() throws {
            let migrations = try source.migrations()
            let connection = try source.connection()
            var applied: [Migration] = []
            try Migrations(connection).up(migrations) { migration in
                applied.append(migration)
                if !output.json { print("applied \(migration.version) \(migration.name)") }
            }
            output.show(
                ["applied": .array(applied.map { .integer($0.version) })],
                orLines: applied.isEmpty ? ["the schema is up to date"] : [])
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells which migrations are applied; exit code 1 when one is missing or changed.")

        @OptionGroup var source: Source
        @OptionGroup var output: OutputOptions

        func run() throws {
            let migrations = try source.migrations()
            let connection = try source.connection()
            let states = try Migrations(connection).status(migrations)
            output.show(
                .array(
                    states.map { migration, state in
                        [
                            "version": .integer(migration.version), "name": .string(migration.name),
                            "state": JSON(state),
                        ]
                    }),
                orLines: states.map { "\($0.version)  \($1.rawValue)  \($0.name)" })
            if states.contains(where: { $0.state == .pending || $0.state == .changed }) { throw ExitCode(1) }
        }
    }

    struct Grants: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the GRANT statements for the application's user: what it needs and nothing more.",
            discussion: "Run them as the database's administrator, after 'migrate up'; the user must exist.")

        @Option(help: "The user; ODYS_DB_USER where it is not given.") var user: String?
        @Option(help: "The host that the user connects from; '%' means any.") var host = "localhost"
        @OptionGroup var output: OutputOptions

        func run() throws {
            let database = try DatabaseSettings.current()
            let user = user ?? database.user
            guard ![database.name, user, host].contains(where: \.hasControlCharacters) else {
                throw Failure.usage("a name has a control character in it")
            }
            let statements = OdysStore.Grants.statements(database: database.name, user: user, host: host)
            output.show(.array(statements.map(JSON.string)), orLines: statements.map { $0 + ";" })
        }
    }
}
