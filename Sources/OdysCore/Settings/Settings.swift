/// Every setting of the program, read once, before anything starts.
public struct Settings: Sendable {
    public enum Listen: Sendable, Equatable {
        /// The socket on descriptor 0, or the first one that systemd passes.
        case inherited
        case unix(path: String)
        case tcp(address: String, port: UInt16)

        init?(_ text: String) {
            if text.hasPrefix("unix:"), text.utf8.count > 5 {
                self = .unix(path: String(text.dropFirst(5)))
                return
            }
            guard text.hasPrefix("tcp:"), let colon = text.lastIndex(of: ":"),
                let port = Int(digits: String(text[text.index(after: colon)...])), (1...65_535).contains(port)
            else { return nil }
            let written = text[..<colon].dropFirst(4)
            let isBracketed = written.hasPrefix("[") && written.hasSuffix("]")
            self = .tcp(address: String(isBracketed ? written.dropFirst().dropLast() : written), port: UInt16(port))
        }
    }

    public enum DeliveryMode: String, Sendable, CaseIterable { case on, off, only }
    public enum LogLevel: String, Sendable, CaseIterable { case debug, info, notice, warning, error }
    public enum LogFormat: String, Sendable, CaseIterable { case json, text }

    public let instance: String
    public let listen: Listen
    public let threads: Int
    public let whatsAppSenders: Int
    public let emailSenders: Int
    /// WhatsApp messages a second over all processes; 0 means no cap.
    public let whatsAppRate: Int
    public let retention: Retention
    public let delivery: DeliveryMode
    public let database: DatabaseSettings
    public let tokens: TokenSettings
    public let allowedOrigins: [String]
    public let messaging: MessagingSettings
    public let enforcesStartTime: Bool
    public let logLevel: LogLevel
    public let logFormat: LogFormat
    /// Variables that begin with `ODYS_` and mean nothing; reported, as they are most often misspelt.
    public let unknown: [String]

    /// What is allowed, and should not stay unknown.
    public var warnings: [String] { tokens.warnings }

    /// - Parameter timeZoneProblem: what is wrong with the name of a zone; nil where nothing is.
    public init(_ source: SettingsSource, timeZoneProblem: (String) -> String? = { _ in nil }) throws(SettingsError) {
        self = try SettingsReader.read(source) { Settings(&$0, timeZoneProblem) }
    }

    private init(_ reader: inout SettingsReader, _ timeZoneProblem: (String) -> String?) {
        instance = reader.text(.instance)
        listen = Settings.listen(&reader)
        threads = reader.integer(.threads)
        whatsAppSenders = reader.integer(.whatsAppSenders)
        emailSenders = reader.integer(.emailSenders)
        whatsAppRate = reader.integer(.whatsAppRate)
        retention = Retention(&reader)
        delivery = reader.choice(.delivery)
        database = DatabaseSettings(&reader)
        tokens = TokenSettings(&reader)
        allowedOrigins = reader.list(.allowedOrigins)
        for origin in allowedOrigins where !Self.isOrigin(origin) {
            reader.problem(
                .allowedOrigins,
                "'\(origin)' is not an origin such as https://app.example, as browsers send it: scheme and host in "
                    + "lower case, without the scheme's own port, nothing behind; of a host that is not ASCII xn--…")
        }
        messaging = MessagingSettings(&reader)
        enforcesStartTime = reader.flag(.enforcesStartTime)
        logLevel = reader.choice(.logLevel)
        logFormat = reader.choice(.logFormat)
        unknown = reader.source.unknown
        if let problem = timeZoneProblem(messaging.timeZone) { reader.problem(.timeZone, problem) }
        reader.reportNotUTF8()
    }

    private static func listen(_ reader: inout SettingsReader) -> Listen {
        let listen = reader.value(.listen, mustBe: "unix:PATH or tcp:ADDRESS:PORT", Listen.init) ?? .inherited
        if case .unix(let path) = listen { reader.checkSocketPath(path, of: .listen) }
        if case .tcp(let address, _) = listen, !isOneAddress(address) {
            reader.problem(
                .listen,
                "must be one address in numbers, such as 127.0.0.1 or [::1]; a wildcard address would let anybody who "
                    + "reaches this host act as the web server")
        }
        return listen
    }

    /// Whether the text is an address in its usual form, and not one that means all of this host's. The C library
    /// reads `0`, `0x0` and `::ffff:0.0.0.0` as such too, so only plain forms are let through.
    private static func isOneAddress(_ text: String) -> Bool {
        isIPv6(text)
            ? !text.contains(".") && !text.allSatisfy { ":0f".contains($0) } : isIPv4(text) && text != "0.0.0.0"
    }

    /// An origin as browsers write it: scheme, host, a port other than the scheme's own, nothing behind. It is also
    /// pasted into nginx's configuration, which these characters cannot break.
    private static func isOrigin(_ text: String) -> Bool {
        guard let parts = URLParts(text, schemes: ["https", "http"]),
            parts.port != (parts.scheme == "https" ? 443 : 80)
        else { return false }
        let port = parts.port.map { ":\($0)" } ?? ""
        return text.hasSameBytes(as: "\(parts.scheme)://\(parts.host.lowercased())\(port)")
    }
}

/// How to reach the database.
public struct DatabaseSettings: Sendable {
    public enum Server: Sendable, Equatable {
        case socket(path: String)
        /// Tried in order.
        case hosts([String], port: UInt16)
    }

    public let server: Server
    public let name: String
    public let user: String
    public let password: String
    /// A file of CA certificates; nil means the system's.
    public let certificateAuthority: String?

    /// - Parameter migrating: whether to log in as the user for migrations, which defaults to the application's.
    public init(_ source: SettingsSource, migrating: Bool = false) throws(SettingsError) {
        self = try SettingsReader.read(source) { DatabaseSettings(&$0, migrating: migrating) }
    }

    init(_ reader: inout SettingsReader, migrating: Bool = false) {
        let hosts = reader.list(.databaseHosts)
        for host in hosts where !isHostName(host) && !isIPv6(host) {
            reader.problem(
                .databaseHosts,
                "'\(host)' is not the name or the address of a host alone, such as db.example; a port goes into "
                    + "ODYS_DB_PORT, the path of a socket into ODYS_DB_SOCKET, and IPv6 needs no brackets")
        }
        let port = UInt16(reader.integer(.databasePort))
        let socket = reader.value(
            .databaseSocket, mustBe: "a path such as /run/mysqld/mysqld.sock; a host goes into ODYS_DB_HOST"
        ) { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        server = hosts.isEmpty ? .socket(path: socket ?? "") : .hosts(hosts, port: port)
        if let socket { reader.checkSocketPath(socket, of: .databaseSocket) }
        if socket != nil, !hosts.isEmpty {
            reader.problem(.databaseSocket, "is set, and so is ODYS_DB_HOST; keep one")
        } else if socket == nil, hosts.isEmpty {
            reader.missing(.databaseSocket, "is missing, and so is ODYS_DB_HOST: one of them says where MariaDB is")
        }
        name = reader.text(.databaseName)
        certificateAuthority = reader.optional(.databaseCA)
        certificateAuthority.map { reader.checkCertificates($0, of: .databaseCA) }
        let migrator = migrating ? reader.optional(.migrationUser) : nil
        user = migrator ?? reader.text(.databaseUser)
        reader.checkLength(name, of: .databaseName, Limits.databaseNameScalarsMax)
        reader.checkLength(user, of: migrator == nil ? .databaseUser : .migrationUser, Limits.databaseUserScalarsMax)
        password = reader.optional(migrator == nil ? .databasePassword : .migrationPassword) ?? ""
    }
}

/// How long finished messages are kept.
public struct Retention: Sendable, Equatable {
    /// Days until they are deleted.
    public let messageDays: Int
    /// Days until recipient and payload are emptied. The outcome stays visible.
    public let payloadDays: Int
    /// Days until records of what operators did are deleted.
    public let auditDays: Int

    public init(_ source: SettingsSource) throws(SettingsError) {
        self = try SettingsReader.read(source) { Retention(&$0) }
    }

    init(_ reader: inout SettingsReader) {
        messageDays = reader.integer(.retentionDays)
        payloadDays = reader.integer(.payloadDays)
        auditDays = reader.integer(.auditDays)
    }
}
