/// A point in time, UTC, in microseconds since 1970-01-01T00:00:00Z: the precision of `DATETIME(6)`.
public struct Instant: Sendable, Hashable, Comparable {
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// From the fields of a UTC date, as the database's binary protocol delivers them.
    public init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, microsecond: Int = 0) {
        let days = Instant.days(year: year, month: month, day: day)
        let seconds = Int64(days) * 86_400 + Int64(hour) * 3_600 + Int64(minute) * 60 + Int64(second)
        microseconds = seconds * 1_000_000 + Int64(microsecond)
    }

    /// Whole seconds since 1970, rounded down: what C's `time_t` holds.
    public var unixSeconds: Int64 { Instant.quotient(microseconds, 1_000_000) }

    /// `2026-12-01T17:00:00Z`; with six digits of fraction only where there is a fraction.
    public var iso8601: String { text(microseconds: false) }

    /// `2026-12-01T17:00:00.123456Z`, always with six digits.
    public var iso8601Microseconds: String { text(microseconds: true) }

    /// `2026-12-01 17:00:00.123456`, as MariaDB writes a `DATETIME(6)`.
    public var sql: String { String(iso8601Microseconds.dropLast()).replacing("T", with: " ") }

    private func text(microseconds: Bool) -> String {
        var bytes: [UInt8] = []
        append(to: &bytes, microseconds: microseconds)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `Tue, 01 Dec 2026 17:00:00 +0000`, as the header `Date` of an e-mail.
    public var rfc5322: String {
        let fields = self.fields
        let weekday = Int(dayNumber % 7 + 7) % 7
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(weekdays[weekday]), \(two(fields.day)) \(months[fields.month - 1]) \(fields.year) "
            + "\(two(fields.hour)):\(two(fields.minute)):\(two(fields.second)) +0000"
    }

    /// The fields of the UTC date, as `init(year:…)` takes them.
    public var fields: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, microsecond: Int) {
        let (seconds, days) = (unixSeconds, dayNumber)
        let (year, month, day) = Instant.civil(days: Int(days))
        let second = Int(seconds - days * 86_400)
        return (
            year, month, day, second / 3_600, second / 60 % 60, second % 60, Int(microseconds - seconds * 1_000_000)
        )
    }

    public func advanced(bySeconds seconds: Double) -> Instant {
        Instant(microseconds: microseconds + Int64(seconds * 1_000_000))
    }

    public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }

    /// Appends `iso8601` or `iso8601Microseconds`. A request writes a dozen of them, so without a string for each.
    func append(to bytes: inout [UInt8], microseconds withMicroseconds: Bool) {
        let fields = self.fields
        let hasFraction = withMicroseconds || fields.microsecond != 0
        let hasUsualYear = (0...9_999).contains(fields.year)
        if !hasUsualYear { bytes += "\(fields.year)-".utf8 }
        bytes.append(addingCapacity: 27) { out in
            func put(_ number: Int, _ after: Unicode.Scalar) {
                out.append(twoDigitsOf: number)
                out.append(UInt8(ascii: after))
            }
            if hasUsualYear {
                out.append(twoDigitsOf: fields.year / 100)
                put(fields.year % 100, "-")
            }
            put(fields.month, "-")
            put(fields.day, "T")
            put(fields.hour, ":")
            put(fields.minute, ":")
            put(fields.second, hasFraction ? "." : "Z")
            guard hasFraction else { return }
            out.append(twoDigitsOf: fields.microsecond / 10_000)
            out.append(twoDigitsOf: fields.microsecond / 100 % 100)
            put(fields.microsecond % 100, "Z")
        }
    }

    /// Days since 1970-01-01, rounded down.
    private var dayNumber: Int64 { Instant.quotient(unixSeconds, 86_400) }

    /// Division that rounds down, below zero too.
    private static func quotient(_ number: Int64, _ divisor: Int64) -> Int64 {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar. The year starts in March here, so that the
    /// leap day is its last day (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The inverse of `days(year:month:day:)`.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

extension OutputSpan<UInt8> {
    fileprivate mutating func append(twoDigitsOf number: Int) {
        append(UInt8(ascii: "0") + UInt8(number / 10))
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}

/// A wall-clock time in the zone that messages are shown in. Made outside this module, by the C library.
public struct CivilTime: Sendable, Equatable {
    public let year: Int
    /// From 1, as the day.
    public let month: Int
    public let day: Int
    public let hour: Int
    public let minute: Int
    /// 0 is Sunday.
    public let weekday: Int

    public init(year: Int, month: Int, day: Int, hour: Int, minute: Int, weekday: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.weekday = weekday
    }
}
