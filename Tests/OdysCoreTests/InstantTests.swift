import Testing

@testable import OdysCore

@Suite struct InstantTests {
    /// Every day from 1900 to 2200, counted one by one: 1 January 1900 was a Monday, 25,567 days before 1970.
    private static func everyDay(_ body: (_ year: Int, _ month: Int, _ day: Int, _ number: Int) -> Void) {
        var number = -25_567
        for year in 1_900...2_200 {
            let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
            for (month, days) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                for day in 1...days {
                    body(year, month + 1, day, number)
                    number += 1
                }
            }
        }
    }

    private static func padded(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: width - digits.count) + digits
    }

    @Test("Instant: every day of three centuries, in all formats")
    func everyDayOfThreeCenturiesIsTheDayAfterTheLast() {
        let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var seen = 0
        var wrong: [String] = []
        Self.everyDay { year, month, day, number in
            // A different time on each day, so that all hours, minutes and seconds occur.
            let (hour, minute, second) = (seen % 24, seen % 60, (seen + 7) % 60)
            let micros = seen % 3 == 0 ? 0 : 1 + seen * 9 % 999_999
            let instant = Instant(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second, microsecond: micros)
            let seconds = number * 86_400 + hour * 3_600 + minute * 60 + second
            let clock = "\(Self.padded(hour)):\(Self.padded(minute)):\(Self.padded(second))"
            let date = "\(year)-\(Self.padded(month))-\(Self.padded(day))"
            let fraction = "." + Self.padded(micros, 6)
            let weekday = weekdays[(number + 25_567) % 7]
            let isRight =
                instant.microseconds == Int64(seconds) * 1_000_000 + Int64(micros)
                && instant.unixSeconds == Int64(seconds)
                && instant.iso8601 == "\(date)T\(clock)\(micros == 0 ? "" : fraction)Z"
                && instant.iso8601Microseconds == "\(date)T\(clock)\(fraction)Z"
                && instant.sql == "\(date) \(clock)\(fraction)"
                && instant.rfc5322 == "\(weekday), \(Self.padded(day)) \(months[month - 1]) \(year) \(clock) +0000"
                && Instant(text: instant.iso8601) == instant && Instant(text: instant.sql) == instant
            if !isRight { wrong.append(instant.iso8601Microseconds) }
            seen += 1
        }
        #expect(seen == 109_938)
        #expect(wrong.isEmpty, "\(wrong.count) of them, such as \(wrong.first ?? "")")
    }

    @Test(
        "Instant: ISO 8601 and Unix seconds at the edges",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z", 0), (1, "1970-01-01T00:00:00.000001Z", 0),
            (-1, "1969-12-31T23:59:59.999999Z", -1), (-1_000_000, "1969-12-31T23:59:59.000000Z", -1),
            (-1_000_001, "1969-12-31T23:59:58.999999Z", -2), (-86_400_000_000, "1969-12-31T00:00:00.000000Z", -86_400),
            (-86_400_000_001, "1969-12-30T23:59:59.999999Z", -86_401),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z", 951_782_399),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z", 951_782_400),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z", -62_135_596_800),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z", 253_402_300_799),
        ] as [(Int64, String, Int64)])
    func edges(_ microseconds: Int64, _ text: String, _ seconds: Int64) {
        let instant = Instant(microseconds: microseconds)
        #expect(instant.iso8601Microseconds == text)
        #expect(instant.unixSeconds == seconds)
        #expect(Instant(text: text) == instant)
    }

    @Test(
        "Instant: texts that are parsed",
        arguments: [
            ("2026-12-01T17:00:00Z", 0), ("2026-12-01 17:00:00", 0), ("2026-12-01T17:00:00", 0),
            ("2026-12-01 17:00:00Z", 0),
            ("2026-12-01T17:00:00.5Z", 500_000), ("2026-12-01 17:00:00.000000", 0), ("2026-12-01T17:00:00.12", 120_000),
            ("2026-12-01T17:00:00.000001Z", 1), ("2026-12-01T17:00:00.123456", 123_456),
            // RFC 3339, 5.6: letters of either case, any number of digits, any offset.
            ("2026-12-01t17:00:00z", 0), ("2026-12-01T17:00:00z", 0), ("2026-12-01T17:00:00+00:00", 0),
            ("2026-12-01T17:00:00-00:00", 0), ("2026-12-01T14:00:00-03:00", 0), ("2026-12-01 14:00:00-03:00", 0),
            ("2026-12-02T01:00:00+08:00", 0), ("2026-12-01T22:30:00+05:30", 0), ("2026-12-01T22:45:00+05:45", 0),
            ("2026-12-02T16:59:00+23:59", 0), ("2026-11-30T17:01:00-23:59", 0),
            ("2026-12-01T14:00:00.25-03:00", 250_000), ("2026-12-01T17:00:00.000+00:00", 0),
            ("2026-12-01T17:00:00.1234567Z", 123_456), ("2026-12-01T17:00:00.999999999999Z", 999_999),
        ])
    func formsThatAreRead(_ text: String, _ fraction: Int64) {
        // 1,796,144,400 is 20,788 days and 17 hours.
        #expect(Instant(text: text)?.microseconds == 1_796_144_400_000_000 + fraction)
    }

    @Test(
        "Instant: texts that are refused",
        arguments: [
            "", "2026", "2026-12-01", "2026-12-01T17:00", "2026-12-01T17:00Z", "20261201T170000Z",
            "2026-12-01T17:00:00 Z", "2026-12-01T17:00:00 +00:00", "2026-12-01T17:00:00+0000", "2026-12-01T17:00:00+00",
            "2026-12-01T17:00:00+3:00", "2026-12-01T17:00:00+03:0", "2026-12-01T17:00:00+03:00:00",
            "2026-12-01T17:00:00+24:00", "2026-12-01T17:00:00+03:60", "2026-12-01T17:00:00Z+00:00",
            "2026-12-01T17:00:00−03:00", "2026-12-01T17:00:00UTC", "2026-12-01T17:00:00[America/Sao_Paulo]",
            " 2026-12-01T17:00:00Z", "2026-12-01T17:00:00Z ", "2026-12-01T17:00:00ZZ", "2026-12-01T17:00:00.Z",
            "2026-12-01T17:00:00.", "2026-12-01T17:00:00,5Z", "2026-12-01T17:00:00.5 Z",
            "2026-12-01T17:00:00.-5Z", "2026/12/01T17:00:00Z", "2026-12-01T17-00-00Z", "2026-12-01_17:00:00Z",
            "2026-00-01T17:00:00Z", "2026-13-01T17:00:00Z", "2026-12-00T17:00:00Z", "2026-12-32T17:00:00Z",
            "2026-11-31T17:00:00Z", "2026-02-29T17:00:00Z", "2100-02-29T17:00:00Z", "1900-02-29T17:00:00Z",
            "2000-02-30T17:00:00Z", "2026-12-01T24:00:00Z", "2026-12-01T17:60:00Z", "2026-12-01T17:00:60Z",
            "-026-12-01T17:00:00Z", "+2026-12-01T17:00:00Z", "12026-12-01T17:00:00Z", "202a-12-01T17:00:00Z",
            "2026-1 -01T17:00:00Z", "2026-12-01T1 :00:00Z", "２026-12-01T17:00:00Z", "2026-12-01T17:00:00Z\0",
            "2026-12-01T17:00:00\n", "null",
        ])
    func formsThatAreNot(_ text: String) {
        #expect(Instant(text: text) == nil)
    }

    /// The examples of RFC 3339, 5.8.
    @Test(
        "Instant: a leap second is the last of a month in UTC, and read as the next second",
        arguments: [
            ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00Z"), ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z"), ("2026-12-01T17:00:60Z", nil),
            ("2026-12-01T23:59:60Z", nil), ("2026-12-31T23:59:60-03:00", nil), ("2026-12-31T23:59:61Z", nil),
            ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
            ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000Z"),
        ])
    func leapSeconds(_ text: String, _ expected: String?) {
        #expect(Instant(text: text)?.iso8601 == expected)
    }

    @Test("Instant: every offset of whole minutes is subtracted")
    func everyOffset() {
        let noon = Instant(year: 2026, month: 3, day: 1, hour: 12, minute: 0, second: 0)
        for minutes in 0..<1_440 {
            let clock = "\(Self.padded(minutes / 60)):\(Self.padded(minutes % 60))"
            for (sign, factor) in [("+", -60.0), ("-", 60.0)] {
                let read = Instant(text: "2026-03-01T12:00:00\(sign)\(clock)")
                #expect(read == noon.advanced(bySeconds: factor * Double(minutes)), "\(sign)\(clock)")
            }
        }
    }

    @Test("Instant: leap days from 1900 to 2200")
    func leapDaysAreThoseOfTheCalendar() {
        for year in 1_900...2_200 {
            let isLeap = Instant(text: "\(year)-02-29T00:00:00Z") != nil
            #expect(isLeap == (year % 4 == 0 && ![1_900, 2_100, 2_200].contains(year)))
        }
    }

    @Test("Instant: SQL texts sort as the instants do, and parse back")
    func textsInOrderAreInstantsInOrder() {
        var random = SplitMix64(seed: 9)
        let range = Int64(-62_135_596_800_000_000)...253_402_300_799_999_999
        for _ in 0..<5_000 {
            let one = Instant(microseconds: Int64.random(in: range, using: &random))
            let other = Instant(microseconds: Int64.random(in: range, using: &random))
            #expect((one < other) == (one.sql < other.sql))
            #expect(Instant(text: one.iso8601) == one)
        }
    }

    /// `DATETIME` ends with 9999; a sum may go beyond.
    @Test("Instant: years of five digits are written")
    func yearsOfFiveDigitsAreWritten() {
        let instant = Instant(year: 12_026, month: 1, day: 2, hour: 3, minute: 4, second: 5, microsecond: 6)
        #expect(instant.sql == "12026-01-02 03:04:05.000006")
        #expect(instant.iso8601Microseconds == "12026-01-02T03:04:05.000006Z")
        #expect(instant.rfc5322.hasSuffix(", 02 Jan 12026 03:04:05 +0000"))
    }

    @Test("Instant: seconds are added to the microsecond")
    func secondsAreAddedToTheMicrosecond() {
        let instant = Instant(year: 2024, month: 2, day: 28, hour: 23, minute: 59, second: 59, microsecond: 999_999)
        #expect(instant.advanced(bySeconds: 0.000_001).iso8601 == "2024-02-29T00:00:00Z")
        #expect(instant.advanced(bySeconds: -86_400).iso8601 == "2024-02-27T23:59:59.999999Z")
        #expect(instant.advanced(bySeconds: 0) == instant)
    }

    /// The example of RFC 5322's form, and days of the month below ten.
    @Test(
        "Instant: dates of RFC 5322",
        arguments: [
            ("2026-12-01T17:00:00Z", "Tue, 01 Dec 2026 17:00:00 +0000"),
            ("1969-12-31T23:59:59.5Z", "Wed, 31 Dec 1969 23:59:59 +0000"),
            ("1900-01-01T00:00:00Z", "Mon, 01 Jan 1900 00:00:00 +0000"),
            ("2200-02-28T01:02:03Z", "Fri, 28 Feb 2200 01:02:03 +0000"),
        ])
    func mailDates(_ text: String, _ date: String) {
        #expect(Instant(text: text)?.rfc5322 == date)
    }
}
