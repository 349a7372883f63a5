internal import ArgumentParser
internal import OdysCore
internal import OdysDelivery

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the settings, and prints what other programs need of them.",
        subcommands: [Check.self, Nginx.self])

    static func settings() throws -> Settings {
        try reading { () throws(SettingsError) in
            let settings = try Settings(
                environment: Environment.variables, readFile: Environment.readFile,
                timeZoneProblem: LocalTime.problem)
            try LocalTime.use(zone: settings.messaging.timeZone)
            return settings
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads the settings as the responder would, and names every problem.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            let unknown = try Config.settings().unknown
            if output.json {
                print(JSON.object([.init("unknown", .array(unknown.map(JSON.string)))]).text)
            } else {
                for name in unknown { print("\(name): there is no such setting") }
                if unknown.isEmpty { print("the settings are good") }
            }
            if !unknown.isEmpty { throw ExitCode(1) }
        }
    }

    struct Nginx: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints nginx's map of the origins that browsers may call from.",
            discussion: "Put it into a file of its own that nginx includes inside http, before odys-http.conf.")

        func run() throws {
            let settings = try Config.settings()
            print(
                "# Made by 'odysctl config nginx' from ODYS_ALLOWED_ORIGINS and ODYS_SESSION_COOKIE; make it again when"
            )
            print("# they change.")
            print("map $http_origin $odys_cors_origin {\n    default \"\";")
            // The settings let no character through that means something to nginx.
            for origin in settings.allowedOrigins { print("    \"\(origin)\" \"\(origin)\";") }
            // Empty for an origin that is not listed: the header is left out then.
            let credentials = settings.tokens.sessionCookie == nil ? "\"\"" : "true"
            print("}\nmap $odys_cors_origin $odys_cors_credentials {\n    \"\" \"\";\n    default \(credentials);\n}")
        }
    }
}
