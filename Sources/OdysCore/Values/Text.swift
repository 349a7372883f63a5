// ASCII is decided without Unicode's tables, where each lookup costs a hundred instructions.

extension String {
    /// Whether two texts are the same bytes. `==` is Unicode equivalence, which is wrong for ids, tokens and names.
    public func hasSameBytes(as other: String) -> Bool { utf8.count == other.utf8.count && hasSameStart(as: other) }

    /// Whether the text begins with the bytes of another.
    public func hasSameStart(as prefix: String) -> Bool {
        guard utf8.count >= prefix.utf8.count else { return false }
        // Spans, because the iterators of `starts(with:)` take six times as long.
        let (mine, others) = (utf8Span.span, prefix.utf8Span.span)
        for index in others.indices where mine[index] != others[index] { return false }
        return true
    }

    public var hasControlCharacters: Bool { unicodeScalars.contains(where: \.isControl) }

    /// The longest beginning of at most `units` UTF-16 units that ends with a whole character.
    func prefix(units: Int) -> String {
        guard utf16.count > units else { return self }
        var room = units
        return String(
            prefix { character in
                room -= character.utf16.count
                return room >= 0
            })
    }

    /// Whether there is nothing to read in it.
    var isBlank: Bool { unicodeScalars.allSatisfy(\.isSpace) }
}

extension Unicode.Scalar {
    /// Unicode's category Cc, which is these two ranges for ever (its stability policy).
    public var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }

    /// A control or format character, or a separator of lines. U+200D is none of them: it joins emoji in names.
    var isInvisible: Bool { acts && self != "\u{200D}" }

    /// Unicode's property White_Space.
    var isSpace: Bool { isASCII ? value == 0x20 || (0x09...0x0D).contains(value) : properties.isWhitespace }

    /// Unicode's property Alphabetic.
    var isLetter: Bool { isASCII ? (0x61...0x7A).contains(value | 0x20) : properties.isAlphabetic }

    /// A decimal digit of any script.
    var isDigit: Bool { isASCII ? (0x30...0x39).contains(value) : properties.numericType == .decimal }
}

extension StringProtocol where UTF8View: BidirectionalCollection {
    var trimmed: String {
        // As most texts are.
        if utf8.first?.isVisibleASCII == true, utf8.last?.isVisibleASCII == true { return String(self) }
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
