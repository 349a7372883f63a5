/// A setting: its variable, how it is read, and what it means. The catalogue holds all of them.
public struct Setting: Sendable, Hashable, CaseIterable {
    public let name: String
    let kind: Kind
    /// A valid value; empty for secrets.
    let example: String
    /// In Markdown.
    let meaning: String

    enum Kind: Sendable, Hashable {
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
    enum Fallback: Sendable, Hashable {
        /// This value, as it would be written.
        case value(String)
        /// No value. The words say what happens then.
        case words(String)
        /// The program does not start. The words say when the setting is needed.
        case required(String)

        var text: String {
            switch self {
            case .value(let text), .words(let text), .required(let text): text
            }
        }
    }

    /// - Parameter meaning: `MAX` stands for the largest integer that is allowed.
    init(_ name: String, _ kind: Kind, example: String = "", _ meaning: String) {
        self.name = name
        self.kind = kind
        self.example = example
        self.meaning =
            if case .integer(_, let range) = kind {
                meaning.replacing("MAX", with: "\(range.upperBound)")
            } else { meaning }
    }

    var fallback: Fallback {
        switch kind {
        case .text(let fallback), .secret(let fallback): fallback
        case .list: .words("none")
        case .integer(let number, _): .value("\(number)")
        case .flag(let value): .value("\(value)")
        case .choice(let value, _): .value(value)
        }
    }

    var isSecret: Bool { if case .secret = kind { true } else { false } }
    var isRequired: Bool { if case .required = fallback { true } else { false } }

    /// The variable that names a secret's file.
    var fileName: String { name + "_FILE" }

    /// Every name that a variable may have.
    static let names = Set(allCases.flatMap { $0.isSecret ? [$0.name, $0.fileName] : [$0.name] })
}

extension Setting {
    /// For scripts/manuals, which makes docs/SETTINGS.md and odys.env(5) from it.
    public static var catalogueJSON: JSON {
        .array(sections.flatMap { title, settings in settings.map { $0.json(section: title) } })
    }

    private func json(section: String) -> JSON {
        let value: String? = if case .value(let text) = fallback { text } else { nil }
        return [
            "name": .string(name), "section": .string(section), "meaning": .string(meaning),
            "required": .bool(isRequired), "default": JSON(value), "otherwise": .string(fallback.text),
            "example": isSecret ? .null : .string(example), "secret": .bool(isSecret),
        ]
    }

    /// An environment file with every setting, for systemd's `EnvironmentFile` and for a shell. What is required is
    /// set, and what is recommended; the rest is commented out. It is valid once the empty values are filled in.
    public static var exampleFile: String {
        var lines = [
            "# Settings of Odys. 'odysctl config check' names what is wrong with them, odys.env(5) explains them.",
            "# A secret X may also stand in a file that X_FILE names, or come as a systemd credential.",
        ]
        for (title, settings) in sections {
            lines += ["", "# --- \(title)"] + settings.flatMap { [""] + $0.exampleLines }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var exampleLines: [String] {
        var comment: [String] = []
        for word in "\(meaning). \(fallbackSentence)".withoutMarkdown.split(separator: " ") {
            if let last = comment.last, last.count + 1 + word.count <= 100 {
                comment[comment.count - 1] += " \(word)"
            } else {
                comment.append("# \(word)")
            }
        }
        let isSet = isRequired || self == .enforcesStartTime
        // No example holds a quote, a dollar sign or a backslash.
        let value = example.contains { " <>'&;|()#".contains($0) } ? "\"\(example)\"" : example
        return comment + ["\(isSet ? "" : "#")\(name)=\(value)"]
    }

    private var fallbackSentence: String {
        switch fallback {
        case .value(let text): "Default: \(text)."
        case .words(let text): "Not set: \(text)."
        case .required(let text): text.prefix(1).uppercased() + text.dropFirst() + "."
        }
    }
}
