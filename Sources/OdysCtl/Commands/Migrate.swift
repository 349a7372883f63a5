internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database's schema up to date.",
        subcommands: [Up.self, Status.self, Grants.self])

    struct Source: ParsableArguments {
        @Option(help: "The directory of the migration files.")
        var sql = "/usr/share/odys/sql"

        /// The files of the directory, in order.
        func migrations() throws -> [Migration] {
            guard let directory = opendir(sql) else {
                throw Failure(usage: "cannot read \(sql): \(String(cString: strerror(errno))); name it with --sql")
            }
            defer { closedir(directory) }
            var migrations: [Migration] = []
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard let path = Migration(fileName: name, sql: "") else { continue }
                let text = try Environment.readFile("\(sql)/\(name)").mapError { Failure(usage: "\($0)") }.get()
                migrations.append(Migration(version: path.version, name: path.name, sql: text))
            }
            guard !migrations.isEmpty else {
                throw Failure(usage: "there are no migrations in \(sql); name another with --sql")
            }
            return migrations.sorted { $0.version < $1.version }
        }

        func connection() throws -> Connection {
            let settings = try reading { () throws(SettingsError) in
                try DatabaseSettings(.process, migrating: true)
            }
            return Connection(settings, limits: .migration)
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
            try working { () throws(StoreError) in
                try Migrations(connection).up(migrations) { migration in
                    applied.append(migration)
                    if !output.json { print("applied \(migration.version) \(migration.name)") }
                }
            }
            if output.json {
                print(JSON.object([.init("applied", .array(applied.map { .integer($0.version) }))]).text)
            } else if applied.isEmpty {
                print("the schema is up to date")
            }
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
            let states = try working { () throws(StoreError) in try Migrations(connection).status(migrations) }
            if output.json {
                let rows = states.map { migration, state -> JSON in
                    [
                        "version": .integer(migration.version), "name": .string(migration.name),
                        "state": .string(state.rawValue),
                    ]
                }
                print(JSON.array(rows).text)
            } else {
                for (migration, state) in states { print("\(migration.version)  \(state.rawValue)  \(migration.name)") }
            }
            if states.contains(where: { $0.state == .pending || $0.state == .changed }) { throw ExitCode(1) }
        }
    }
}
