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
