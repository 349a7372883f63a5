internal import Glibc
internal import OdysCore
internal import Synchronization

/// New identifiers.
public enum Identifier {
    /// Random bytes that are not used yet: one system call serves a hundred requests.
    private static let random = Mutex<[UInt8]>([])
    private static let randomBytes = 4_096

    /// The bytes of a UUID of version 7 (RFC 9562): 48 bits of time, then random ones. Rows that are made one after
    /// another stand side by side in their index, which a wholly random id would not allow.
    public static func bytes() -> [UInt8] {
        let milliseconds = UInt64(bitPattern: Clock.now.microseconds / 1_000)
        return [UInt8](unsafeUninitializedCapacity: 16) { bytes, count in
            for place in 0..<6 { bytes[place] = UInt8(truncatingIfNeeded: milliseconds >> UInt64(40 - 8 * place)) }
            random.withLock { random in
                if random.count < 10 {
                    random = [UInt8](repeating: 0, count: randomBytes)
                    // arc4random(3): it always fills the buffer.
                    arc4random_buf(&random, randomBytes)
                }
                for place in 6..<16 { bytes[place] = random[random.count - place + 5] }
                random.removeLast(10)
            }
            bytes[6] = 0x70 | bytes[6] & 0x0F
            bytes[8] = 0x80 | bytes[8] & 0x3F
            count = 16
        }
    }

    /// The same as text: 36 characters, lower case.
    public static func text() -> String { String(uuid: bytes()) }
}
