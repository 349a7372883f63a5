import Testing

@testable import OdysCore

@Suite("Settings: each text is what it is taken for") struct SettingsTextTests {
    private static let least = SettingsSamples.least.merging(SettingsSamples.evolution) { one, _ in one }
        .merging(SettingsSamples.mail) { one, _ in one }
        .merging(["ODYS_SMTP_USERNAME": "ana", "ODYS_SMTP_PASSWORD": "secret"]) { one, _ in one }

    // MARK: Characters

    /// As a file with the line ends of Windows gives them, read by a shell.
    @Test(
        "settings: a carriage return at the end is named, and is the only problem",
        arguments: Setting.allCases.filter { !$0.name.hasPrefix("ODYS_DB_MIGRATE_") })
    func aCarriageReturnIsNamed(setting: Setting) {
        var base = Self.least
        if setting == .databaseHosts { base["ODYS_DB_SOCKET"] = nil }
        let value = base[setting.name] ?? (setting.isSecret ? SettingsSamples.secret : setting.example)
        #expect(
            SettingsSamples.problems([setting.name: value + "\r"], base: base)
                == ["\(setting.name): has a carriage return in it: save the file with Unix line ends"])
    }

    @Test(
        "migrations: a carriage return in user or password is named",
        arguments: ["ODYS_DB_MIGRATE_USER", "ODYS_DB_MIGRATE_PASSWORD"])
    func aCarriageReturnIsNamedForMigrationsToo(name: String) {
        var environment = ["ODYS_DB_SOCKET": "/s", "ODYS_DB_MIGRATE_USER": "owner"]
        environment[name] = "owner\r"
        let problem = "\(name): has a carriage return in it: save the file with Unix line ends"
        #expect(throws: SettingsError(problems: [problem])) {
            try DatabaseSettings(SettingsSamples.source(environment), migrating: true)
        }
    }

    @Test(
        "secret file: what is not to be seen is named with its remedy",
        arguments: [
            ("\n\n", "has a line feed in it: keep it on one line, with one line end behind it"),
            ("\r\r\n", "has a carriage return in it: save the file with Unix line ends"),
            ("\nmore", "has a line feed in it: keep it on one line, with one line end behind it"),
            ("\u{FEFF}", "has a byte order mark in it: save the file as UTF-8 without one"),
            ("\u{200B}", "has the invisible character \\u{200b} in it: type it again"),
            ("\u{0}", "has the invisible character \\u{0} in it: type it again"),
            ("\u{2028}", "has the invisible character \\u{2028} in it: type it again"),
            ("\u{202E}", "has the invisible character \\u{202e} in it: type it again"),
        ])
    func whatIsNotToBeSeenIsNamed(_ end: String, _ words: String) {
        let changes: [String: String?] = ["ODYS_JWT_SECRET": nil, "ODYS_JWT_SECRET_FILE": "/f"]
        let problems = SettingsSamples.problems(changes, files: ["/f": SettingsSamples.secret + end])
        #expect(problems == ["ODYS_JWT_SECRET: \(words)"])
    }

    @Test("settings: blanks around a text do not count, around a secret they do")
    func blanksAroundATextDoNotCount() throws {
        let settings = try SettingsSamples.read(
            ["ODYS_JWT_ISSUER": " https://id.example ", "ODYS_DB_PASSWORD": " pass ", "ODYS_DB_NAME": "clinic\u{A0}"])
        #expect(settings.tokens.issuer == "https://id.example")
        #expect(settings.database.password == " pass " && settings.database.name == "clinic")
    }

    @Test("ODYS_MAIL_FROM: a joined emoji in the name is kept")
    func aJoinedEmojiIsKept() throws {
        let from = try SettingsSamples.read(["ODYS_MAIL_FROM": "Dra. 👩‍⚕️ <a@b.example>"], base: Self.least).messaging.smtp
        #expect(from?.fromName == "Dra. 👩‍⚕️")
    }

    // MARK: Hosts and addresses

    /// With a host of 253 characters.
    private static let longest = "https://" + String(repeating: String(repeating: "a", count: 62) + ".", count: 4) + "b"

    @Test("ODYS_DB_HOST: a host alone")
    func aDatabaseHostIsAHostAlone() {
        func names(_ host: String) -> [String] { SettingsSamples.names(["ODYS_DB_SOCKET": nil, "ODYS_DB_HOST": host]) }
        for good in [
            "db", "db.example.", "10.0.0.7", "127.1", "::1", "2001:db8::7", "maria_db", "xn--bd-hia.example", "a,b",
        ] {
            #expect(names(good) == [], "\(good)")
        }
        for bad in [
            "db.example.com:3307", "[::1]", "[::1]:3306", "mysql://db", "tcp://db", "db/odys",
            "/run/mysqld/mysqld.sock",
            "a b", "bd.exâmple", "300.1.1.1", "db..example", "odys@db", "::1::", "good,bad:1",
        ] { #expect(names(bad) == ["ODYS_DB_HOST"], "\(bad)") }
        let words = SettingsSamples.problems(["ODYS_DB_SOCKET": nil, "ODYS_DB_HOST": "db.example.com:3307"])
        #expect(words.first?.contains("'db.example.com:3307'") == true && words.first?.contains("ODYS_DB_PORT") == true)
    }

    @Test("ODYS_DB_SOCKET: an absolute path that fits")
    func aDatabaseSocketIsAPath() {
        #expect(SettingsSamples.names(["ODYS_DB_SOCKET": "@mariadb"]) == [])
        for bad in ["localhost", "127.0.0.1:3306", "mysqld.sock", "/" + String(repeating: "x", count: 107)] {
            #expect(SettingsSamples.names(["ODYS_DB_SOCKET": bad]) == ["ODYS_DB_SOCKET"])
        }
        #expect(SettingsSamples.problems(["ODYS_DB_SOCKET": "localhost"])[0].contains("ODYS_DB_HOST"))
    }

    @Test("ODYS_DB_CA: a file of certificates that can be read")
    func theCertificatesCanBeRead() {
        let files = ["/ca.pem": "-----BEGIN CERTIFICATE-----\n", "/key.der": "0"]
        for (path, words) in [
            ("/ca.pem", nil), ("/gone.pem", "cannot read /gone.pem: gone"),
            ("/key.der", "/key.der holds no certificate in PEM form"),
        ] {
            #expect(
                SettingsSamples.problems(["ODYS_DB_CA": path], files: files)
                    == (words.map { ["ODYS_DB_CA: \($0)"] } ?? []))
        }
    }

    @Test("ODYS_DB_NAME, ODYS_DB_USER: as long as MariaDB's")
    func namesOfTheDatabaseAreAsLongAsItsOwn() {
        for (name, length) in [("ODYS_DB_NAME", 64), ("ODYS_DB_USER", 128)] {
            #expect(SettingsSamples.names([name: String(repeating: "é", count: length)]) == [])
            #expect(SettingsSamples.names([name: String(repeating: "e", count: length + 1)]) == [name])
        }
    }

    @Test("ODYS_ALLOWED_ORIGINS: as browsers send them, each once")
    func originsAreAsBrowsersSendThem() throws {
        for good in [
            Self.longest, Self.longest + ":65535", "https://[2001:db8::7]:8443", "https://xn--clnica-2va.example",
            "http://a.example:443",
            "https://a_b.example", "http://10.0.0.7",
        ] { #expect(SettingsSamples.names(["ODYS_ALLOWED_ORIGINS": good]) == [], "\(good)") }
        for bad in [
            Self.longest + "b", "https://\(String(repeating: "a", count: 64)).example", "https://a.example:443",
            "http://a.example:80",
            "https://a.example:0", "https://a.example:65536", "https://a.example:", "https://a.example:x",
            "https://a.example:08443", "https://[::1", "https://::1", "https://[::g]", "https://a..example",
            "https://300.1.1.1", "https://a.example#", "https://[2001:DB8::7]",
        ] { #expect(SettingsSamples.names(["ODYS_ALLOWED_ORIGINS": bad]) == ["ODYS_ALLOWED_ORIGINS"], "\(bad)") }
        let twice = try SettingsSamples.read([
            "ODYS_ALLOWED_ORIGINS": "https://a.example, https://b.example,https://a.example"
        ])
        #expect(twice.allowedOrigins == ["https://a.example", "https://b.example"])
    }

    @Test(
        "addresses: host and port can be used, and more can be put behind them",
        arguments: [
            "https://a.example:99999", "https://a.example:", "https://a.example:x", "https://a..example",
            "https://exâmple",
            "https://a.example?x", "https://a.example/#top", "https://[::1]x", "https://[]", "https://a,b",
        ])
    func hostAndPortCanBeUsed(_ url: String) {
        for name in ["ODYS_APP_URL", "EVOLUTION_API_URL"] {
            #expect(SettingsSamples.names([name: url], base: Self.least) == [name])
        }
        let mail = url.replacing("https", with: "smtp")
        #expect(SettingsSamples.names(["ODYS_SMTP_URL": mail], base: Self.least) == ["ODYS_SMTP_URL"])
    }

    @Test("ODYS_SMTP_URL: a login in it is told where it belongs")
    func aLoginInTheAddressIsToldWhereItBelongs() {
        let problems = SettingsSamples.problems(
            ["ODYS_SMTP_URL": "smtp://ana:secret@mail.example:587"], base: Self.least)
        #expect(problems.count == 1 && problems[0].contains("ODYS_SMTP_USERNAME") && !problems[0].contains("secret@"))
    }

    @Test(
        "isIPv6: the forms of RFC 4291",
        arguments: [
            ("::", true), ("::1", true), ("1::", true), ("2001:db8::7", true), ("1:2:3:4:5:6:7:8", true),
            ("::ffff:192.0.2.1", true), ("1:2:3:4:5:6:192.0.2.1", true), ("1::2:3:4:5:6:7", true),
            ("", false), (":", false), (":::", false), ("1::2::3", false), ("1:2:3:4:5:6:7", false),
            ("1:2:3:4:5:6:7:8:9", false), ("1::2:3:4:5:6:7:8", false), ("12345::", false), ("g::", false),
            (":1::", false),
            ("1:", false), ("192.0.2.1", false), ("::192.0.2.1:1", false), ("::192.0.2.256", false), ("１::", false),
            ("fe80::1%eth0", false), ("1:2:3:4:5:6:7:192.0.2.1", false),
        ])
    func ipv6(_ text: String, _ isAddress: Bool) {
        #expect(isIPv6(text) == isAddress)
    }
}
