/// Every setting of the program, read once, before anything starts.
public struct Settings: Sendable {
    public enum Listen: Sendable, Equatable {
        /// The socket on descriptor 0, or the first one that systemd passes.
        case inherited
        case unix(path: String)
        case tcp(address: String, port: UInt16)
    }

    public enum DeliveryMode: String, Sendable, CaseIterable {
        case on, off, only
    }

    public enum LogLevel: String, Sendable, CaseIterable {
        case debug, info, notice, warning, error
    }

    public enum LogFormat: String, Sendable, CaseIterable {
        case json, text
    }

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

    /// - Parameters:
    ///   - readFile: the content of a secret's file, or why it cannot be read.
    ///   - timeZoneProblem: what is wrong with the name of a zone; nil where nothing is.
    public init(
        environment: [String: String], readFile: @escaping (String) -> Result<String, SettingsError>,
        timeZoneProblem: (String) -> String? = { _ in nil }
    ) throws(SettingsError) {
        var reader = SettingsReader(environment: environment, readFile: readFile)
        instance = reader.text("ODYS_INSTANCE") ?? "1"
        listen = Settings.listen(&reader)
        // Dispatch gives a process some 255 threads; whatever is beyond would wait for ever, without a word.
        threads = reader.integer("ODYS_THREADS", default: 16, in: 1...160)
        whatsAppSenders = reader.integer("ODYS_WHATSAPP_SENDERS", default: 4, in: 1...32)
        emailSenders = reader.integer("ODYS_EMAIL_SENDERS", default: 2, in: 1...32)
        whatsAppRate = reader.integer("ODYS_WHATSAPP_RATE", default: 0, in: 0...10_000)
        retention = Retention(&reader)
        delivery = reader.choice("ODYS_DELIVERY", default: .on)
        database = DatabaseSettings(&reader)
        tokens = TokenSettings(&reader)
        allowedOrigins = Settings.origins(&reader)
        messaging = MessagingSettings(&reader)
        enforcesStartTime = reader.flag("ODYS_ENFORCE_START_TIME", default: false)
        logLevel = reader.choice("ODYS_LOG_LEVEL", default: .info)
        logFormat = reader.choice("ODYS_LOG_FORMAT", default: .json)
        unknown = reader.unknown(known: Setting.names)
        if let problem = timeZoneProblem(messaging.timeZone) { reader.problem("ODYS_TIME_ZONE", problem) }
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
    }

    private static func listen(_ reader: inout SettingsReader) -> Listen {
        guard let text = reader.text("ODYS_LISTEN") else { return .inherited }
        if text.hasPrefix("unix:"), text.utf8.count > 5 {
            let path = String(text.dropFirst(5))
            // sockaddr_un.sun_path holds 108 bytes, the last of them a NUL.
            if path.utf8.count <= 107 { return .unix(path: path) }
            reader.problem("ODYS_LISTEN", "the path is longer than the 107 bytes that a Unix socket's may have")
            return .inherited
        }
        guard text.hasPrefix("tcp:"), let colon = text.lastIndex(of: ":"),
            let port = Int(digits: text[text.index(after: colon)...]), (1...65_535).contains(port)
        else {
            reader.problem("ODYS_LISTEN", "must be unix:PATH or tcp:ADDRESS:PORT")
            return .inherited
        }
        let address = text[text.index(text.startIndex, offsetBy: 4)..<colon]
            .trimmingBrackets
        if !isOneAddress(address) {
            reader.problem(
                "ODYS_LISTEN",
                "must be one address in numbers, such as 127.0.0.1 or [::1]; a wildcard address would let anybody who "
                    + "reaches this host act as the web server")
        }
        return .tcp(address: address, port: UInt16(port))
    }

    /// Whether the text is an address in its usual form, and not one that means all of this host's. The C library
    /// reads `0`, `0x0` and `::ffff:0.0.0.0` as such too, so only plain forms are let through.
    private static func isOneAddress(_ text: String) -> Bool {
        if text.contains(":") {
            return text.allSatisfy { $0 == ":" || $0.isHexDigit } && !text.allSatisfy { ":0f".contains($0) }
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int(digits: $0) ?? 256 }
        return parts.count == 4 && parts.allSatisfy { $0 <= 255 } && parts != [0, 0, 0, 0]
            && text == parts.map(String.init).joined(separator: ".")
    }

    private static func origins(_ reader: inout SettingsReader) -> [String] {
        let origins = reader.list("ODYS_ALLOWED_ORIGINS")
        for origin in origins where !isOrigin(origin) {
            reader.problem("ODYS_ALLOWED_ORIGINS", "'\(origin)' is not an origin such as https://app.example")
        }
        return origins
    }

    /// An origin as browsers write it: scheme, host, optional port, nothing behind. It is also pasted into nginx's
    /// configuration, so only characters that a host may have are let through.
    private static func isOrigin(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return false }
        let host = text.utf8.dropFirst(scheme.utf8.count)
        return host.first.map { $0 != UInt8(ascii: ":") } == true
            && host.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                    true
                default: false
                }
            }
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

    /// Reads only these settings: for commands that need nothing else.
    ///
    /// - Parameter migrating: whether the user for migrations is meant, which defaults to the application's.
    public init(
        environment: [String: String], migrating: Bool,
        readFile: @escaping (String) -> Result<String, SettingsError>
    ) throws(SettingsError) {
        var reader = SettingsReader(environment: environment, readFile: readFile)
        self.init(&reader, migrating: migrating)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
    }

    init(_ reader: inout SettingsReader, migrating: Bool = false) {
        let hosts = reader.list("ODYS_DB_HOST")
        let port = UInt16(reader.integer("ODYS_DB_PORT", default: 3306, in: 1...65_535))
        switch (reader.text("ODYS_DB_SOCKET"), hosts.isEmpty) {
        case (.some, false):
            reader.problem("ODYS_DB_SOCKET", "is set, and so is ODYS_DB_HOST; keep one")
            server = .hosts(hosts, port: port)
        case (.some(let path), true): server = .socket(path: path)
        case (nil, false): server = .hosts(hosts, port: port)
        case (nil, true):
            reader.problem("ODYS_DB_SOCKET", "is missing, and so is ODYS_DB_HOST: one of them says where MariaDB is")
            server = .socket(path: "")
        }
        name = reader.text("ODYS_DB_NAME") ?? "odys"
        certificateAuthority = reader.text("ODYS_DB_CA")
        if migrating, let migrator = reader.text("ODYS_DB_MIGRATE_USER") {
            user = migrator
            password = reader.secret("ODYS_DB_MIGRATE_PASSWORD") ?? ""
        } else {
            user = reader.text("ODYS_DB_USER") ?? "odys"
            password = reader.secret("ODYS_DB_PASSWORD") ?? ""
        }
    }
}

/// Whether a name or an address means this host. Only then may a connection do without TLS.
public func isLoopback(_ host: String) -> Bool {
    let name = host.lowercased()
    if name == "localhost" || name == "::1" || name == "[::1]" { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { (Int(digits: $0) ?? 256) <= 255 }
}

extension Substring {
    fileprivate var trimmingBrackets: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : String(self)
    }
}
