// Classes of ASCII characters, by bytes. `Character` has similar ones that also take other scripts.

extension UInt8 {
    public var isASCIIDigit: Bool { self &- 0x30 < 10 }
    public var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }
    public var isASCIIAlphanumeric: Bool { isASCIIDigit || isASCIILetter }

    /// The value of a hexadecimal digit in either case, or nil.
    public var hexDigitValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }

    /// The hexadecimal digit, in lower case, of a number below 16.
    public init(hexDigitOf number: UInt8) { self = number < 10 ? 0x30 + number : 0x57 + number }
}

extension Int {
    /// A number that is written in digits alone; `Int("+1")` would accept a sign too.
    public init?(digits text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy(\.isASCIIDigit) else { return nil }
        self.init(text)
    }
}

extension String {
    /// Percent-encoding (RFC 3986, 2.1) of every byte that is not an ASCII letter, a digit or one of `unreserved`.
    public func percentEncoded(keeping unreserved: String) -> String {
        let kept = Array(unreserved.utf8)
        var out: [UInt8] = []
        for byte in utf8 {
            if byte.isASCIIAlphanumeric || kept.contains(byte) {
                out.append(byte)
            } else {
                out += "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
