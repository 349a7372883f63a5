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

    init(digits: [UInt8]) { self.digits = digits }

    /// Nil where what was typed is no number.
    init?(_ text: String) {
        digits.reserveCapacity(16)
        let isASCII = !text.utf8Span.span.bytes.contains({ $0 >= 0x80 }, inEight: { $0 & UInt64(repeating: 0x80) != 0 })
        var rest = (isASCII ? Array(text.utf8) : text.unicodeScalars.map(Self.folded))[...]
        scan: while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits.append(byte)
                // 15 behind `00` are the longest number.
                if digits.count > 17 { return nil }
            case UInt8(ascii: " "), UInt8(ascii: "."), UInt8(ascii: "-"):
                if !digits.isEmpty { breaks.append(digits.count) }
            case UInt8(ascii: "(") where takeParentheses(&rest): break
            // Whatever else stands behind a digit ends the number. A ² could be a digit of it.
            case _ where !digits.isEmpty:
                if byte == Self.otherNumber { return nil }
                break scan
            case UInt8(ascii: "+"): isInternational = true
            case UInt8(ascii: "("), Self.invisible: break
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
    private mutating func takeParentheses(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard !hasParentheses, let end = rest.firstIndex(of: UInt8(ascii: ")")) else { return false }
        var found = rest[..<end].filter {
            $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-")
        }
        let hasPlus = found.first == UInt8(ascii: "+")
        if hasPlus { found.removeFirst() }
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
            if digits.isEmpty || digits.elementsEqual("55".utf8) {
                guard isZero || Phone.isAreaCode(found.dropFirst(hasTrunkZero ? 1 : 0)) else { return false }
            } else {
                guard digits.elementsEqual("0".utf8), Phone.isAreaCode(found[...]) else { return false }
            }
            hasAreaCode = !isZero
        }
        hasParentheses = true
        // `+44 (0)20`: the zero is only for calls inside the country.
        if !isZero || digits.isEmpty { digits += found }
        rest = rest[(end + 1)...]
        return true
    }

    // What is no ASCII character, to `init`.
    private static let otherNumber: UInt8 = 0x80
    private static let invisible: UInt8 = 0x81
    private static let other: UInt8 = 0x82

    /// The ASCII character that this one means: a full-width form, a digit of any script, a space, a hyphen; else what
    /// it is. Line breaks and tabs are no spaces.
    private static func folded(_ scalar: Unicode.Scalar) -> UInt8 {
        if scalar.isASCII { return UInt8(scalar.value) }
        switch scalar {
        case "\u{FF01}"..."\u{FF5E}": return UInt8(scalar.value - 0xFEE0)
        case "\u{FE62}", "\u{207A}", "\u{2795}": return UInt8(ascii: "+")
        case "\u{2010}"..."\u{2013}", "\u{2212}", "\u{FE63}": return UInt8(ascii: "-")
        default: break
        }
        let properties = scalar.properties
        if scalar.isDigit, let value = properties.numericValue { return UInt8(ascii: "0") + UInt8(value) }
        if properties.generalCategory == .spaceSeparator { return UInt8(ascii: " ") }
        if properties.isDefaultIgnorableCodePoint { return invisible }
        return properties.numericType == nil ? other : otherNumber
    }
}
