extension Setting {
    /// An environment file with every setting, for systemd's `EnvironmentFile` and for a shell. What is
    /// required is set, and what is recommended; the rest is commented out. It is valid once the empty values are
    /// filled in.
    public static var exampleFile: String {
        var lines = [
            "# Settings of Odys. 'odysctl config check' names what is wrong with them, odys.env(5) explains them.",
            "# A secret X may also stand in a file that X_FILE names, or come as a systemd credential.",
        ]
        for section in Section.allCases {
            lines += ["", "# --- \(section.rawValue)"]
            for setting in allCases where setting.entry.section == section {
                lines += [""] + setting.exampleLines
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var exampleLines: [String] {
        var comment: [String] = []
        for word in "\(entry.meaning). \(fallbackSentence)".withoutMarkdown.split(separator: " ") {
            if let last = comment.last, last.count + 1 + word.count <= 100 {
                comment[comment.count - 1] += " \(word)"
            } else {
                comment.append("# \(word)")
            }
        }
        let isSet = isRequired || self == .enforcesStartTime
        let example = entry.example
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
