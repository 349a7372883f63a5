internal import Glibc
public import OdysCore

/// The zone that messages show times in: the one place that asks the C library. glibc serves one zone for each
/// process, taken from `TZ` once, at start.
public enum LocalTime {
    private static let directory = "/usr/share/zoneinfo/"

    /// Makes the zone this process's local time. Called once, before any thread starts: `setenv` is not safe later.
    ///
    /// - Parameter zone: an IANA name.
    public static func use(zone: String) throws(SettingsError) {
        if let problem = problem(zone: zone) { throw SettingsError(problems: ["ODYS_TIME_ZONE: \(problem)"]) }
        // setenv(3) fails only without memory, for a valid name.
        setenv("TZ", zone, 1)
        tzset()
    }

    /// What is wrong with the name of a zone, or nil. One that this host does not know must be refused: glibc would
    /// take UTC without a word.
    public static func problem(zone: String) -> String? {
        let isPlainName = zone.utf8.allSatisfy { $0.isASCIIAlphanumeric || "/_-+".utf8.contains($0) }
        guard isPlainName, !zone.hasPrefix("/"), isZoneFile(directory + zone) else {
            return "'\(zone)' is not in \(directory); use an IANA name, and install tzdata"
        }
        return nil
    }

    /// Whether there is a compiled zone: such a file begins with `TZif` (RFC 9636). The directory holds others too.
    private static func isZoneFile(_ path: String) -> Bool {
        switch Environment.read(path) {
        case .success(let bytes): bytes.starts(with: "TZif".utf8)
        case .failure: false
        }
    }

    /// The wall-clock time of an instant in the zone.
    public static func civil(_ instant: Instant) -> CivilTime {
        // localtime_r(3): thread-safe, and fails only for years that an Instant does not reach.
        var seconds = time_t(instant.unixSeconds)
        var fields = tm()
        localtime_r(&seconds, &fields)
        return CivilTime(
            year: Int(fields.tm_year) + 1900, month: Int(fields.tm_mon) + 1, day: Int(fields.tm_mday),
            hour: Int(fields.tm_hour), minute: Int(fields.tm_min), weekday: Int(fields.tm_wday))
    }

    /// When the civil day of an instant begins, and when the next one does. Days may have 23 or 25 hours.
    public static func day(of instant: Instant) -> (start: Instant, end: Instant) {
        let today = civil(instant)
        func midnight(after days: Int32) -> Instant {
            // mktime(3): fields outside their range are normalised; a negative tm_isdst has it look up summer time. It
            // fails only for years that an Instant does not reach.
            var fields = tm()
            fields.tm_year = Int32(today.year - 1900)
            fields.tm_mon = Int32(today.month - 1)
            fields.tm_mday = Int32(today.day) + days
            fields.tm_isdst = -1
            return Instant(microseconds: Int64(mktime(&fields)) * 1_000_000)
        }
        return (midnight(after: 0), midnight(after: 1))
    }
}
