internal import ArgumentParser
internal import OdysCore
internal import OdysHost
internal import OdysStore

extension Migrate {
    struct Grants: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the GRANT statements for the application's user: what it needs and nothing more.",
            discussion: """
                Run them as the database's administrator, after 'migrate up'; the user must exist.
                """)

        @Option(help: "The user; ODYS_DB_USER where it is not given.") var user: String?
        @Option(help: "The host that the user connects from; '%' means any.") var host = "localhost"
        @OptionGroup var output: OutputOptions

        func run() throws {
            let database = try reading { () throws(SettingsError) in
                try DatabaseSettings(.process)
            }
            let user = user ?? database.user
            guard ![database.name, user, host].contains(where: \.hasControlCharacters) else {
                throw Failure(usage: "a name has a control character in it")
            }
            let statements = OdysStore.Grants.statements(database: database.name, user: user, host: host)
            if output.json {
                print(JSON.array(statements.map(JSON.string)).text)
            } else {
                for statement in statements { print(statement + ";") }
            }
        }
    }
}
