// Classes of ASCII characters, by bytes. `Character` has similar ones that also take other scripts.

extension UInt8 {
    public var isASCIIDigit: Bool { self &- 0x30 < 10 }
    public var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }
    public var isASCIIAlphanumeric: Bool { isASCIIDigit || isASCIILetter }
    var isVisibleASCII: Bool { (0x21...0x7E).contains(self) }

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

extension [UInt8] {
    /// Appends a number in digits, without a string for it: each request writes a dozen.
    public mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var power: UInt = 1
        while number.magnitude / power >= 10 { power *= 10 }
        while power > 0 {
            append(UInt8(ascii: "0") + UInt8(number.magnitude / power % 10))
            power /= 10
        }
    }
}

extension RawSpan {
    /// Whether there is such a byte. Looks at eight at a time: most of what a request reads and writes comes here.
    @inline(__always) func contains(_ isOne: (UInt8) -> Bool, inEight hasOne: (UInt64) -> Bool) -> Bool {
        guard byteCount >= 8 else {
            return byteOffsets.contains { isOne(unsafeLoad(fromByteOffset: $0, as: UInt8.self)) }
        }
        var start = 0
        while start < byteCount {
            // The last eight overlap those before.
            let place = min(start, byteCount - 8)
            if hasOne(unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self)) { return true }
            start += 8
        }
        return false
    }
}

extension UInt64 {
    /// Eight times the same byte.
    init(repeating byte: UInt8) { self = UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Not 0 where one of the eight bytes is below a bound of at most 128 ("Bit Twiddling Hacks", "Determine if a word
    /// has a byte less than n").
    func bytes(below bound: UInt8) -> UInt64 { (self &- UInt64(repeating: bound)) & ~self & UInt64(repeating: 0x80) }
}
