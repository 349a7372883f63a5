import Testing

@testable import OdysCore

@Suite("Settings: secrets, channels, database") struct SettingsSecretTests {
    private static let least = SettingsSamples.least.merging(SettingsSamples.evolution) { one, _ in one }
        .merging(SettingsSamples.mail) { one, _ in one }
    /// With a login, of which the password is tried as a secret.
    private static let withLogin = least.merging(["ODYS_SMTP_USERNAME": "ana"]) { one, _ in one }

    /// How each secret is read back.
    private static let secrets: [(name: String, credential: String, value: @Sendable (Settings) -> String?)] = [
        ("ODYS_DB_PASSWORD", "odys-db-password", { $0.database.password }),
        ("ODYS_SMTP_PASSWORD", "odys-smtp-password", { $0.messaging.smtp?.password }),
        ("EVOLUTION_API_KEY", "evolution-api-key", { $0.messaging.evolution?.apiKey }),
    ]

    @Test("secrets: from a variable, a file or a systemd credential")
    func aSecretComesAsAValueAFileOrACredential() throws {
        for (name, credential, value) in Self.secrets {
            let files = ["/etc/secret": "from-file\n", "/run/credentials/\(credential)": "from-credential\n"]
            let credentials = ["CREDENTIALS_DIRECTORY": String?.some("/run/credentials")]
            let table: [([String: String?], String)] = [
                ([name: "from-value"], "from-value"), ([name: nil, name + "_FILE": "/etc/secret"], "from-file"),
                ([name: nil], "from-credential"), ([name: "from-value", name + "_FILE": nil], "from-value"),
                // A value or a file wins over the credential.
                ([name: nil, name + "_FILE": "/etc/secret", "X": nil], "from-file"),
            ]
            for (changes, expected) in table {
                let all = credentials.merging(changes) { _, own in own }
                #expect(
                    value(
                        try SettingsSamples.read(
                            all, base: name == "ODYS_SMTP_PASSWORD" ? Self.withLogin : Self.least, files: files))
                        == expected, "\(name)")
            }
        }
    }

    /// The secret is not kept as text, so a token signed with it is verified.
    @Test("ODYS_JWT_SECRET: from a file or a systemd credential")
    func theTokenSecretComesFromAFileOrACredentialToo() throws {
        let files = ["/etc/jwt": SettingsSamples.secret + "\n", "/run/c/odys-jwt-secret": SettingsSamples.secret]
        let token = TokenSamples.token(#"{"sub":"u","exp":1893459600}"#, secret: SettingsSamples.secret)
        for changes in [["ODYS_JWT_SECRET_FILE": "/etc/jwt"], ["CREDENTIALS_DIRECTORY": "/run/c"]] {
            var all = changes.mapValues(Optional.some)
            all["ODYS_JWT_SECRET"] = .some(nil)
            let settings = try SettingsSamples.read(all, files: files)
            let verifier = settings.tokens.verifier(fetched: [])
            #expect(verifier.userID(in: token, now: TokenSamples.now)?.text == "u")
        }
    }

    @Test(
        "secret file: one line ending at the end is dropped, nothing else",
        arguments: [
            ("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" s3 cret ", " s3 cret "),
            ("é\n", "é"),
        ])
    func theEndOfAFilesLastLineIsDropped(_ content: String, _ secret: String) throws {
        let changes = ["ODYS_DB_PASSWORD_FILE": String?.some("/etc/secret")]
        let password = try SettingsSamples.read(changes, files: ["/etc/secret": content]).database.password
        #expect(Array(password.utf8) == Array(secret.utf8))
    }

    @Test("secrets: an unreadable file is a problem, a missing credential is not")
    func aFileThatCannotBeReadIsAProblemAndAMissingCredentialIsNone() {
        for (name, _, _) in Self.secrets {
            let names = SettingsSamples.names([name: nil, name + "_FILE": "/gone"], base: Self.least)
            #expect(names.contains(name + "_FILE"))
        }
        let credentials = ["CREDENTIALS_DIRECTORY": String?.some("/gone")]
        #expect(SettingsSamples.names(credentials, base: Self.least) == [])
    }

    @Test("secrets: variable and file together are a problem")
    func aSecretThatIsSetTwiceIsAProblem() {
        for (name, _, _) in Self.secrets {
            for value in ["value", ""] {
                let names = SettingsSamples.names(
                    [name: value, name + "_FILE": "/etc/secret"], base: Self.least, files: ["/etc/secret": "x"])
                #expect(names.contains(name), "\(name)")
            }
        }
    }

    @Test("secrets: no problem text contains one")
    func noProblemHoldsASecret() {
        let secret = "hunter2-hunter2"
        let wrong: [String: String?] = [
            "ODYS_JWT_SECRET": secret, "ODYS_JWT_SECRET_FILE": "/etc/secret", "ODYS_DB_PASSWORD": secret,
            "ODYS_DB_PASSWORD_FILE": "/etc/secret", "ODYS_DB_HOST": "db", "EVOLUTION_API_KEY": "\u{1}" + secret,
            "EVOLUTION_API_KEY_FILE": "/etc/secret", "EVOLUTION_API_URL": "http://user:\(secret)@evolution.example",
            "ODYS_SMTP_PASSWORD": secret, "ODYS_SMTP_PASSWORD_FILE": "/etc/secret",
            "ODYS_SMTP_URL": "smtp://user:\(secret)@mail.example", "ODYS_APP_URL": "https://user:\(secret)@app.example",
            "ODYS_MAIL_FROM": nil,
        ]
        let problems = SettingsSamples.problems(wrong, base: Self.least, files: ["/etc/secret": secret])
        #expect(problems.count >= 9)
        #expect(problems.allSatisfy { !$0.contains(secret) })
    }

    // MARK: Channels

    @Test("Evolution API: all three variables or none")
    func evolutionIsConfiguredWholeOrNotAtAll() throws {
        let names = ["EVOLUTION_API_URL", "EVOLUTION_API_KEY", "EVOLUTION_INSTANCE"]
        for present in 0..<8 {
            for absent in [String?.none, ""] {
                let given = names.enumerated().map { index, name in
                    (name, present >> index & 1 == 1 ? SettingsSamples.evolution[name] : absent)
                }
                let missing = given.filter { ($0.1 ?? "").isEmpty }.map(\.0)
                let problems = SettingsSamples.names(Dictionary(uniqueKeysWithValues: given))
                #expect(problems == (missing.count == 3 ? [] : missing))
            }
        }
    }

    @Test(
        "EVOLUTION_API_URL: plain http only for loopback",
        arguments: [
            ("https://evolution.example", true), ("https://evolution.example:8443/base", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", true), ("http://LOCALHOST", true), ("http://[::1]:8080", true),
            ("http://127.9.9.9", true),
            ("http://evolution.example", false), ("HTTP://evolution.example", false), ("http://10.0.0.1", false),
            ("http://0.0.0.0", false), ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://127.1", false), ("http://2130706433", false), ("http://127.0.0.1@evil.example", false),
            ("http://localhost:80@evil.example", false), ("http://evil.example#127.0.0.1", false),
            ("http://evil.example?@localhost", false), ("http://[::1", false), ("http://[::ffff:127.0.0.1]", false),
            ("https://", false), ("evolution.example", false), ("ftp://evolution.example", false),
            ("file:///etc/passwd", false),
            ("https://a b", false), ("https://a\nb", false), ("http://:8080", false),
        ])
    func plainHTTPIsForLoopbackOnly(_ url: String, _ isGood: Bool) {
        let names = Set(SettingsSamples.names(["EVOLUTION_API_URL": url], base: Self.least))
        #expect(names == (isGood ? [] : ["EVOLUTION_API_URL"]))
    }

    @Test(
        "ODYS_SMTP_URL: STARTTLS is required except for loopback and smtps",
        arguments: [
            ("smtp://127.0.0.1:25", false), ("smtp://localhost", false), ("smtp://[::1]:25", false),
            ("smtps://mail.example", false),
            ("smtp://mail.example:587", true), ("smtp://127.0.0.1.evil.example", true), ("SMTP://mail.example", true),
            ("smtp://10.0.0.1/ehlo.name", true),
        ])
    func startTLSIsRequiredUnlessTheHostIsLoopback(_ url: String, _ isRequired: Bool) throws {
        let smtp = try SettingsSamples.read(["ODYS_SMTP_URL": url], base: Self.least).messaging.smtp
        #expect(smtp?.requiresSTARTTLS == isRequired)
    }

    @Test(
        "ODYS_SMTP_URL: EHLO has the sender's domain, or the name behind the port",
        arguments: [
            ("smtp://127.0.0.1:25", "smtp://127.0.0.1:25/b.example"),
            ("smtps://m.example", "smtps://m.example/b.example"),
            ("smtp://[::1]:25/", "smtp://[::1]:25/b.example"),
            ("smtp://127.0.0.1/h.a.example", "smtp://127.0.0.1/h.a.example"),
            ("smtp://127.0.0.1/h.a.example/", "smtp://127.0.0.1/h.a.example"),
        ])
    func theNameThatTheMailServerIsGreetedWith(_ url: String, _ expected: String) throws {
        let values = ["ODYS_SMTP_URL": url, "ODYS_MAIL_FROM": "Odys <a@b.example>"]
        #expect(try SettingsSamples.read(values, base: Self.least).messaging.smtp?.url == expected)
    }

    @Test(
        "ODYS_SMTP_URL: other forms are a problem",
        arguments: [
            "mail.example", "http://mail.example", "smtp://", "smtp://u:p@mail.example", "smtp://a b", "smtp:mail",
            "smtp://mail.example/a/b", "smtp://mail.example/a_b", "smtp://mail.example/%0a", "smtp://mail.example?x",
            "smtp://mail.example/-a", "smtp://mail.example/a..b",
        ])
    func otherMailServersAreAProblem(_ url: String) {
        #expect(SettingsSamples.names(["ODYS_SMTP_URL": url], base: Self.least) == ["ODYS_SMTP_URL"])
    }

    @Test(
        "ODYS_MAIL_FROM: an address, or a name and an address",
        arguments: [
            ("a@b.example", nil, "a@b.example"), ("Odys <a@b.example>", "Odys", "a@b.example"),
            ("<a@b.example>", nil, "a@b.example"),
            ("Clínica É  <a@b.example>", "Clínica É", "a@b.example"),
        ])
    func theSenderIsAnAddressOrANameAndAnAddress(_ text: String, _ name: String?, _ address: String) throws {
        let smtp = try SettingsSamples.read(["ODYS_MAIL_FROM": text], base: Self.least).messaging.smtp
        #expect(smtp?.from == address)
        #expect(smtp?.fromName == name)
    }

    @Test(
        "ODYS_MAIL_FROM: other forms are a problem",
        arguments: [
            "a", "a@b@c", "Odys a@b.example", "Odys <a@b.example> x", "Odys <a@b.example", "a@b.example\nBcc: c@d", "",
        ])
    func otherSendersAreAProblem(_ text: String) {
        #expect(SettingsSamples.names(["ODYS_MAIL_FROM": text], base: Self.least) == ["ODYS_MAIL_FROM"])
    }

    @Test("ODYS_SMTP_URL: empty switches mail off")
    func anEmptyAddressSwitchesMailOff() throws {
        let settings = try SettingsSamples.read(["ODYS_SMTP_URL": "", "ODYS_MAIL_FROM": nil], base: Self.least)
        #expect(settings.messaging.smtp == nil)
    }

    /// A line ending would inject SMTP commands.
    @Test("SMTP login: a control character is a problem", arguments: ["a\rb", "a\u{1}", "a\nb", "\u{7F}a"])
    func aControlCharacterInALoginIsAProblem(_ value: String) {
        for name in ["ODYS_SMTP_USERNAME", "ODYS_SMTP_PASSWORD"] {
            let login = ["ODYS_SMTP_USERNAME": "ana", "ODYS_SMTP_PASSWORD": "secret"].merging([name: value]) { $1 }
            #expect(SettingsSamples.names(login, base: Self.least) == [name])
        }
    }

    @Test("SMTP login: user name and password, or neither", arguments: ["ODYS_SMTP_USERNAME", "ODYS_SMTP_PASSWORD"])
    func halfALoginIsAProblem(name: String) {
        #expect(SettingsSamples.names([name: "ana"], base: Self.least) == ["ODYS_SMTP_USERNAME"])
    }

    // MARK: The database

    @Test("database: migrations may have a user of their own")
    func migrationsMayHaveAUserOfTheirOwn() throws {
        var environment = ["ODYS_DB_SOCKET": "/s", "ODYS_DB_USER": "app", "ODYS_DB_PASSWORD": "app-pass"]
        func read(migrating: Bool) throws -> [String] {
            let database = try DatabaseSettings(SettingsSamples.source(environment), migrating: migrating)
            return [database.user, database.password]
        }
        #expect(try read(migrating: true) == ["app", "app-pass"])
        environment["ODYS_DB_MIGRATE_USER"] = "owner"
        environment["ODYS_DB_MIGRATE_PASSWORD"] = "owner-pass"
        #expect(try read(migrating: true) == ["owner", "owner-pass"])
        #expect(try read(migrating: false) == ["app", "app-pass"])
    }

    @Test(
        "isLoopback: only addresses of this host",
        arguments: [
            ("localhost", true), ("LocalHost", true), ("127.0.0.1", true), ("127.255.255.254", true), ("::1", true),
            ("[::1]", true),
            ("", false), ("localhost.", false), ("localhost.example", false), ("127.0.0", false),
            ("127.0.0.256", false),
            ("128.0.0.1", false), ("127.0.0.1.", false), ("0.0.0.0", false), ("::", false), ("1.127.0.1", false),
            ("127.0.0.x", false),
            ("127..0.1", false), ("127.+1.0.1", false),
        ])
    func loopbackIsThisHostOnly(_ host: String, _ isOurs: Bool) {
        #expect(isLoopback(host) == isOurs)
    }
}
