internal import Glibc
public import OdysCore

/// This host's clocks. Rules never use them: they use the database's.
public enum Clock {
    /// Wall-clock time, for tokens and the header `Date`.
    public static var now: Instant { Instant(microseconds: microseconds(CLOCK_REALTIME)) }

    /// Seconds on a clock that only goes forward, also while the host is suspended, for deadlines.
    public static var uptime: Double { Double(microseconds(CLOCK_BOOTTIME)) / 1e6 }

    /// The clock of systemd's `MONOTONIC_USEC`.
    public static var monotonicMicroseconds: Int64 { microseconds(CLOCK_MONOTONIC) }

    /// clock_gettime(2) fails only for clocks that the system does not have.
    private static func microseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// A signal may end the pause early.
    public static func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1_000) }
}
