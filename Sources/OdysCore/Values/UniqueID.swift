/// A UUID of version 7 (RFC 9562, 5.7): 48 bits of time, then random ones. Rows that are made one after another stand
/// side by side in their index, which a wholly random id would not allow.
public struct UniqueID: Sendable, Equatable {
    private let high: UInt64
    private let low: UInt64

    /// - Parameters:
    ///   - milliseconds: since 1970.
    ///   - random: of the first number 12 bits are used, of the second 62.
    public init(milliseconds: UInt64, random: (UInt64, UInt64)) {
        high = milliseconds << 16 | 0x7000 | random.0 & 0x0FFF
        low = 0x8000_0000_0000_0000 | random.1 & 0x3FFF_FFFF_FFFF_FFFF
    }

    private func byte(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - 8 * (index & 7)))
    }

    /// The 16 bytes.
    public var bytes: [UInt8] { (0..<16).map(byte) }

    /// 36 characters, lower case.
    public var text: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var place = 0
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[place] = UInt8(ascii: "-")
                    place += 1
                }
                text[place] = UInt8(hexDigitOf: byte(index) >> 4)
                text[place + 1] = UInt8(hexDigitOf: byte(index) & 15)
                place += 2
            }
            return place
        }
    }
}
