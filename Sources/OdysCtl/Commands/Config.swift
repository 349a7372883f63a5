internal import ArgumentParser
internal import OdysCore
internal import OdysHost

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks and shows the settings, and prints what other programs need from them.",
        subcommands: [Check.self, Show.self, Example.self, Nginx.self])

    static func settings() throws(SettingsError) -> Settings {
        let settings = try Settings(.process, timeZoneProblem: LocalTime.problem)
        try LocalTime.use(zone: settings.messaging.timeZone)
        return settings
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads the settings as the responder would, and names every problem.")
        @OptionGroup var output: OutputOptions

        func run() throws {
            let settings = try Config.settings()
            let (unknown, warnings) = (settings.unknown, settings.warnings)
            output.show(
                ["unknown": JSON(unknown, each: JSON.string), "warnings": JSON(warnings, each: JSON.string)],
                orLines: (unknown.isEmpty
                    ? ["the settings are good"] : unknown.map { "\($0): there is no such setting" })
                    + warnings.map { "warning: \($0)" })
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
            output.show(
                JSON(values, each: \.json),
                orLines: values.map { row(26, 13, cells: $0.setting.name, $0.origin.rawValue, $0.text) })
        }
    }

    struct Example: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a commented file of settings, for /etc/odys/odys.env.",
            discussion: "It is good once the secrets are filled in. With --json: the catalogue of settings.")
        @OptionGroup var output: OutputOptions

        func run() { output.show(Setting.catalogueJSON, orText: Setting.exampleFile) }
    }

    struct Nginx: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints nginx's map of the origins that browsers may call from.",
            discussion: "Put it into a file of its own that nginx includes inside http, before odys-http.conf.")
        @OptionGroup var output: OutputOptions

        func run() throws {
            let settings = try Config.settings()
            output.show(["origins": JSON(settings.allowedOrigins, each: JSON.string)], orText: Self.map(of: settings))
        }

        /// The content of `origins.conf`. Regular expressions, because nginx puts them into no hash table: texts would
        /// need a `map_hash_bucket_size` as large as the longest, which a site may have set already. The settings
        /// allow no character that is special to nginx, and none that ends \Q.
        static func map(of settings: Settings) -> String {
            // nginx leaves a header out whose value is empty.
            let credentials = settings.tokens.sessionCookie == nil ? "\"\"" : "true"
            let origins = settings.allowedOrigins.map { "    \"~^\\Q\($0)\\E\\z\" $http_origin;\n" }.joined()
            return """
                # Made by 'odysctl config nginx' from ODYS_ALLOWED_ORIGINS and ODYS_SESSION_COOKIE; make it again when
                # they change.
                map $http_origin $odys_cors_origin {
                    default "";
                \(origins)}
                map $odys_cors_origin $odys_cors_credentials {
                    "" "";
                    default \(credentials);
                }

                """
        }
    }
}
