internal import ArgumentParser
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database's schema up to date.", subcommands: [Up.self, Status.self, Grants.self])

    struct Source: ParsableArguments {
        @Option(help: "The directory of the migration files.") var sql = "/usr/share/odys/sql"

        /// The files of the directory, in order, and the database, with the account that may change the schema.
        func open() throws -> (files: [Migration], database: Migrations) {
            let names = try Directory.names(in: sql).mapError { Failure.usage("\($0); name it with --sql") }.get()
            let files = try names.filter { Migration(fileName: $0, sql: "") != nil }.compactMap { name in
                let text = try Environment.readFile("\(sql)/\(name)").mapError { Failure.usage("\($0)") }.get()
                return Migration(fileName: name, sql: text)
            }
            guard !files.isEmpty else {
                throw Failure.usage("there are no migrations in \(sql); name another with --sql")
            }
            let database = Migrations(try .current(limits: .migration, migrating: true))
            return (files.sorted { $0.version < $1.version }, database)
        }
    }

    struct Up: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Applies the missing migrations, under a lock that all hosts share.")
        @OptionGroup var source: Source
        @OptionGroup var output: OutputOptions

        func run() throws {
            let (files, database) = try source.open()
            var applied: [Migration] = []
            try database.up(files) { migration in
                applied.append(migration)
                if !output.json { StandardOutput.put("applied \(migration.version) \(migration.name.shown)\n") }
            }
            output.show(
                ["applied": JSON(applied) { .integer($0.version) }],
                orLines: applied.isEmpty ? ["the schema is up to date"] : [])
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Tells which migrations are applied; exit code 1 when one is missing or changed, or a table deviates.")
        @OptionGroup var source: Source
        @OptionGroup var output: OutputOptions

        func run() throws {
            let (files, database) = try source.open()
            let states = try database.status(files)
            let deviations = try database.deviations()
            let found: [JSON] = deviations.map {
                [
                    "state": "deviates", "subject": .string($0.subject), "cause": .string($0.cause),
                    "remedy": .string($0.remedy),
                ]
            }
            output.show(
                .array(
                    states.map {
                        ["version": .integer($0.version), "name": .string($0.name), "state": JSON($1)]
                    } + found),
                orLines: states.map { "\($0.version)  \($1.rawValue)  \($0.name)" }
                    + deviations.flatMap { ["   deviates  \($0)", "             \($0.remedy)"] })
            let isBehind = states.contains { $0.state == .pending || $0.state == .changed }
            if isBehind || !deviations.isEmpty { throw ExitCode(1) }
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
            let database = try DatabaseSettings(.process)
            let user = user ?? database.user
            guard ![database.name, user, host].contains(where: \.hasControlCharacters) else {
                throw Failure.usage("a name has a control character in it")
            }
            let statements = OdysStore.Grants.statements(database: database.name, user: user, host: host)
            output.show(JSON(statements, each: JSON.string), orLines: statements.map { $0 + ";" })
        }
    }
}
