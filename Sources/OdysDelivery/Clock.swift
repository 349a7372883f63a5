internal import Glibc
public import OdysCore

/// This host's clocks. Rules never use them: they use the database's.
public enum Clock {
    /// Wall-clock time, for tokens and the header `Date`.
    public static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    /// Seconds on a clock that only goes forward, also while the host is suspended, for deadlines.
    public static var uptime: Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    public static func pause(milliseconds: Int) {
        usleep(UInt32(milliseconds) * 1_000)
    }
}

/// New identifiers.
public enum Identifier {
    /// The bytes of a UUID of version 7 (RFC 9562): 48 bits of time, then random ones. Rows that are made one after
    /// another stand side by side in their index, which a wholly random id would not allow.
    public static func bytes() -> [UInt8] {
        let milliseconds = UInt64(bitPattern: Clock.now.microseconds / 1_000)
        let high = milliseconds << 16 | 0x7000 | UInt64.random(in: 0...0xFFF)
        let low = UInt64.random(in: 0...UInt64.max) >> 2 | 0x8000_0000_0000_0000
        return [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    }

    /// The same as text: 36 characters, lower case.
    public static func text() -> String {
        let hex = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(36)
        for (index, byte) in bytes().enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { out.append(UInt8(ascii: "-")) }
            out.append(hex[Int(byte >> 4)])
            out.append(hex[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }
}
