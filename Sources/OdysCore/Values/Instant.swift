/// A point in time, UTC, in microseconds since 1970-01-01T00:00:00Z: the precision of `DATETIME(6)`.
public struct Instant: Sendable, Hashable, Comparable {
    public let microseconds: Int64

    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// From the fields of a UTC date, as the database's binary protocol delivers them.
    public init(
        year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, microsecond: Int = 0
    ) {
        let days = Instant.days(year: year, month: month, day: day)
        let seconds = Int64(days) * 86_400 + Int64(hour) * 3_600 + Int64(minute) * 60 + Int64(second)
        microseconds = seconds * 1_000_000 + Int64(microsecond)
    }

    /// Reads `2026-12-01T17:00:00Z`, with an optional fraction. A space for the `T` and a missing `Z` are
    /// accepted too, because that is what `JSON_OBJECT('startsAt', starts_at)` produces; it is UTC in any case.
    public init?(text: String) {
        let bytes = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int? {
            guard from + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[from..<from + count] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return value
        }
        guard bytes.count >= 19, bytes[4] == 45, bytes[7] == 45, bytes[13] == 58, bytes[16] == 58,
            bytes[10] == 84 || bytes[10] == 32,
            let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
            let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2),
            (1...12).contains(month), (1...Instant.daysInMonth(year: year, month: month)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var rest = bytes[19...]
        var fraction = 0
        if rest.first == 46 {
            let digits = rest.dropFirst().prefix { $0 >= 48 && $0 <= 57 }
            guard !digits.isEmpty, digits.count <= 6 else { return nil }
            fraction = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
            for _ in digits.count..<6 { fraction *= 10 }
            rest = rest.dropFirst(1 + digits.count)
        }
        guard rest.isEmpty || rest.elementsEqual([90]) else { return nil }
        self.init(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, microsecond: fraction)
    }

    /// Whole seconds since 1970, rounded down: what C's `time_t` holds.
    public var unixSeconds: Int64 {
        microseconds >= 0 ? microseconds / 1_000_000 : -((-microseconds + 999_999) / 1_000_000)
    }

    /// `2026-12-01T17:00:00Z`; with six digits of fraction only where there is a fraction.
    public var iso8601: String {
        microseconds % 1_000_000 == 0 ? text("0000-00-00T00:00:00Z") : iso8601Microseconds
    }

    /// `2026-12-01T17:00:00.123456Z`, always with six digits.
    public var iso8601Microseconds: String {
        text("0000-00-00T00:00:00.000000Z")
    }

    /// `2026-12-01 17:00:00.123456`, as MariaDB writes a `DATETIME(6)`.
    public var sql: String {
        text("0000-00-00 00:00:00.000000")
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
        let (year, month, day) = Instant.civil(days: Int(dayNumber))
        let second = Int(unixSeconds - dayNumber * 86_400)
        return (
            year, month, day, second / 3_600, second / 60 % 60, second % 60,
            Int(microseconds - unixSeconds * 1_000_000)
        )
    }

    public func advanced(bySeconds seconds: Double) -> Instant {
        Instant(microseconds: microseconds + Int64(seconds * 1_000_000))
    }

    public static func < (left: Instant, right: Instant) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The same as `iso8601` or `iso8601Microseconds`, behind what is there.
    func append(to bytes: inout [UInt8], microseconds withMicroseconds: Bool) {
        let form: StaticString =
            withMicroseconds || microseconds % 1_000_000 != 0 ? "0000-00-00T00:00:00.000000Z" : "0000-00-00T00:00:00Z"
        guard hasFourDigitYear else {
            bytes += text(form).utf8
            return
        }
        bytes.append(addingCapacity: form.utf8CodeUnitCount) { span in
            span.withUnsafeMutableBufferPointer { buffer, count in
                fill(UnsafeMutableBufferPointer(rebasing: buffer[count...]), form)
                count += form.utf8CodeUnitCount
            }
        }
    }

    private static let fourDigitYears = -62_167_219_200_000_000..<253_402_300_800_000_000

    private var hasFourDigitYear: Bool { Instant.fourDigitYears.contains(Int(microseconds)) }

    /// A form with its zeros replaced, in one piece of memory: a request needs a dozen of these texts.
    private func text(_ form: StaticString) -> String {
        let text = String(unsafeUninitializedCapacity: form.utf8CodeUnitCount) { buffer in
            fill(buffer, form)
            return form.utf8CodeUnitCount
        }
        return hasFourDigitYear ? text : "\(fields.year)\(text.dropFirst(4))"
    }

    private func fill(_ buffer: UnsafeMutableBufferPointer<UInt8>, _ form: StaticString) {
        func put(_ number: Int, at start: Int, _ width: Int) {
            var rest = number
            for place in (start..<start + width).reversed() {
                buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
        }
        let fields = self.fields
        _ = form.withUTF8Buffer { buffer.update(fromContentsOf: $0) }
        put(abs(fields.year), at: 0, 4)
        put(fields.month, at: 5, 2)
        put(fields.day, at: 8, 2)
        put(fields.hour, at: 11, 2)
        put(fields.minute, at: 14, 2)
        put(fields.second, at: 17, 2)
        if buffer[19] == UInt8(ascii: ".") { put(fields.microsecond, at: 20, 6) }
    }

    /// Days since 1970-01-01, rounded down.
    private var dayNumber: Int64 {
        unixSeconds >= 0 ? unixSeconds / 86_400 : -((-unixSeconds + 86_399) / 86_400)
    }

    private static func daysInMonth(year: Int, month: Int) -> Int {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
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

/// A wall-clock time in the zone that messages are shown in. Made outside this module, by the C library.
public struct CivilTime: Sendable, Equatable {
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
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
