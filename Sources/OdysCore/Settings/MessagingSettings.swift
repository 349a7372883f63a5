/// Where messages go, and what their texts say of the platform.
public struct MessagingSettings: Sendable {
    // A channel is off where it has no settings.
    public let evolution: EvolutionSettings?
    public let smtp: SMTPSettings?
    /// The platform's address, without a slash at the end.
    public let appURL: String
    /// An IANA name; whether this host knows it is checked where the zone is loaded.
    public let timeZone: String

    public init(_ source: SettingsSource) throws(SettingsError) {
        self = try SettingsReader.read(source) { MessagingSettings(&$0) }
    }

    /// What the texts of messages show of the platform. Nothing is required: for a preview.
    public static func preview(_ source: SettingsSource) throws(SettingsError) -> (appURL: String?, timeZone: String) {
        try SettingsReader.read(source) { ($0.optional(.appURL), $0.text(.timeZone)) }
    }

    init(_ reader: inout SettingsReader) {
        evolution = EvolutionSettings(&reader)
        smtp = SMTPSettings(&reader)
        appURL = Self.appURL(&reader)
        timeZone = reader.text(.timeZone)
    }

    static func appURL(_ reader: inout SettingsReader) -> String {
        let address = reader.value(.appURL, mustBe: "an address such as https://app.example, without ? and #") { text in
            URLParts(text, schemes: ["https", "http"])?.isBase == true ? text.withoutTrailingSlashes : nil
        }
        if address == nil {
            reader.missing(.appURL, "is missing: messages link to the platform, such as https://app.example")
        }
        return address ?? ""
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
        let url = reader.optional(.evolutionURL)
        let key = reader.optional(.evolutionKey)?.trimmed
        let instance = reader.optional(.evolutionInstance)
        version = reader.choice(.evolutionVersion)
        guard url != nil || key != nil || instance != nil else { return nil }
        for (setting, value) in [(Setting.evolutionURL, url), (.evolutionKey, key), (.evolutionInstance, instance)] {
            if value == nil {
                reader.missing(
                    setting, "is missing, although other EVOLUTION_ variables are set; set all of them or none")
            }
        }
        reader.checkSecureURL(url, of: .evolutionURL, example: "https://evolution.example")
        if url.flatMap({ URLParts($0, schemes: ["https", "http"]) })?.isBase == false {
            reader.problem(.evolutionURL, "must be the address alone, without ? and #")
        }
        self.url = (url ?? "").withoutTrailingSlashes
        apiKey = key ?? ""
        self.instance = instance ?? ""
    }
}

/// The mail server that takes our e-mails.
public struct SMTPSettings: Sendable {
    /// Its path is the name that we greet with (EHLO), as libcurl has it.
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
        guard let url = reader.optional(.smtpURL) else { return nil }
        let parts = URLParts(url, schemes: ["smtp", "smtps"])
        let path = parts.map { _ in url.split(separator: "/").dropFirst(2).joined(separator: "/") } ?? ""
        if parts == nil || url.contains(where: "?#".contains) || !(path.isEmpty || MailAddress.isHost(path)) {
            reader.problem(
                .smtpURL,
                "must be smtp://HOST:PORT or smtps://HOST:PORT, perhaps with /NAME behind it; a login goes into "
                    + "ODYS_SMTP_USERNAME and ODYS_SMTP_PASSWORD")
        }
        username = reader.optional(.smtpUsername)
        password = reader.optional(.smtpPassword)
        if (username == nil) != (password == nil) {
            reader.problem(.smtpUsername, "and ODYS_SMTP_PASSWORD belong together; set both or neither")
        }
        requiresSTARTTLS = parts?.scheme == "smtp" && !isLoopback(parts?.host ?? "")
        let sender = reader.value(.mailFrom, mustBe: "ADDRESS or NAME <ADDRESS>", Self.sender)
        if sender == nil {
            reader.missing(.mailFrom, "is missing: e-mails need a sender, such as Odys <agenda@odys.example>")
        }
        from = sender?.address ?? ""
        // A name of ours that is known to the whole world; strict servers refuse a host's bare name.
        let domain = from.split(separator: "@").last ?? ""
        self.url = path.isEmpty ? "\(url.withoutTrailingSlashes)/\(domain)" : url.withoutTrailingSlashes
        fromName = sender?.name
    }

    private static func sender(_ text: String) -> (address: String, name: String?)? {
        var (name, address) = ("", text)
        if let open = text.firstIndex(of: "<"), text.hasSuffix(">") {
            name = text[..<open].trimmed
            address = String(text[open...].dropFirst().dropLast())
        }
        guard MailAddress.isSafe(address) else { return nil }
        return (address, name.isEmpty ? nil : name)
    }
}
