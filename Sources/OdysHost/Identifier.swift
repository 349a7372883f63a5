internal import Glibc
public import OdysCore
internal import Synchronization

/// New identifiers.
public enum Identifier {
    /// Random numbers that are not used yet: one system call serves a hundred requests.
    private static let random = Mutex<[UInt64]>([])
    private static let randomNumbers = 512

    public static func new() -> UniqueID {
        let numbers = random.withLock { random in
            if random.count < 2 {
                random = [UInt64](repeating: 0, count: randomNumbers)
                // arc4random(3): it always fills the buffer.
                arc4random_buf(&random, randomNumbers * MemoryLayout<UInt64>.size)
            }
            return (random.removeLast(), random.removeLast())
        }
        return UniqueID(milliseconds: UInt64(bitPattern: Clock.now.microseconds / 1_000), random: numbers)
    }

    public static func bytes() -> [UInt8] { new().bytes }

    public static func text() -> String { new().text }
}
