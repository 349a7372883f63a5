/// Phone numbers, which are stored as people typed them.
public enum Phone {
    /// The digits that WhatsApp wants, country code first and without `+`; nil when the text is unusable.
    ///
    /// docs/MESSAGES.md, "Phones", has the rule. Where it leaves something open, a wrong recipient is worse than none.
    ///
    /// Not for its own result: that has lost its `+`, and `14155552671` would be taken for a Brazilian number.
    /// What is read again, such as the recipient of a stored message, is kept as `stored` has it.
    public static func normalise(_ typed: String) -> String? {
        guard let (digits, isInternational) = read(typed) else { return nil }
        return normalise(digits, isInternational).map(text)
    }

    /// The digits, with a `+` where `normalise` needs one to make the same again; nil when the text is unusable.
    public static func stored(_ typed: String) -> String? {
        guard let (digits, isInternational) = read(typed), let number = normalise(digits, isInternational)
        else { return nil }
        // Of so many digits, and without a 0 in front, `normalise` leaves every one of its results as it is.
        let isUnmistakable = (12...15).contains(number.count) && number.first != UInt8(ascii: "0")
        return isUnmistakable ? text(number) : "+" + text(number)
    }

    private static func normalise(_ digits: [UInt8], _ isInternational: Bool) -> [UInt8]? {
        let isBrazilian = digits.count > 1 && digits[0] == UInt8(ascii: "5") && digits[1] == UInt8(ascii: "5")
        if isInternational {
            guard (8...15).contains(digits.count) else { return nil }
            return isBrazilian ? brazilian(digits.dropFirst(2)) : digits
        }
        switch digits.count {
        case 10, 11: return brazilian(digits.first == UInt8(ascii: "0") ? digits.dropFirst() : digits[...])
        case 12...15:
            if digits.first == UInt8(ascii: "0") { return brazilian(digits.dropFirst()) }
            return isBrazilian ? brazilian(digits.dropFirst(2)) : digits
        default: return nil
        }
    }

    /// The 67 area codes of Brazil (Anatel).
    static let areaCodes: Set<Int> = [
        11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24, 27, 28, 31, 32, 33, 34, 35, 37, 38,
        41, 42, 43, 44, 45, 46, 47, 48, 49, 51, 53, 54, 55, 61, 62, 63, 64, 65, 66, 67, 68, 69,
        71, 73, 74, 75, 77, 79, 81, 82, 83, 84, 85, 86, 87, 88, 89, 91, 92, 93, 94, 95, 96, 97, 98, 99,
    ]

    private static func read(_ typed: String) -> (digits: [UInt8], isInternational: Bool)? {
        var digits: [UInt8] = []
        digits.reserveCapacity(16)
        var isInternational = false
        var isInterrupted = false
        for scalar in typed.unicodeScalars {
            switch scalar {
            case "0"..."9":
                if isInterrupted || digits.count == 16 { return nil }
                digits.append(UInt8(scalar.value))
            case "+": if digits.isEmpty { isInternational = true }
            case ",", ";", "#", "*": if digits.count >= 8 { isInterrupted = true }
            default:
                if scalar.isDigit { return nil }
                if digits.count >= 8, scalar.isLetter { isInterrupted = true }
            }
        }
        return (digits, isInternational)
    }

    /// With the country code before it, if this is an area code and a number of eight or nine digits.
    private static func brazilian(_ national: ArraySlice<UInt8>) -> [UInt8]? {
        guard national.count == 10 || national.count == 11 else { return nil }
        let code = national.prefix(2).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return areaCodes.contains(code) ? [UInt8(ascii: "5"), UInt8(ascii: "5")] + national : nil
    }

    private static func text(_ digits: [UInt8]) -> String { String(decoding: digits, as: UTF8.self) }
}
