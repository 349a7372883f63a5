/// Cleaning of what people typed (names, reasons, chat previews) before it becomes part of a message.
///
/// Nothing that was typed may change a message's layout or add a link, a header, a recipient or HTML. This is the
/// part that every channel needs; HTML and mail headers escape or encode its result.
public enum TypedText {
    /// The text as one line of at most `scalarsMax` Unicode scalars, perhaps empty.
    ///
    /// docs/MESSAGES.md, "What people typed", has the rules. Beyond those:
    /// - Marks above the fourth on one letter go. Joiners and variation selectors stay where they follow an emoji.
    /// - A full stop between two digits needs no space, unless there are three or more of them, as in an IP address.
    /// - The text may start with a list or quotation mark (`- `, `> `, `1. `). WhatsApp heeds those at the start of a
    ///   line only, and no template starts a line with a typed value.
    public static func inline(_ text: String, scalarsMax: Int) -> String {
        isCleanLatin(text, scalarsMax: scalarsMax) ? text : cleaned(text, scalarsMax: scalarsMax)
    }

    /// The same, with a word in the place of a text of which nothing remains.
    public static func inline(_ text: String, scalarsMax: Int, fallback: String) -> String {
        let cleaned = inline(text, scalarsMax: scalarsMax)
        return cleaned.isEmpty ? fallback : cleaned
    }

    /// True only where cleaning leaves the text as it is: so for most names, and a twentieth of the work.
    /// Latin letters up to U+017F (ã, ç, Ž) are the bytes C3 to C5 with one more behind each.
    static func isCleanLatin(_ text: String, scalarsMax: Int) -> Bool {
        var scalars = 0
        // No space may stand at the start, at the end or beside another, and a full stop needs one behind it.
        var last = UInt8(ascii: " ")
        let bytes = text.utf8Span.span
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: " "): if last == byte { return false }
            case 0..<0x20, 0x7F, UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: "`"), UInt8(ascii: "_"),
                UInt8(ascii: "@"), UInt8(ascii: ":"), 0xC0...0xC2, 0xC6...0xFF:
                return false
            default: if last == UInt8(ascii: ".") { return false }
            }
            if byte & 0xC0 != 0x80 { scalars += 1 }
            last = byte
        }
        return last != UInt8(ascii: " ") && scalars <= scalarsMax
    }

    /// `inline` for a text of any kind.
    static func cleaned(_ text: String, scalarsMax: Int) -> String {
        // Breaking links drops at most every third scalar: twice the room holds more than is shown.
        let start = visible(text, scalarsMax: 2 * scalarsMax + 64)
        return cut(withoutLinks(start), scalarsMax: scalarsMax)
    }

    /// Combining marks on one letter: enough for every living script. Hundreds would cover the lines around.
    private static let marksMax = 4

    private enum Kind {
        case plain, space, mark, selector, joiner, removed
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        switch scalar {
        case "*", "~", "`": return .removed
        case " ", "_", "\u{2500}"..."\u{259F}", "\u{2800}": return .space
        case "\u{200D}": return .joiner
        case "\u{FE0E}", "\u{FE0F}": return .selector
        case "\u{1F3FB}"..."\u{1F3FF}": return .plain
        // The rest of printable ASCII, and Latin letters.
        case "!"..."}", "\u{C0}"..."\u{17F}": return .plain
        default: break
        }
        let properties = scalar.properties
        if properties.isWhitespace { return .space }
        if properties.isDefaultIgnorableCodePoint { return .removed }
        // Unicode's categories are not ours: they grow with the standard, hence a default.
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return .removed
        case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
        default: return properties.isGraphemeExtend ? .mark : .plain
        }
    }

    private static func visible(_ text: String, scalarsMax: Int) -> [Unicode.Scalar] {
        var out: [Unicode.Scalar] = []
        var marks = 0
        var joins = false
        for scalar in text.unicodeScalars {
            if out.count > scalarsMax { break }
            let kind = kind(of: scalar)
            let joined = joins
            joins = false
            switch kind {
            case .removed: break
            case .space: appendSpace(to: &out)
            case .plain:
                if joined, isEmoji(scalar) { out.append("\u{200D}") }
                out.append(scalar)
                marks = 0
            case .mark:
                guard let last = out.last, last != " ", marks < marksMax else { break }
                out.append(scalar)
                marks += 1
            case .selector: if let last = out.last, last.properties.isEmoji { out.append(scalar) }
            case .joiner: if let last = out.last { joins = isEmoji(last) || last == "\u{FE0F}" }
            }
        }
        return out
    }

    /// Digits, `#` and `*` count as emoji in Unicode, for the sake of keycaps; nothing is joined to those.
    private static func isEmoji(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isEmoji && !scalar.isASCII }

    private static func appendSpace(to out: inout [Unicode.Scalar]) {
        if let last = out.last, last != " " { out.append(" ") }
    }

    private static func withoutLinks(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var out: [Unicode.Scalar] = []
        out.reserveCapacity(scalars.count + 16)
        var runEnd = 0
        var inAddress = false
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            if index >= runEnd {
                let run = scalars[index...].prefix { $0.isDigit || isStop($0) }
                runEnd = max(run.endIndex, index + 1)
                inAddress = isAddress(run)
            }
            if isAt(scalar) { appendSpace(to: &out) }
            // Behind a space that was put in, a space and a mark have no place.
            let isAfterSpace = out.last == " "
            if !(isAfterSpace && (scalar == " " || kind(of: scalar) == .mark)) { out.append(scalar) }
            if isStop(scalar), needsSpace(afterStopAt: index, in: scalars, inAddress: inAddress) { out.append(" ") }
            index += 1
            if scalar == ":", scalars[index...].starts(with: ["/", "/"]) {
                appendSpace(to: &out)
                index += 2
            }
        }
        if out.last == " " { out.removeLast() }
        return out
    }

    /// Whether a run of digits and full stops has three or more full stops between digits.
    private static func isAddress(_ run: ArraySlice<Unicode.Scalar>) -> Bool {
        guard run.count >= 7 else { return false }
        return run.indices.dropFirst().dropLast()
            .count { isStop(run[$0]) && run[$0 - 1].isDigit && run[$0 + 1].isDigit } >= 3
    }

    private static func needsSpace(afterStopAt index: Int, in scalars: [Unicode.Scalar], inAddress: Bool) -> Bool {
        guard index > 0, index + 1 < scalars.count else { return false }
        let (before, after) = (scalars[index - 1], scalars[index + 1])
        if before == " " || isStop(before) { return false }
        if before.isDigit, after.isDigit { return inAddress }
        return after.isLetter || after.properties.numericType != nil
    }

    /// The full stop and what domain names take for one (UTS 46), with its small form.
    private static func isStop(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ".", "\u{2024}", "\u{3002}", "\u{FE12}", "\u{FE52}", "\u{FF0E}", "\u{FF61}": true
        default: false
        }
    }

    private static func isAt(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "@" || scalar == "\u{FE6B}" || scalar == "\u{FF20}"
    }

    private static func cut(_ scalars: [Unicode.Scalar], scalarsMax: Int) -> String {
        let text = String(String.UnicodeScalarView(scalars))
        guard scalars.count > scalarsMax else { return text }
        var kept = ""
        var count = 0
        for character in text {
            count += character.unicodeScalars.count
            guard count < scalarsMax else { break }
            kept.append(character)
        }
        if kept.last == " " { kept.removeLast() }
        return kept.isEmpty ? "" : kept + "…"
    }
}
