/// A phone number as it was typed, up to where it ends.
struct TypedPhone {
    private(set) var digits: [UInt8] = []
    /// Whether a `+` stands before the first digit.
    private(set) var isInternational = false
    /// Whether a Brazilian area code stands in parentheses.
    private(set) var hasAreaCode = false
    /// Whether words stand before the number.
    private(set) var followsText = false
    /// How many digits stand before each space, dot or hyphen.
    private(set) var breaks: [Int] = []
    private var hasParentheses = false

    /// Nil where what was typed is no number.
    init?(_ text: String) {
        let scalars = text.unicodeScalars.map(Self.folded)
        var rest = scalars[...]
        scan: while let scalar = rest.first {
            rest.removeFirst()
            switch scalar {
            case "0"..."9":
                digits.append(UInt8(scalar.value))
                // 15 behind `00` are the longest number.
                if digits.count > 17 { return nil }
            case " ", ".", "-": if !digits.isEmpty { breaks.append(digits.count) }
            case "(" where takeParentheses(&rest): break
            // Whatever else stands behind a digit ends the number. A ² could be a digit of it.
            case _ where !digits.isEmpty:
                if scalar.properties.numericType != nil { return nil }
                break scan
            case "+": isInternational = true
            case "(": break
            case _ where scalar.properties.isDefaultIgnorableCodePoint: break
            // A `+` that is not the number's own.
            case _ where isInternational: return nil
            default: followsText = true
            }
        }
    }

    /// Whether a space, dot or hyphen stands behind a whole Brazilian number that begins at this digit, and digits
    /// behind that: an extension, or another number.
    func continues(from start: Int) -> Bool {
        breaks.contains { (10...11).contains($0 - start) && $0 < digits.count }
    }

    /// Reads one pair of parentheses, if it stands where it may: around the area code, around its trunk zero, or
    /// around the country code with its `+`.
    private mutating func takeParentheses(_ rest: inout ArraySlice<Unicode.Scalar>) -> Bool {
        guard !hasParentheses, let end = rest.firstIndex(of: ")") else { return false }
        var inside = rest[..<end].filter { $0 != " " && $0 != "." && $0 != "-" }
        let hasPlus = inside.first == "+"
        if hasPlus { inside.removeFirst() }
        let found = inside.map { $0.isASCII ? UInt8($0.value) : 0 }
        guard found.allSatisfy(\.isASCIIDigit), (1...5).contains(found.count) else { return false }
        let isZero = found == [UInt8(ascii: "0")]
        if hasPlus || isInternational && digits.isEmpty {
            guard digits.isEmpty, found.count <= 3 else { return false }
            isInternational = true
        } else if isInternational || digits.starts(with: "00".utf8) {
            // Behind the country code.
            guard (1...3).contains(digits.count - (isInternational ? 0 : 2)) else { return false }
        } else {
            let hasTrunkZero = found.count == 3 && found[0] == UInt8(ascii: "0")
            switch String(decoding: digits, as: UTF8.self) {
            case "", "55": guard isZero || Phone.isAreaCode(found.dropFirst(hasTrunkZero ? 1 : 0)) else { return false }
            case "0": guard Phone.isAreaCode(found[...]) else { return false }
            default: return false
            }
            hasAreaCode = !isZero
        }
        hasParentheses = true
        // `+44 (0)20`: the zero is only for calls inside the country.
        if !isZero || digits.isEmpty { digits += found }
        rest = rest[(end + 1)...]
        return true
    }

    /// The ASCII character that this one means: a full-width form, a digit of any script, a space, a hyphen. Line
    /// breaks and tabs are no spaces.
    private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.isASCII { return scalar }
        switch scalar {
        case "\u{FF01}"..."\u{FF5E}": return Unicode.Scalar(UInt8(scalar.value - 0xFEE0))
        case "\u{FE62}", "\u{207A}", "\u{2795}": return "+"
        case "\u{2010}"..."\u{2013}", "\u{2212}", "\u{FE63}": return "-"
        default: break
        }
        let properties = scalar.properties
        if scalar.isDigit, let value = properties.numericValue {
            return Unicode.Scalar(UInt8(ascii: "0") + UInt8(value))
        }
        return properties.generalCategory == .spaceSeparator ? " " : scalar
    }
}
