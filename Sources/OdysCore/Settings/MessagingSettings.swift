/// Where messages go, and what their texts say of the platform.
public struct MessagingSettings: Sendable {
    /// Nil where the channel is off.
    public let evolution: EvolutionSettings?
    /// Nil where the channel is off.
    public let smtp: SMTPSettings?
    /// The platform's address, without a slash at the end.
    public let appURL: String
    /// An IANA name; whether this host knows it is checked where the zone is loaded.
    public let timeZone: String

    /// Reads only these settings: for commands that need nothing else.
    public init(
        environment: [String: String], readFile: @escaping (String) -> Result<String, SettingsError>
    ) throws(SettingsError) {
        var reader = SettingsReader(environment: environment, readFile: readFile)
        self.init(&reader)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
    }

    init(_ reader: inout SettingsReader) {
        evolution = EvolutionSettings(&reader)
        smtp = SMTPSettings(&reader)
        let address = reader.required("ODYS_APP_URL", "messages link to the platform, such as https://app.example")
        appURL = String(address.reversed().drop { $0 == "/" }.reversed())
        if !address.isEmpty, URLParts(address, schemes: ["https", "http"]) == nil {
            reader.problem("ODYS_APP_URL", "must be an address such as https://app.example")
        }
        timeZone = reader.text("ODYS_TIME_ZONE") ?? "America/Sao_Paulo"
    }
}

/// The Evolution API that speaks to WhatsApp.
public struct EvolutionSettings: Sendable {
    public enum Version: String, Sendable, CaseIterable {
        /// Asked of the server when the first message is sent.
        case auto
        case one = "1"
        case two = "2"
    }

    /// Without a slash at the end.
    public let url: String
    public let apiKey: String
    public let instance: String
    public let version: Version

    /// Nil where none of the variables is set: the channel is off.
    init?(_ reader: inout SettingsReader) {
        let url = reader.text("EVOLUTION_API_URL")?.trimmed
        let key = reader.secret("EVOLUTION_API_KEY")?.trimmed
        let instance = reader.text("EVOLUTION_INSTANCE")?.trimmed
        version = reader.choice("EVOLUTION_API_VERSION", default: .auto)
        let values = [("EVOLUTION_API_URL", url), ("EVOLUTION_API_KEY", key), ("EVOLUTION_INSTANCE", instance)]
        guard values.contains(where: { $0.1 != nil }) else { return nil }
        for (name, value) in values where value == nil {
            reader.problem(name, "is missing, although other EVOLUTION_ variables are set; set all of them or none")
        }
        for (name, value) in values where value?.hasControlCharacters == true {
            reader.problem(name, "has a control character in it")
        }
        if let url {
            switch URLParts(url, schemes: ["https", "http"]) {
            case nil: reader.problem("EVOLUTION_API_URL", "must be an address such as https://evolution.example")
            case .some(let parts) where parts.scheme == "http" && !isLoopback(parts.host):
                reader.problem("EVOLUTION_API_URL", "must begin with https:// unless the host is this one")
            case .some: break
            }
        }
        self.url = String((url ?? "").reversed().drop { $0 == "/" }.reversed())
        apiKey = key ?? ""
        self.instance = instance ?? ""
    }
}

/// The mail server that takes our e-mails.
public struct SMTPSettings: Sendable {
    public let url: String
    public let username: String?
    public let password: String?
    /// The address of the envelope and of `From`.
    public let from: String
    /// The name that goes before the address in `From`.
    public let fromName: String?
    /// Whether the conversation must be encrypted by STARTTLS before anything is said in it.
    public let requiresSTARTTLS: Bool

    /// Nil where `ODYS_SMTP_URL` is not set: the channel is off.
    init?(_ reader: inout SettingsReader) {
        guard let url = reader.text("ODYS_SMTP_URL") else { return nil }
        let parts = URLParts(url, schemes: ["smtp", "smtps"])
        if parts == nil { reader.problem("ODYS_SMTP_URL", "must be smtp://HOST:PORT or smtps://HOST:PORT") }
        self.url = url
        username = reader.text("ODYS_SMTP_USERNAME")
        password = reader.secret("ODYS_SMTP_PASSWORD")
        if (username == nil) != (password == nil) {
            reader.problem("ODYS_SMTP_USERNAME", "and ODYS_SMTP_PASSWORD belong together; set both or neither")
        }
        for (name, value) in [("ODYS_SMTP_USERNAME", username), ("ODYS_SMTP_PASSWORD", password)]
        where value?.hasControlCharacters == true {
            reader.problem(name, "has a control character in it")
        }
        requiresSTARTTLS = parts?.scheme == "smtp" && !isLoopback(parts?.host ?? "")
        let sender = reader.required("ODYS_MAIL_FROM", "e-mails need a sender, such as Odys <agenda@odys.example>")
        if let open = sender.firstIndex(of: "<"), sender.hasSuffix(">") {
            from = String(sender[sender.index(after: open)...].dropLast())
            let name = sender[..<open].trimmed
            fromName = name.isEmpty ? nil : name
        } else {
            from = sender
            fromName = nil
        }
        if !sender.isEmpty, !MailAddress.isSafe(from) || sender.hasControlCharacters {
            reader.problem("ODYS_MAIL_FROM", "must be ADDRESS or NAME <ADDRESS>")
        }
    }
}

/// The parts of an address that matter for trusting it.
struct URLParts {
    let scheme: String
    let host: String

    /// Nil where the text is not an address of one of these schemes, or holds a user name, blanks or control
    /// characters.
    init?(_ text: String, schemes: [String]) {
        guard let colon = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        let authority = text[colon.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard schemes.contains(scheme), !authority.isEmpty, !authority.contains("@"),
            !text.contains(where: \.isWhitespace), !text.hasControlCharacters
        else { return nil }
        self.scheme = scheme
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = String(authority[...end])
        } else {
            host = String(authority.prefix { $0 != ":" })
        }
        guard !host.isEmpty else { return nil }
    }
}

extension String {
    public var hasControlCharacters: Bool {
        unicodeScalars.contains(where: \.isControl)
    }
}
