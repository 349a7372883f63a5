import Foundation
import Testing

@testable import OdysCore

@Suite("Settings catalogue: against Settings and the generated documents") struct SettingsCatalogueTests {
    /// Without the host, which stands instead of the socket, and the files, which have to be there.
    ///
    /// The reader traps where a setting is read as another kind than its own, so reading everything once is a test.
    private static let everything = Dictionary(
        uniqueKeysWithValues: Setting.allCases.filter {
            !["ODYS_DB_HOST", "ODYS_DB_CA", "ODYS_JWKS_FILE"].contains($0.name)
        }.map {
            ($0.name, $0.isSecret ? SettingsSamples.secret : $0.example)
        })

    @Test("catalogue: names are unique, only secrets have no example")
    func namesAreUnique() {
        #expect(Set(Setting.allCases.map(\.name)).count == Setting.allCases.count)
        #expect(Setting.allCases.count > 30)
        for setting in Setting.allCases {
            #expect(setting.isSecret == setting.example.isEmpty, "\(setting.name)")
        }
    }

    @Test("catalogue: the examples are valid settings")
    func examplesAreGood() throws {
        let settings = try SettingsSamples.read([:], base: Self.everything)
        #expect(settings.unknown == [] && settings.messaging.smtp != nil && settings.messaging.evolution != nil)
        let hosts = ["ODYS_DB_SOCKET": nil, "ODYS_DB_HOST": Setting.databaseHosts.example]
        #expect(SettingsSamples.problems(hosts, base: Self.everything) == [])
    }

    @Test("catalogue: its defaults are those of Settings")
    func defaultsAreTheProgramsOwn() throws {
        var least = SettingsSamples.least
        func text(_ environment: [String: String]) throws -> String {
            var text = ""
            dump(try SettingsSamples.read([:], base: environment), to: &text)
            // What a caller gave differs by its origin, not by its value.
            return text
        }
        let before = try text(least)
        for setting in Setting.allCases {
            guard case .value(let value) = setting.fallback else { continue }
            least[setting.name] = value
        }
        #expect(least.count > SettingsSamples.least.count + 10)
        #expect(try text(least) == before)
    }

    @Test("catalogue: required settings are required", arguments: Setting.allCases.filter(\.isRequired).map(\.name))
    func requiredSettingsAreRequired(name: String) {
        #expect(SettingsSamples.names([name: nil]) == [name])
    }

    @Test("catalogue: a name that it lacks is reported as unknown")
    func whatTheCatalogueLacksIsUnknown() throws {
        #expect(try SettingsSamples.read(["ODYS_THREDS": "3"]).unknown == ["ODYS_THREDS"])
        let files = ["ODYS_SMTP_PASSWORD_FILE": "", "ODYS_THREADS_FILE": "/x"]
        #expect(try SettingsSamples.read(files.mapValues { $0 }).unknown == ["ODYS_THREADS_FILE"])
    }

    // MARK: Texts

    /// As systemd and a shell read the file: comments, and NAME=VALUE with or without quotes.
    private static func variables(_ file: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in file.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            variables[String(parts[0])] = parts[1].trimmingCharacters(in: ["\""])
        }
        return variables
    }

    @Test("example file: complete but for secrets")
    func theExampleLacksOnlySecrets() throws {
        var variables = Self.variables(Setting.exampleFile)
        #expect(SettingsSamples.names([:], base: variables) == ["ODYS_JWT_SECRET"])
        variables["ODYS_JWT_SECRET"] = SettingsSamples.secret
        let settings = try SettingsSamples.read([:], base: variables)
        #expect(settings.enforcesStartTime && settings.unknown == [])
        let all = Self.variables(Setting.exampleFile.replacing("\n#ODYS", with: "\nODYS"))
        #expect(all.count > 25 && all["ODYS_MAIL_FROM"] == "Odys <agenda@odys.example>")
    }

    // MARK: What holds now

    private static func shown(
        _ environment: [String: String], files: [String: String] = [:]
    ) -> [String: SettingValue] {
        let values = SettingValue.all(SettingsSamples.source(environment, files: files))
        return Dictionary(uniqueKeysWithValues: values.map { ($0.setting.name, $0) })
    }

    @Test("config show: each value names its origin")
    func eachValueNamesItsOrigin() {
        let shown = Self.shown(
            [
                "ODYS_THREADS": "3", "ODYS_INSTANCE": "", "ODYS_JWT_SECRET": SettingsSamples.secret,
                "ODYS_DB_PASSWORD_FILE": "/run/password", "EVOLUTION_API_KEY_FILE": "/gone",
                "CREDENTIALS_DIRECTORY": "/run/credentials",
            ],
            files: ["/run/password": "geheim\n", "/run/credentials/odys-smtp-password": "päss\n"])
        func expect(_ name: String, _ origin: SettingValue.Origin, _ text: String, value: String? = nil) {
            #expect(shown[name]?.origin == origin && shown[name]?.text == text, "\(name)")
            #expect(shown[name]?.value == value && shown[name]?.json["value"] == JSON(value), "\(name)")
        }
        expect("ODYS_THREADS", .environment, "3", value: "3")
        expect("ODYS_INSTANCE", .fallback, "1", value: "1")
        expect("ODYS_JWT_SECRET", .environment, "set (32 bytes)")
        expect("ODYS_DB_PASSWORD", .file, "set (6 bytes)")
        expect("ODYS_SMTP_PASSWORD", .credential, "set (5 bytes)")
        expect("EVOLUTION_API_KEY", .file, "(cannot read /gone: gone)")
        expect("ODYS_DB_MIGRATE_PASSWORD", .fallback, "(not set)")
        expect("ODYS_JWT_ISSUER", .fallback, "(not checked)")
        #expect(shown["ODYS_JWT_SECRET"]?.json["text"]?.string == "set (32 bytes)")
        #expect(shown["ODYS_DB_MIGRATE_PASSWORD"]?.json["text"]?.string == "(not set)")
    }

    @Test("config show: an empty secret does not hide its credential, and an unreadable one is named")
    func emptyAndUnreadableSecretsAreShown() {
        let values = SettingValue.all(
            SettingsSamples.source(
                ["ODYS_JWT_SECRET": "", "ODYS_DB_PASSWORD": "", "CREDENTIALS_DIRECTORY": "/c"],
                files: ["/c/odys-jwt-secret": SettingsSamples.secret, "/c/evolution-api-key": nil],
                notUTF8: ["ODYS_INSTANCE"]))
        let shown = Dictionary(uniqueKeysWithValues: values.map { ($0.setting, $0) })
        #expect(shown[.tokenSecret]?.origin == .credential && shown[.tokenSecret]?.text == "set (32 bytes)")
        #expect(shown[.databasePassword]?.origin == .fallback)
        #expect(shown[.evolutionKey]?.text == "(cannot read /c/evolution-api-key: Is a directory)")
        #expect(shown[.instance]?.text == "(is not UTF-8 text)" && shown[.instance]?.origin == .environment)
    }

    @Test("config show: no secret is shown")
    func noSecretIsShown() {
        var environment = Self.everything
        environment["ODYS_SMTP_URL"] = "smtp://agenda:\(SettingsSamples.secret)@mail.example:25"
        for value in Self.shown(environment).values {
            #expect(!value.text.contains(SettingsSamples.secret) && !value.json.text.contains(SettingsSamples.secret))
        }
    }
}
