/// The settings, by the names of their variables. What each means stands in the catalogue.
public enum Setting: String, Sendable, CaseIterable {
    case listen = "ODYS_LISTEN"
    case instance = "ODYS_INSTANCE"
    case threads = "ODYS_THREADS"
    case delivery = "ODYS_DELIVERY"
    case
        whatsAppSenders = "ODYS_WHATSAPP_SENDERS"
    case emailSenders = "ODYS_EMAIL_SENDERS"
    case
        retentionDays = "ODYS_RETENTION_DAYS"
    case payloadDays = "ODYS_PAYLOAD_DAYS"
    case databaseSocket = "ODYS_DB_SOCKET"
    case databaseHosts = "ODYS_DB_HOST"
    case databasePort = "ODYS_DB_PORT"
    case
        databaseName = "ODYS_DB_NAME"
    case databaseUser = "ODYS_DB_USER"
    case databasePassword = "ODYS_DB_PASSWORD"
    case
        databaseCA = "ODYS_DB_CA"
    case migrationUser = "ODYS_DB_MIGRATE_USER"
    case
        migrationPassword = "ODYS_DB_MIGRATE_PASSWORD"
    case tokenSecret = "ODYS_JWT_SECRET"
    case keySetFile = "ODYS_JWKS_FILE"
    case keySetURL = "ODYS_JWKS_URL"
    case
        issuer = "ODYS_JWT_ISSUER"
    case audience = "ODYS_JWT_AUDIENCE"
    case sessionCookie = "ODYS_SESSION_COOKIE"
    case
        allowedOrigins = "ODYS_ALLOWED_ORIGINS"
    case appURL = "ODYS_APP_URL"
    case timeZone = "ODYS_TIME_ZONE"
    case enforcesStartTime = "ODYS_ENFORCE_START_TIME"
    case evolutionURL = "EVOLUTION_API_URL"
    case evolutionKey = "EVOLUTION_API_KEY"
    case
        evolutionInstance = "EVOLUTION_INSTANCE"
    case evolutionVersion = "EVOLUTION_API_VERSION"
    case
        whatsAppRate = "ODYS_WHATSAPP_RATE"
    case smtpURL = "ODYS_SMTP_URL"
    case smtpUsername = "ODYS_SMTP_USERNAME"
    case smtpPassword = "ODYS_SMTP_PASSWORD"
    case
        mailFrom = "ODYS_MAIL_FROM"
    case logLevel = "ODYS_LOG_LEVEL"
    case logFormat = "ODYS_LOG_FORMAT"

    public enum Section: String, Sendable, CaseIterable {
        case process = "The process"
        case database = "The database"
        case callers = "Who may call"
        case messages = "Rules and texts"
        case whatsApp = "WhatsApp"
        case email = "E-mail"
        case log = "The log"
    }

    /// How a setting is read.
    enum Kind: Sendable {
        case text(Fallback)
        /// Never shown. It may also come from a file or as a systemd credential.
        case secret(Fallback)
        /// Separated by commas.
        case list
        case integer(_ fallback: Int, in: ClosedRange<Int>)
        case flag(_ fallback: Bool)
        case choice(_ fallback: String, of: [String])

        static func choice<Value: RawRepresentable<String> & CaseIterable>(_ fallback: Value) -> Kind {
            .choice(fallback.rawValue, of: Value.allCases.map(\.rawValue))
        }
    }

    /// What holds while the variable is not set or empty.
    public enum Fallback: Sendable, Equatable {
        /// This value, as it would be written.
        case value(String)
        /// No value. The words say what happens then.
        case words(String)
        /// The program does not start. The words say when the setting is needed.
        case required(String)

        public var text: String {
            switch self {
            case .value(let text), .words(let text), .required(let text): text
            }
        }
    }

    /// A setting in the catalogue.
    public struct Entry: Sendable {
        public let section: Section
        /// In Markdown.
        public let meaning: String
        let kind: Kind
        /// A valid value; empty for secrets.
        public let example: String

        /// - Parameter meaning: `MAX` stands for the largest integer that is allowed.
        init(_ section: Section, _ meaning: String, _ kind: Kind, example: String = "") {
            self.section = section
            if case .integer(_, let range) = kind {
                self.meaning = meaning.replacing("MAX", with: "\(range.upperBound)")
            } else {
                self.meaning = meaning
            }
            self.kind = kind
            self.example = example
        }
    }

    public var fallback: Fallback {
        switch entry.kind {
        case .text(let fallback), .secret(let fallback): fallback
        case .list: .words("none")
        case .integer(let number, _): .value("\(number)")
        case .flag(let value): .value("\(value)")
        case .choice(let value, _): .value(value)
        }
    }

    public var name: String { rawValue }

    public var isSecret: Bool {
        if case .secret = entry.kind { true } else { false }
    }

    public var isRequired: Bool {
        if case .required = fallback { true } else { false }
    }

    /// The variable that names a secret's file.
    var fileName: String { name + "_FILE" }

    /// Every name that a variable may have.
    static let names = Set(allCases.flatMap { $0.isSecret ? [$0.name, $0.fileName] : [$0.name] })

    public var json: JSON {
        var fallbackValue: JSON = .null
        if case .value(let text) = fallback { fallbackValue = .string(text) }
        return [
            "name": .string(name), "section": .string(entry.section.rawValue), "meaning": .string(entry.meaning),
            "required": .bool(isRequired), "default": fallbackValue, "otherwise": .string(fallback.text),
            "example": isSecret ? .null : .string(entry.example), "secret": .bool(isSecret),
        ]
    }
}
