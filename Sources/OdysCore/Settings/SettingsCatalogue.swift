/// The catalogue. The example file, docs/SETTINGS.md, odys.env(5) and `odysctl config show` come from here.
extension Setting {
    static let sections: KeyValuePairs<String, [Setting]> = [
        "The process": [
            .listen, .instance, .threads, .delivery, .whatsAppSenders, .emailSenders, .retentionDays, .payloadDays,
            .auditDays,
        ],
        "The database": [
            .databaseSocket, .databaseHosts, .databasePort, .databaseName, .databaseUser, .databasePassword,
            .databaseCA, .migrationUser, .migrationPassword,
        ],
        "Who may call": [.tokenSecret, .keySetFile, .keySetURL, .issuer, .audience, .sessionCookie, .allowedOrigins],
        "Rules and texts": [.appURL, .timeZone, .enforcesStartTime],
        "WhatsApp": [.evolutionURL, .evolutionKey, .evolutionInstance, .evolutionVersion, .whatsAppRate],
        "E-mail": [.smtpURL, .smtpUsername, .smtpPassword, .mailFrom], "The log": [.logLevel, .logFormat],
    ]

    public static let allCases = sections.flatMap(\.value)

    static let listen = Setting(
        "ODYS_LISTEN", .text(.words("the socket on descriptor 0")), example: "unix:/run/odys/fcgi-1.sock",
        "`unix:PATH` or `tcp:ADDRESS:PORT`; never a wildcard address: whoever reaches the socket "
            + "speaks as the web server")
    static let instance = Setting("ODYS_INSTANCE", .text(.value("1")), example: "1", "the name of this process in logs")
    // Dispatch runs some 255 threads in a process. Work beyond that would wait for ever, unreported.
    static let threads = Setting(
        "ODYS_THREADS", .integer(16, in: 1...160), example: "24",
        "worker threads, each with a database connection; at most MAX")
    static let delivery = Setting(
        "ODYS_DELIVERY", .choice(Settings.DeliveryMode.on), example: "off",
        "`on`: also deliver messages; `off`: only answer requests; `only`: only deliver, and "
            + "answer `/healthz`, `/readyz`, `/metrics` and `/status` where it has a socket")
    static let whatsAppSenders = Setting(
        "ODYS_WHATSAPP_SENDERS", .integer(4, in: 1...32), example: "8",
        "delivery threads for WhatsApp, each with a database connection; at most MAX")
    static let emailSenders = Setting(
        "ODYS_EMAIL_SENDERS", .integer(2, in: 1...32), example: "4",
        "delivery threads for e-mail, each with a database connection; at most MAX")
    static let retentionDays = Setting(
        "ODYS_RETENTION_DAYS", .integer(90, in: 1...3_650), example: "30",
        "days for which finished messages are kept; processes that deliver delete older ones, a little every minute")
    static let payloadDays = Setting(
        "ODYS_PAYLOAD_DAYS", .integer(30, in: 1...3_650), example: "7",
        "days after which finished messages are emptied of recipient and payload; they stay "
            + "visible, and cannot be sent again")
    static let auditDays = Setting(
        "ODYS_AUDIT_DAYS", .integer(730, in: 1...3_650), example: "365",
        "days for which `operator_actions` is kept; `odysctl cleanup` deletes older rows, as `ODYS_DB_MIGRATE_USER`")

    static let databaseSocket = Setting(
        "ODYS_DB_SOCKET", .text(.required("required, unless `ODYS_DB_HOST` is set")),
        example: "/run/mysqld/mysqld.sock", "MariaDB's Unix socket")
    static let databaseHosts = Setting(
        "ODYS_DB_HOST", .list, example: "db1.example,db2.example",
        "instead of the socket: its host, or several names of the one server that takes writes, tried in order, one "
            + "that has just failed last; one that is not this host needs TLS with a certificate that holds")
    static let databasePort = Setting(
        "ODYS_DB_PORT", .integer(3306, in: 1...65_535), example: "3307", "the port on these hosts")
    static let databaseName = Setting("ODYS_DB_NAME", .text(.value("odys")), example: "platform", "the database")
    static let databaseUser = Setting("ODYS_DB_USER", .text(.value("odys")), example: "odys", "who logs in")
    static let databasePassword = Setting("ODYS_DB_PASSWORD", .secret(.words("empty")), "with what")
    static let databaseCA = Setting(
        "ODYS_DB_CA", .text(.words("the system's CAs")), example: "/etc/odys/db-ca.pem",
        "file of the CA that signed the database's certificate")
    static let migrationUser = Setting(
        "ODYS_DB_MIGRATE_USER", .text(.words("the application's")), example: "odys_owner",
        "who logs in for `odysctl migrate`")
    static let migrationPassword = Setting(
        "ODYS_DB_MIGRATE_PASSWORD", .secret(.words("empty, where the user is set")), "with what")

    static let tokenSecret = Setting(
        "ODYS_JWT_SECRET", .secret(.required("required, unless a key set is named")),
        "what HS256 tokens are signed with, at least 32 bytes")
    static let keySetFile = Setting(
        "ODYS_JWKS_FILE", .text(.words("none")), example: "/etc/odys/jwks.json",
        "a file with the public keys of ES256 and RS256 tokens (a JWK set); read again when it changes")
    static let keySetURL = Setting(
        "ODYS_JWKS_URL", .text(.words("none")), example: "https://auth.example/.well-known/jwks.json",
        "the address of such a set, `https` unless it is on this host; fetched in the background, "
            + "every five minutes and when a token names an unknown key")
    static let issuer = Setting(
        "ODYS_JWT_ISSUER", .text(.words("not checked")), example: "https://auth.example",
        "the value that `iss` must have")
    static let audience = Setting(
        "ODYS_JWT_AUDIENCE", .text(.words("not checked")), example: "authenticated", "a value that `aud` must have")
    static let sessionCookie = Setting(
        "ODYS_SESSION_COOKIE", .text(.words("no cookie is read")), example: "sb-session-auth-token",
        "the name of a cookie that holds the token, as browsers send it; a PATCH with it needs an allowed origin")
    static let allowedOrigins = Setting(
        "ODYS_ALLOWED_ORIGINS", .list, example: "https://app.example",
        "browser origins that may call; nginx needs them too: `odysctl config nginx`")

    static let appURL = Setting(
        "ODYS_APP_URL", .text(.required("required")), example: "https://app.example",
        "the platform's address, for links in messages")
    static let timeZone = Setting(
        "ODYS_TIME_ZONE", .text(.value("America/Sao_Paulo")), example: "America/Manaus",
        "IANA name of the zone that messages show times in")
    static let enforcesStartTime = Setting(
        "ODYS_ENFORCE_START_TIME", .flag(false), example: "true",
        "`true`: `complete` and `no_show` only from the appointment's start on; the example file says `true`")

    static let evolutionURL = Setting(
        "EVOLUTION_API_URL", .text(.words("off")), example: "https://evolution.example",
        "the Evolution API; `https` unless it is on this host. Address, key and instance empty: "
            + "WhatsApp is off, and its messages are `skipped`")
    static let evolutionKey = Setting("EVOLUTION_API_KEY", .secret(.words("off")), "its key")
    static let evolutionInstance = Setting("EVOLUTION_INSTANCE", .text(.words("off")), example: "odys", "its instance")
    static let evolutionVersion = Setting(
        "EVOLUTION_API_VERSION", .choice(EvolutionSettings.Version.auto), example: "2",
        "`1`, `2`, or `auto`: ask it, and where it does not say, try")
    static let whatsAppRate = Setting(
        "ODYS_WHATSAPP_RATE", .integer(0, in: 0...10_000), example: "2",
        "messages a second, over all processes on the database; 0 is no cap. An unofficial "
            + "WhatsApp client is safer with a low one, such as 2")

    static let smtpURL = Setting(
        "ODYS_SMTP_URL", .text(.words("e-mail is off")), example: "smtp://127.0.0.1:25",
        "`smtp://HOST:PORT` or `smtps://HOST:PORT`; STARTTLS is required unless it is this host. It is greeted (EHLO) "
            + "with the domain of `ODYS_MAIL_FROM`, or with `NAME` where `/NAME` stands behind the port")
    static let smtpUsername = Setting(
        "ODYS_SMTP_USERNAME", .text(.words("no login")), example: "agenda@odys.example", "who logs in there")
    static let smtpPassword = Setting("ODYS_SMTP_PASSWORD", .secret(.words("no login")), "with what")
    static let mailFrom = Setting(
        "ODYS_MAIL_FROM", .text(.words("required with `ODYS_SMTP_URL`")), example: "Odys <agenda@odys.example>",
        "the sender: `ADDRESS` or `NAME <ADDRESS>`")

    static let logLevel = Setting(
        "ODYS_LOG_LEVEL", .choice(Settings.LogLevel.info), example: "notice",
        "`debug`, `info`, `notice`, `warning` or `error`")
    static let logFormat = Setting(
        "ODYS_LOG_FORMAT", .choice(Settings.LogFormat.json), example: "text", "`json` or `text`")
}
