// What is shown must not act. Names, addresses and providers' words come from strangers, and a terminal obeys some
// characters. All that odysctl prints and that the responder logs comes past here.

extension Unicode.Scalar {
    /// Whether a terminal may obey it, or show something else than stands there: control characters, format characters
    /// such as those that turn the direction of text, and Unicode's own line ends.
    var acts: Bool {
        if isASCII { return isControl }
        // Unicode's categories are not ours: they grow with the standard, hence a default.
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}

extension String {
    /// The text on one line, with `\u{1b}` in the place of an escape character.
    public var shown: String { replacingActing { "\\u{\(String($0.value, radix: 16))}" } }

    /// A text of ours, whose line ends stay.
    public var shownLines: String {
        replacingActing { $0 == "\n" ? "\n" : "\\u{\(String($0.value, radix: 16))}" }
    }

    /// JSON text with these characters escaped, which leaves its values as they are. Only strings can hold them.
    public var shownJSON: String {
        replacingActing { scalar in
            scalar.utf16.map { "\\u\(String(0x1_0000 + Int($0), radix: 16).dropFirst())" }.joined()
        }
    }

    private func replacingActing(_ escape: (Unicode.Scalar) -> String) -> String {
        guard utf8.contains(where: { $0 < 0x20 || $0 > 0x7E }), unicodeScalars.contains(where: \.acts)
        else { return self }
        var shown = ""
        for scalar in unicodeScalars {
            if scalar.acts { shown += escape(scalar) } else { shown.unicodeScalars.append(scalar) }
        }
        return shown
    }
}

extension [UInt8] {
    /// False where no character of JSON text acts: so for plain ASCII, which nearly every line of the log is.
    public var mayAct: Bool {
        span.bytes.contains(
            { $0 >= 0x7F }, inEight: { ($0 | ($0 &+ UInt64(repeating: 1))) & UInt64(repeating: 0x80) != 0 })
    }
}

extension JSON {
    /// The value for a terminal, an assistant or a log.
    public var shown: String { text.shownJSON }
}
