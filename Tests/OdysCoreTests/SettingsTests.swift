import Testing

@testable import OdysCore

@Suite struct SettingsTests {
    // MARK: Defaults

    @Test("settings: defaults of all that is optional")
    func everythingElseHasADefault() throws {
        let settings = try SettingsSamples.read([:])
        #expect(settings.listen == .inherited)
        #expect(settings.threads == 16 && settings.whatsAppSenders == 4 && settings.emailSenders == 2)
        #expect(settings.delivery == .on)
        #expect(settings.database.server == .socket(path: "/run/mysqld/mysqld.sock"))
        #expect(settings.database.name == "odys" && settings.database.user == "odys")
        #expect(settings.database.password == "" && settings.database.certificateAuthority == nil)
        #expect(settings.tokens.issuer == nil && settings.tokens.audience == nil)
        #expect(settings.allowedOrigins == [])
        #expect(settings.messaging.evolution == nil && settings.messaging.smtp == nil)
        #expect(settings.messaging.appURL == "https://app.example")
        #expect(settings.messaging.timeZone == "America/Sao_Paulo")
        #expect(!settings.enforcesStartTime)
        #expect(settings.logFormat == .json)
        #expect(settings.unknown == [])
    }

    @Test("settings: every variable is applied")
    func everythingThatIsSetIsTaken() throws {
        let settings = try SettingsSamples.read(
            [
                "ODYS_LISTEN": "tcp:127.0.0.1:9000", "ODYS_THREADS": "24", "ODYS_WHATSAPP_SENDERS": "8",
                "ODYS_EMAIL_SENDERS": "3", "ODYS_DELIVERY": "only", "ODYS_DB_SOCKET": nil,
                "ODYS_DB_HOST": " db1 , db2,",
                "ODYS_DB_PORT": "3307", "ODYS_DB_NAME": "clinic", "ODYS_DB_USER": "app",
                "ODYS_DB_PASSWORD": "pass word",
                "ODYS_DB_CA": "/etc/ca.pem", "ODYS_JWT_ISSUER": "https://id.example", "ODYS_JWT_AUDIENCE": "odys",
                "ODYS_ALLOWED_ORIGINS": "https://a.example, http://localhost:3000",
                "ODYS_APP_URL": "https://odys.example//",
                "ODYS_TIME_ZONE": "America/Manaus", "ODYS_ENFORCE_START_TIME": "true", "ODYS_LOG_LEVEL": "debug",
                "ODYS_LOG_FORMAT": "text",
            ], files: ["/etc/ca.pem": "-----BEGIN CERTIFICATE-----"])
        #expect(settings.listen == .tcp(address: "127.0.0.1", port: 9_000))
        #expect(settings.threads == 24 && settings.whatsAppSenders == 8 && settings.emailSenders == 3)
        #expect(settings.delivery == .only)
        #expect(settings.database.server == .hosts(["db1", "db2"], port: 3_307))
        #expect(settings.database.name == "clinic" && settings.database.user == "app")
        #expect(settings.database.password == "pass word")
        #expect(settings.database.certificateAuthority == "/etc/ca.pem")
        #expect(settings.tokens.issuer == "https://id.example" && settings.tokens.audience == "odys")
        #expect(settings.allowedOrigins == ["https://a.example", "http://localhost:3000"])
        #expect(settings.messaging.appURL == "https://odys.example")
        #expect(settings.messaging.timeZone == "America/Manaus")
        #expect(settings.enforcesStartTime && settings.logLevel == .debug && settings.logFormat == .text)
    }

    @Test("EVOLUTION_API_URL: trailing slashes are dropped")
    func aSlashAtTheEndOfAnAddressDoesNotMatter() throws {
        let messaging = try SettingsSamples.read(
            ["EVOLUTION_API_URL": "https://evolution.example/api//", "EVOLUTION_API_VERSION": "1"],
            base: SettingsSamples.least.merging(SettingsSamples.evolution) { one, _ in one }
        ).messaging
        #expect(messaging.evolution?.url == "https://evolution.example/api")
        #expect(messaging.evolution?.version == .one)
        #expect(messaging.evolution?.apiKey == "evolution-key" && messaging.evolution?.instance == "odys")
    }

    // MARK: Problems

    @Test("settings: all problems are reported at once")
    func everyProblemIsReportedAtOnce() {
        let wrong: [String: String?] = [
            "ODYS_LISTEN": "0.0.0.0:9000", "ODYS_THREADS": "many", "ODYS_WHATSAPP_SENDERS": "0",
            "ODYS_EMAIL_SENDERS": "-1", "ODYS_DELIVERY": "yes", "ODYS_DB_SOCKET": nil, "ODYS_DB_PORT": "65536",
            "ODYS_JWT_SECRET": "short", "ODYS_ALLOWED_ORIGINS": "*", "ODYS_APP_URL": "app.example",
            "ODYS_ENFORCE_START_TIME": "1", "ODYS_LOG_LEVEL": "loud", "ODYS_LOG_FORMAT": "xml",
            "EVOLUTION_API_URL": "http://evolution.example", "EVOLUTION_API_VERSION": "3",
            "ODYS_SMTP_URL": "mail.example",
        ]
        let expected = Set(wrong.keys).union(["EVOLUTION_API_KEY", "EVOLUTION_INSTANCE", "ODYS_MAIL_FROM"])
        let names = SettingsSamples.names(wrong)
        #expect(Set(names) == expected)
        #expect(names.count == expected.count)
    }

    @Test("settings: an empty environment has three problems")
    func nothingAtAllIsThreeProblems() {
        #expect(
            SettingsSamples.names([:], base: [:]).sorted() == ["ODYS_APP_URL", "ODYS_DB_SOCKET", "ODYS_JWT_SECRET"])
    }

    @Test("SettingsError: one problem per line")
    func aDescriptionHasEveryProblemOnALineOfItsOwn() {
        #expect("\(SettingsError(problems: ["A: is missing", "B: is wrong"]))" == "A: is missing\nB: is wrong")
    }

    private static func pairs(_ table: [(String, [String])]) -> [(String, String)] {
        table.flatMap { name, values in values.map { (name, $0) } }
    }

    private static let wrong = pairs([
        (
            "ODYS_LISTEN",
            [
                "unix:", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp:127.0.0.1:0", "tcp:127.0.0.1:65536",
                "tcp:127.0.0.1:x", "127.0.0.1:9000", "/run/odys.sock", "udp:127.0.0.1:9000", "UNIX:/run/odys.sock",
                "unix:/" + String(repeating: "x", count: 107),
            ]
        ),
        ("ODYS_THREADS", ["0", "-1", "161", "16.0", "0x10", " 16", "16 ", "sixteen", "９"]),
        ("ODYS_WHATSAPP_SENDERS", ["0", "65", "a"]), ("ODYS_EMAIL_SENDERS", ["0", "65", "a"]),
        ("ODYS_DELIVERY", ["On", "true", "never", "on "]), ("ODYS_DB_PORT", ["0", "65536", "mysql"]),
        ("ODYS_JWT_SECRET", ["", "short", String(repeating: "x", count: 31)]),
        (
            "ODYS_ALLOWED_ORIGINS",
            [
                "*", "null", "https://", "https://a.example/", "https://a.example/app", "a.example",
                "https://A.example", "HTTPS://a.example", "https://a.example https://b.example", "https://*.example",
                "ftp://a.example", "https://a.example\"; evil", "https://user@a.example", "https://a.example?",
                "https://é.example", "https://a.example,*",
            ]
        ),
        (
            "ODYS_APP_URL",
            [
                "", "app.example", "ftp://app.example", "https://", "https:///x", "javascript:alert(1)",
                "https://app.example/a b", "https://app.example\n", "https://user:pass@app.example",
            ]
        ),
        ("ODYS_ENFORCE_START_TIME", ["1", "0", "yes", "TRUE", "True", "no"]),
        ("ODYS_LOG_LEVEL", ["INFO", "loud", "5"]), ("ODYS_LOG_FORMAT", ["JSON", "xml"]),
        ("EVOLUTION_API_VERSION", ["0", "3", "v2", "2.3.6", "Auto"]),
    ])

    private static let good = pairs([
        (
            "ODYS_LISTEN",
            [
                "unix:/run/odys.sock", "unix:" + String(repeating: "x", count: 107), "tcp:127.0.0.1:1",
                "tcp:[::1]:9000", "tcp:10.0.0.1:65535", "tcp:100.0.0.0:80", "tcp:[fe80::]:80",
            ]
        ),
        ("ODYS_THREADS", ["1", "160"]), ("ODYS_DELIVERY", ["on", "off", "only"]), ("ODYS_DB_PORT", ["1", "65535"]),
        ("ODYS_JWT_SECRET", [String(repeating: "x", count: 32), String(repeating: "é", count: 16)]),
        (
            "ODYS_ALLOWED_ORIGINS",
            [
                "https://a.example", "http://127.0.0.1:3000", "https://[::1]:3000", "https://a.b-c.example",
                "https://a.example,https://b.example", " https://a.example , ", ",", "",
            ]
        ),
        (
            "ODYS_APP_URL",
            ["https://app.example", "http://localhost:3000", "https://app.example/app/", "HTTPS://app.example"]
        ),
        ("ODYS_ENFORCE_START_TIME", ["true", "false"]), ("ODYS_LOG_FORMAT", ["json", "text"]),
        ("EVOLUTION_API_VERSION", ["auto", "1", "2"]),
    ])

    @Test("settings: a wrong value is a problem of that variable alone", arguments: wrong)
    func aWrongValueIsAProblemOfThatVariable(_ name: String, _ value: String) {
        #expect(SettingsSamples.names([name: value]) == [name])
    }

    @Test("settings: valid values have no problem", arguments: good)
    func aGoodValueIsNone(_ name: String, _ value: String) {
        #expect(SettingsSamples.problems([name: value]) == [])
    }

    /// In all the spellings that the system's resolver reads as "any address".
    @Test(
        "ODYS_LISTEN: a wildcard address is refused in every spelling",
        arguments: [
            "0.0.0.0", "*", "", "[::]", "::", "0", "[0:0:0:0:0:0:0:0]", "[::0]", "0.0", "0.0.0", "0x0", "00.0.0.0",
            "[::ffff:0.0.0.0]", "[::0.0.0.0]", "[::ffff:0:0]",
        ])
    func aWildcardAddressIsRefused(_ address: String) {
        #expect(SettingsSamples.names(["ODYS_LISTEN": "tcp:\(address):9000"]) == ["ODYS_LISTEN"])
    }

    @Test("database: exactly one of socket and host")
    func theDatabaseIsNamedOnce() {
        #expect(SettingsSamples.names(["ODYS_DB_HOST": "db.example"]) == ["ODYS_DB_SOCKET"])
        #expect(SettingsSamples.names(["ODYS_DB_SOCKET": ""]) == ["ODYS_DB_SOCKET"])
        #expect(SettingsSamples.names(["ODYS_DB_SOCKET": nil, "ODYS_DB_HOST": " , "]) == ["ODYS_DB_SOCKET"])
    }

    @Test("settings: unknown ODYS_ variables are reported")
    func aMisspeltVariableIsReported() throws {
        let known = [
            "ODYS_LISTEN", "ODYS_THREADS", "ODYS_WHATSAPP_SENDERS", "ODYS_EMAIL_SENDERS", "ODYS_WHATSAPP_RATE",
            "ODYS_DELIVERY", "ODYS_DB_HOST", "ODYS_DB_PORT", "ODYS_DB_NAME", "ODYS_DB_USER", "ODYS_DB_PASSWORD",
            "ODYS_DB_CA", "ODYS_DB_MIGRATE_USER", "ODYS_DB_MIGRATE_PASSWORD", "ODYS_JWKS_FILE", "ODYS_JWKS_URL",
            "ODYS_JWT_ISSUER", "ODYS_JWT_AUDIENCE", "ODYS_SESSION_COOKIE", "ODYS_ALLOWED_ORIGINS", "ODYS_SMTP_URL",
            "ODYS_SMTP_USERNAME", "ODYS_SMTP_PASSWORD", "ODYS_MAIL_FROM", "ODYS_TIME_ZONE",
            "ODYS_ENFORCE_START_TIME", "ODYS_LOG_LEVEL", "ODYS_LOG_FORMAT",
        ]
        let empty = Dictionary(uniqueKeysWithValues: known.map { ($0, String?.some("")) })
        #expect(try SettingsSamples.read(empty).unknown == [])
        let secrets = ["ODYS_DB_PASSWORD_FILE", "ODYS_DB_MIGRATE_PASSWORD_FILE", "ODYS_SMTP_PASSWORD_FILE"]
        let files = Dictionary(uniqueKeysWithValues: secrets.map { ($0, String?.some("/f")) })
        #expect(try SettingsSamples.read(files, files: ["/f": "x"]).unknown == [])
        let misspelt = [
            "ODYS_TREADS": "2", "odys_threads": "2", "ODYS_": "", "ODYS_EVOLUTION_API_URL": "x", "OTHER": "",
        ]
        #expect(
            try SettingsSamples.read(misspelt.mapValues(Optional.some)).unknown
                == ["ODYS_", "ODYS_EVOLUTION_API_URL", "ODYS_TREADS"])
    }
}
