/// Phone numbers, which are stored as people typed them.
public enum Phone {
    /// The digits that WhatsApp wants, country code first and without `+`; nil when the text is unusable.
    ///
    /// docs/MESSAGES.md, "Phones", has the rules. Where they leave something open, a wrong recipient is worse than
    /// none.
    ///
    /// Not for its own result: that has lost its `+`, and `14155552671` would be taken for a Brazilian number.
    /// What is read again, such as the recipient of a stored message, is kept as `stored` has it.
    public static func normalise(_ typed: String) -> String? {
        TypedPhone(typed).flatMap(number).map(text)
    }

    /// The digits, with a `+` where `normalise` needs one to make the same again; nil when the text is unusable.
    public static func stored(_ typed: String) -> String? {
        guard let digits = TypedPhone(typed).flatMap(number) else { return nil }
        // Nearly all are Brazilian numbers, which need no second look.
        let isStable = digits.starts(with: countryCode) || number(TypedPhone(digits: digits)) == digits
        return isStable ? text(digits) : "+" + text(digits)
    }

    private static func text(_ digits: [UInt8]) -> String { String(decoding: digits, as: UTF8.self) }

    private static func number(_ typed: TypedPhone) -> [UInt8]? {
        let digits = typed.digits
        if typed.isInternational { return international(typed, from: 0) }
        if digits.starts(with: "00".utf8) {
            // A number begins with no zero. What could be a mobile number of Brazil behind a zero too many could also
            // be one of Peru.
            let rest = digits[2...]
            let isDoubtful = rest.count == 11 && isAreaCode(rest.prefix(2)) && rest[4] == UInt8(ascii: "9")
            return rest.first == UInt8(ascii: "0") || isDoubtful ? nil : international(typed, from: 2)
        }
        // `1 415 555 2671` and `415 555 2671` are written as numbers of another country, without its `+`.
        let isTrunk = digits.first == UInt8(ascii: "0")
        if typed.breaks.first == 1, !isTrunk { return nil }
        if typed.breaks.first == 3, digits.count == 10 { return nil }
        if isTrunk || digits.count < 12 { return brazilian(typed, from: 0) }
        if digits.starts(with: countryCode) {
            // 55 is an area code too: `55 3222-1234 45`.
            let couldEndEarlier = typed.continues(from: 0) && digits[2] != UInt8(ascii: "0")
            return couldEndEarlier && !typed.breaks.contains(4) ? nil : brazilian(typed, from: 2)
        }
        return foreign(typed)
    }

    private static func international(_ typed: TypedPhone, from start: Int) -> [UInt8]? {
        let digits = typed.digits[start...]
        guard (8...15).contains(digits.count) else { return nil }
        return digits.starts(with: countryCode) ? brazilian(typed, from: start + 2) : Array(digits)
    }

    /// Without a `+`: 12 to 15 digits that are no Brazilian number with something behind it.
    private static func foreign(_ typed: TypedPhone) -> [UInt8]? {
        let digits = typed.digits
        guard (12...15).contains(digits.count), !typed.hasAreaCode else { return nil }
        if isAreaCode(digits.prefix(2)), digits[2] == UInt8(ascii: "9") || typed.continues(from: 0) { return nil }
        // The text's last word may be a number too.
        if typed.followsText, !typed.breaks.isEmpty { return nil }
        return digits
    }

    /// With the country code before it, if an area code and eight or nine digits stand from here on, perhaps behind a
    /// trunk zero.
    private static func brazilian(_ typed: TypedPhone, from start: Int) -> [UInt8]? {
        var national = typed.digits[start...]
        if national.first == UInt8(ascii: "0") { national.removeFirst() }
        guard (10...11).contains(national.count), isAreaCode(national.prefix(2)),
            !typed.continues(from: national.startIndex)
        else { return nil }
        return countryCode + national
    }

    private static let countryCode = Array("55".utf8)

    /// The 67 area codes of Brazil (Anatel).
    static let areaCodes: Set<Int> = [
        11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24, 27, 28, 31, 32, 33, 34, 35, 37, 38,
        41, 42, 43, 44, 45, 46, 47, 48, 49, 51, 53, 54, 55, 61, 62, 63, 64, 65, 66, 67, 68, 69,
        71, 73, 74, 75, 77, 79, 81, 82, 83, 84, 85, 86, 87, 88, 89, 91, 92, 93, 94, 95, 96, 97, 98, 99,
    ]

    private static let areAreaCodes = (0...99).map(areaCodes.contains)

    static func isAreaCode(_ digits: ArraySlice<UInt8>) -> Bool {
        digits.count == 2 && areAreaCodes[digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }]
    }
}
