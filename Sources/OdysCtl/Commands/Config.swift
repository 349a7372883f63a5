internal import ArgumentParser
internal import OdysCore
internal import OdysHost

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks and shows the settings, and prints what other programs need of them.",
        subcommands: [Check.self, Show.self, Example.self, Nginx.self])

    static func settings() throws -> Settings {
        try reading { () throws(SettingsError) in
            let settings = try Settings(.process, timeZoneProblem: LocalTime.problem)
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

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every setting as it is, and where it comes from; of secrets only whether they are set.",
            discussion: "It judges nothing: 'odysctl config check' does.")

        @OptionGroup var output: OutputOptions

        func run() {
            let values = SettingValue.all(.process)
            if output.json {
                print(JSON.array(values.map(\.json)).text)
                return
            }
            for value in values {
                print(value.setting.name.padded(26) + value.origin.rawValue.padded(13) + value.text)
            }
        }
    }

    struct Example: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a commented file of settings, for /etc/odys/odys.env.",
            discussion: "It is good once the secrets are filled in. With --json: the catalogue of settings.")

        @OptionGroup var output: OutputOptions

        func run() {
            if output.json {
                print(JSON.array(Setting.allCases.map(\.json)).text)
            } else {
                print(Setting.exampleFile, terminator: "")
            }
        }
    }

    struct Nginx: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints nginx's map of the origins that browsers may call from.",
            discussion: "Put it into a file of its own that nginx includes inside http, before odys-http.conf.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            let settings = try Config.settings()
            if output.json {
                print(JSON.object([.init("origins", .array(settings.allowedOrigins.map(JSON.string)))]).text)
            } else {
                print(Self.map(of: settings), terminator: "")
            }
        }

        /// The content of `origins.conf`. The settings let no character through that means something to nginx.
        static func map(of settings: Settings) -> String {
            // Empty for an origin that is not listed: the header is left out then.
            let credentials = settings.tokens.sessionCookie == nil ? "\"\"" : "true"
            return """
                # Made by 'odysctl config nginx' from ODYS_ALLOWED_ORIGINS and ODYS_SESSION_COOKIE; make it again when
                # they change.
                map $http_origin $odys_cors_origin {
                    default "";

                """ + settings.allowedOrigins.map { "    \"\($0)\" \"\($0)\";\n" }.joined() + """
                    }
                    map $odys_cors_origin $odys_cors_credentials {
                        "" "";
                        default \(credentials);
                    }

                    """
        }
    }
}
