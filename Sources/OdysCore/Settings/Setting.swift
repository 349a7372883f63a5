/// One setting, as operators see it: what it is called, what it means, and what it is when nobody sets it. How its
/// text is read stands in `Settings`, which may only read what the catalogue has.
public struct Setting: Sendable {
    public enum Section: String, Sendable, CaseIterable {
        case process = "The process"
        case database = "The database"
        case callers = "Who may call"
        case messages = "Rules and texts"
        case whatsApp = "WhatsApp"
        case email = "E-mail"
        case log = "The log"
    }

    /// What holds when the variable is not set.
    public enum Fallback: Sendable, Equatable {
        /// This value, written as one would set it.
        case value(String)
        /// No value of its own; in words, what happens then.
        case words(String)
        /// There is none: the program does not start. In words, when it is needed.
        case required(String)

        /// For a table: the value, or the words.
        public var text: String {
            switch self {
            case .value(let text), .words(let text), .required(let text): text
            }
        }

        var isRequired: Bool {
            if case .required = self { true } else { false }
        }
    }

    public let name: String
    public let section: Section
    /// In Markdown.
    public let meaning: String
    public let fallback: Fallback
    /// A value that is right somewhere; empty for secrets, which have none.
    public let example: String
    public let isSecret: Bool
    /// Whether the environment file that is shipped sets it; the others stand there commented out.
    public let isShipped: Bool

    init(
        _ name: String, _ section: Section, _ meaning: String, _ fallback: Fallback, example: String,
        isShipped: Bool = false
    ) {
        self.init(name, section, meaning, fallback, example, isSecret: false, isShipped: isShipped)
    }

    static func secret(_ name: String, _ section: Section, _ meaning: String, _ fallback: Fallback) -> Setting {
        Setting(name, section, meaning, fallback, "", isSecret: true, isShipped: false)
    }

    private init(
        _ name: String, _ section: Section, _ meaning: String, _ fallback: Fallback, _ example: String,
        isSecret: Bool, isShipped: Bool
    ) {
        self.name = name
        self.section = section
        self.meaning = meaning
        self.fallback = fallback
        self.example = example
        self.isSecret = isSecret
        self.isShipped = isShipped || fallback.isRequired
    }

    /// Every name that a variable may have: those of the catalogue, and the files of secrets.
    static let names = Set(all.flatMap { $0.isSecret ? [$0.name, $0.name + "_FILE"] : [$0.name] })

    public var json: JSON {
        var fallbackValue: JSON = .null
        if case .value(let text) = fallback { fallbackValue = .string(text) }
        return [
            "name": .string(name), "section": .string(section.rawValue), "meaning": .string(meaning),
            "required": .bool(fallback.isRequired), "default": fallbackValue, "otherwise": .string(fallback.text),
            "example": isSecret ? .null : .string(example), "secret": .bool(isSecret),
        ]
    }
}
