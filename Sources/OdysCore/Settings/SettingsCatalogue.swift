extension Setting {
    /// The catalogue: what each setting means, how it is read, and an example. The example file, docs/SETTINGS.md,
    /// odys.env(5) and `odysctl config show` come from here.
    private static let catalogue = [process, database, callers, messages, whatsApp, email, log]
        .reduce(into: [:]) { all, section in all.merge(section) { one, _ in one } }

    public var entry: Entry {
        guard let entry = Self.catalogue[self] else { preconditionFailure("\(name) is not in the catalogue") }
        return entry
    }

    private static let process: [Setting: Entry] = [
        .listen: Entry(
            .process,
            "`unix:PATH` or `tcp:ADDRESS:PORT`; never a wildcard address: whoever reaches the socket "
                + "speaks as the web server",
            .text(.words("the socket on descriptor 0")), example: "unix:/run/odys/fcgi-1.sock"),
        .instance: Entry(.process, "the name of this process in logs", .text(.value("1")), example: "1"),
        // Dispatch runs some 255 threads in a process. Work beyond that would wait for ever, unreported.
        .threads: Entry(
            .process, "worker threads, each with a database connection; at most MAX",
            .integer(16, in: 1...160), example: "24"),
        .delivery: Entry(
            .process,
            "`on`: also deliver messages; `off`: only answer requests; `only`: only deliver, and "
                + "answer `/healthz`, `/readyz`, `/metrics` and `/status` where it has a socket",
            .choice(Settings.DeliveryMode.on), example: "off"),
        .whatsAppSenders: Entry(
            .process, "delivery threads for WhatsApp, each with a database connection; at most MAX",
            .integer(4, in: 1...32), example: "8"),
        .emailSenders: Entry(
            .process, "delivery threads for e-mail, each with a database connection; at most MAX",
            .integer(2, in: 1...32), example: "4"),
        .retentionDays: Entry(
            .process,
            "days for which finished messages are kept; processes that deliver delete older ones, a "
                + "little every minute", .integer(90, in: 1...3_650), example: "30"),
        .payloadDays: Entry(
            .process,
            "days after which finished messages are emptied of recipient and payload; they stay "
                + "visible, and cannot be sent again", .integer(30, in: 1...3_650), example: "7"),
    ]

    private static let database: [Setting: Entry] = [
        .databaseSocket: Entry(
            .database, "MariaDB's Unix socket",
            .text(.required("required, unless `ODYS_DB_HOST` is set")), example: "/run/mysqld/mysqld.sock"),
        .databaseHosts: Entry(
            .database,
            "instead of the socket: its host, or several that take writes, tried in order, one that "
                + "has just failed last; one that is not this host needs TLS with a certificate that holds",
            .list, example: "db1.example,db2.example"),
        .databasePort: Entry(.database, "the port on these hosts", .integer(3306, in: 1...65_535), example: "3307"),
        .databaseName: Entry(.database, "the database", .text(.value("odys")), example: "platform"),
        .databaseUser: Entry(.database, "who logs in", .text(.value("odys")), example: "odys"),
        .databasePassword: Entry(.database, "with what", .secret(.words("empty"))),
        .databaseCA: Entry(
            .database, "file of the CA that signed the database's certificate",
            .text(.words("the system's CAs")), example: "/etc/odys/db-ca.pem"),
        .migrationUser: Entry(
            .database, "who logs in for `odysctl migrate`",
            .text(.words("the application's")), example: "odys_owner"),
        .migrationPassword: Entry(.database, "with what", .secret(.words("empty, where the user is set"))),
    ]

    private static let callers: [Setting: Entry] = [
        .tokenSecret: Entry(
            .callers, "what HS256 tokens are signed with, at least 32 bytes",
            .secret(.required("required, unless a key set is named"))),
        .keySetFile: Entry(
            .callers,
            "a file with the public keys of ES256 and RS256 tokens (a JWK set); read again when it "
                + "changes", .text(.words("none")), example: "/etc/odys/jwks.json"),
        .keySetURL: Entry(
            .callers,
            "the address of such a set, `https` unless it is on this host; fetched in the background, "
                + "every five minutes and when a token names an unknown key",
            .text(.words("none")), example: "https://auth.example/.well-known/jwks.json"),
        .issuer: Entry(
            .callers, "the value that `iss` must have",
            .text(.words("not checked")), example: "https://auth.example"),
        .audience: Entry(
            .callers, "a value that `aud` must have", .text(.words("not checked")), example: "authenticated"),
        .sessionCookie: Entry(
            .callers,
            "the name of a cookie that holds the token, as browsers send it; a PATCH with it needs an "
                + "allowed origin", .text(.words("no cookie is read")), example: "sb-session-auth-token"),
        .allowedOrigins: Entry(
            .callers, "browser origins that may call; nginx needs them too: `odysctl config nginx`",
            .list, example: "https://app.example"),
    ]

    private static let messages: [Setting: Entry] = [
        .appURL: Entry(
            .messages, "the platform's address, for links in messages",
            .text(.required("required")), example: "https://app.example"),
        .timeZone: Entry(
            .messages, "IANA name of the zone that messages show times in",
            .text(.value("America/Sao_Paulo")), example: "America/Manaus"),
        .enforcesStartTime: Entry(
            .messages,
            "`true`: `complete` and `no_show` only from the appointment's start on; the example file "
                + "says `true`", .flag(false), example: "true"),
    ]

    private static let whatsApp: [Setting: Entry] = [
        .evolutionURL: Entry(
            .whatsApp,
            "the Evolution API; `https` unless it is on this host. Address, key and instance empty: "
                + "WhatsApp is off, and its messages are `skipped`",
            .text(.words("off")), example: "https://evolution.example"),
        .evolutionKey: Entry(.whatsApp, "its key", .secret(.words("off"))),
        .evolutionInstance: Entry(.whatsApp, "its instance", .text(.words("off")), example: "odys"),
        .evolutionVersion: Entry(
            .whatsApp, "`1`, `2`, or `auto`: ask it, and where it does not say, try",
            .choice(EvolutionSettings.Version.auto), example: "2"),
        .whatsAppRate: Entry(
            .whatsApp,
            "messages a second, over all processes on the database; 0 is no cap. An unofficial "
                + "WhatsApp client is safer with a low one, such as 2", .integer(0, in: 0...10_000), example: "2"),
    ]

    private static let email: [Setting: Entry] = [
        .smtpURL: Entry(
            .email, "`smtp://HOST:PORT` or `smtps://HOST:PORT`; STARTTLS is required unless it is this host",
            .text(.words("e-mail is off")), example: "smtp://127.0.0.1:25"),
        .smtpUsername: Entry(.email, "who logs in there", .text(.words("no login")), example: "agenda@odys.example"),
        .smtpPassword: Entry(.email, "with what", .secret(.words("no login"))),
        .mailFrom: Entry(
            .email, "the sender: `ADDRESS` or `NAME <ADDRESS>`",
            .text(.words("required with `ODYS_SMTP_URL`")), example: "Odys <agenda@odys.example>"),
    ]

    private static let log: [Setting: Entry] = [
        .logLevel: Entry(
            .log, "`debug`, `info`, `notice`, `warning` or `error`",
            .choice(Settings.LogLevel.info), example: "notice"),
        .logFormat: Entry(.log, "`json` or `text`", .choice(Settings.LogFormat.json), example: "text"),
    ]
}
