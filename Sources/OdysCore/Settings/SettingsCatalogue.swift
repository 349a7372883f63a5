extension Setting {
    /// Every setting there is. The example file, docs/SETTINGS.md, odys.env(5), `odysctl config show` and the names
    /// that are not reported as unknown all come from here.
    public static let all: [Setting] = process + database + callers + messages + whatsApp + email + log

    private static let process = [
        Setting(
            "ODYS_LISTEN", .process,
            "`unix:PATH` or `tcp:ADDRESS:PORT`; never a wildcard address: whoever reaches the socket speaks as the web "
                + "server", .words("the socket on descriptor 0"), example: "unix:/run/odys/fcgi-1.sock"),
        Setting("ODYS_INSTANCE", .process, "the name of this process in logs", .value("1"), example: "1"),
        Setting(
            "ODYS_THREADS", .process, "worker threads, each with a database connection; at most 160", .value("16"),
            example: "24"),
        Setting(
            "ODYS_DELIVERY", .process,
            "`on`: also deliver messages; `off`: only answer requests; `only`: only deliver, and answer `/healthz`, "
                + "`/readyz`, `/metrics` and `/status` where it has a socket", .value("on"),
            example: "off"),
        Setting(
            "ODYS_WHATSAPP_SENDERS", .process,
            "delivery threads for WhatsApp, each with a database connection; at most 32", .value("4"), example: "8"),
        Setting(
            "ODYS_EMAIL_SENDERS", .process,
            "delivery threads for e-mail, each with a database connection; at most 32", .value("2"), example: "4"),
        Setting(
            "ODYS_RETENTION_DAYS", .process,
            "days for which finished messages are kept; processes that deliver delete older ones, a little "
                + "every minute",
            .value("90"), example: "30"),
        Setting(
            "ODYS_PAYLOAD_DAYS", .process,
            "days after which finished messages are emptied of recipient and payload; they stay visible, and cannot be "
                + "sent again", .value("30"), example: "7"),
    ]

    private static let database = [
        Setting(
            "ODYS_DB_SOCKET", .database, "MariaDB's Unix socket", .required("required, unless `ODYS_DB_HOST` is set"),
            example: "/run/mysqld/mysqld.sock"),
        Setting(
            "ODYS_DB_HOST", .database,
            "instead of the socket: its host, or several that take writes, tried in order, one that has just failed "
                + "last; one that is not this host needs TLS with a certificate that holds", .words("none"),
            example: "db1.example,db2.example"),
        Setting("ODYS_DB_PORT", .database, "the port on these hosts", .value("3306"), example: "3307"),
        Setting("ODYS_DB_NAME", .database, "the database", .value("odys"), example: "platform"),
        Setting("ODYS_DB_USER", .database, "who logs in", .value("odys"), example: "odys"),
        .secret("ODYS_DB_PASSWORD", .database, "with what", .words("empty")),
        Setting(
            "ODYS_DB_CA", .database, "file of the CA that signed the database's certificate",
            .words("the system's CAs"), example: "/etc/odys/db-ca.pem"),
        Setting(
            "ODYS_DB_MIGRATE_USER", .database, "who logs in for `odysctl migrate`", .words("the application's"),
            example: "odys_owner"),
        .secret("ODYS_DB_MIGRATE_PASSWORD", .database, "with what", .words("empty, where the user is set")),
    ]

    private static let callers = [
        Setting.secret(
            "ODYS_JWT_SECRET", .callers, "what HS256 tokens are signed with, at least 32 bytes",
            .required("required, unless a key set is named")),
        Setting(
            "ODYS_JWKS_FILE", .callers,
            "a file with the public keys of ES256 and RS256 tokens (a JWK set); read again when it changes",
            .words("none"), example: "/etc/odys/jwks.json"),
        Setting(
            "ODYS_JWKS_URL", .callers,
            "the address of such a set, `https` unless it is on this host; fetched in the background, every five "
                + "minutes and when a token names an unknown key", .words("none"),
            example: "https://auth.example/.well-known/jwks.json"),
        Setting(
            "ODYS_JWT_ISSUER", .callers, "the value that `iss` must have", .words("not checked"),
            example: "https://auth.example"),
        Setting(
            "ODYS_JWT_AUDIENCE", .callers, "a value that `aud` must have", .words("not checked"),
            example: "authenticated"),
        Setting(
            "ODYS_SESSION_COOKIE", .callers,
            "the name of a cookie that holds the token, as browsers send it; a PATCH with it needs an allowed origin",
            .words("no cookie is read"), example: "sb-session-auth-token"),
        Setting(
            "ODYS_ALLOWED_ORIGINS", .callers,
            "browser origins that may call; nginx needs them too: `odysctl config nginx`", .words("none"),
            example: "https://app.example"),
    ]

    private static let messages = [
        Setting(
            "ODYS_APP_URL", .messages, "the platform's address, for links in messages", .required("required"),
            example: "https://app.example"),
        Setting(
            "ODYS_TIME_ZONE", .messages, "IANA name of the zone that messages show times in",
            .value("America/Sao_Paulo"), example: "America/Manaus"),
        Setting(
            "ODYS_ENFORCE_START_TIME", .messages,
            "`true`: `complete` and `no_show` only from the appointment's start on; the example file says `true`",
            .value("false"), example: "true", isShipped: true),
    ]

    private static let whatsApp = [
        Setting(
            "EVOLUTION_API_URL", .whatsApp,
            "the Evolution API; `https` unless it is on this host. Address, key and instance empty: WhatsApp is off, "
                + "and its messages are `skipped`", .words("off"), example: "https://evolution.example"),
        .secret("EVOLUTION_API_KEY", .whatsApp, "its key", .words("off")),
        Setting("EVOLUTION_INSTANCE", .whatsApp, "its instance", .words("off"), example: "odys"),
        Setting(
            "EVOLUTION_API_VERSION", .whatsApp, "`1`, `2`, or `auto`: ask it, and where it does not say, try",
            .value("auto"), example: "2"),
        Setting(
            "ODYS_WHATSAPP_RATE", .whatsApp,
            "messages a second, over all processes on the database; 0 is no cap. An unofficial WhatsApp client is "
                + "safer with a low one, such as 2", .value("0"), example: "2"),
    ]

    private static let email = [
        Setting(
            "ODYS_SMTP_URL", .email,
            "`smtp://HOST:PORT` or `smtps://HOST:PORT`; STARTTLS is required unless it is this host",
            .words("e-mail is off"), example: "smtp://127.0.0.1:25"),
        Setting("ODYS_SMTP_USERNAME", .email, "who logs in there", .words("no login"), example: "agenda@odys.example"),
        .secret("ODYS_SMTP_PASSWORD", .email, "with what", .words("no login")),
        Setting(
            "ODYS_MAIL_FROM", .email, "the sender: `ADDRESS` or `NAME <ADDRESS>`",
            .words("required with `ODYS_SMTP_URL`"), example: "Odys <agenda@odys.example>"),
    ]

    private static let log = [
        Setting(
            "ODYS_LOG_LEVEL", .log, "`debug`, `info`, `notice`, `warning` or `error`", .value("info"),
            example: "notice"),
        Setting("ODYS_LOG_FORMAT", .log, "`json` or `text`", .value("json"), example: "text"),
    ]
}
