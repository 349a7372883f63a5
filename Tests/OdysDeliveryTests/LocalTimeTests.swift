import OdysCore
import Testing

@testable import OdysHost

extension ProcessTests {
    /// Against the calendar of Brazil's summer times, which ended in 2019.
    @Suite(.serialized) struct LocalTimeTests {
        @Test(
            "local time: São Paulo, with its summer times until 2019",
            arguments: [
                // Summer 2017/18 begins and ends.
                ("2017-10-15T02:59:59Z", "2017-10-14 23:59 6"), ("2017-10-15T03:00:00Z", "2017-10-15 01:00 0"),
                ("2018-02-18T01:59:59Z", "2018-02-17 23:59 6"), ("2018-02-18T02:00:00Z", "2018-02-17 23:00 6"),
                // Summer 2018/19 begins: the hour from midnight does not exist.
                ("2018-11-04T02:59:59Z", "2018-11-03 23:59 6"), ("2018-11-04T03:00:00Z", "2018-11-04 01:00 0"),
                ("2018-12-25T12:00:00Z", "2018-12-25 10:00 2"),
                // It ends: the hour before midnight comes twice.
                ("2019-02-17T01:00:00Z", "2019-02-16 23:00 6"), ("2019-02-17T01:59:59.999999Z", "2019-02-16 23:59 6"),
                ("2019-02-17T02:00:00Z", "2019-02-16 23:00 6"), ("2019-02-17T02:59:59Z", "2019-02-16 23:59 6"),
                ("2019-02-17T03:00:00Z", "2019-02-17 00:00 0"),
                // No summer time since.
                ("2019-11-03T03:00:00Z", "2019-11-03 00:00 0"), ("2026-01-15T12:00:00Z", "2026-01-15 09:00 4"),
                ("2026-12-01T17:00:00Z", "2026-12-01 14:00 2"), ("2027-01-01T02:59:59Z", "2026-12-31 23:59 4"),
                ("2028-02-29T03:00:00Z", "2028-02-29 00:00 2"), ("2028-03-01T02:59:00Z", "2028-02-29 23:59 2"),
                // Before 1970, with a fraction that must not round up.
                ("1969-12-31T23:59:59.999999Z", "1969-12-31 20:59 3"), ("1970-01-01T00:00:00Z", "1969-12-31 21:00 3"),
            ])
        func saoPaulo(_ text: String, _ expected: String) throws {
            try LocalTime.use(zone: "America/Sao_Paulo")
            #expect(Self.text(LocalTime.civil(try #require(Instant(text: text)))) == expected)
        }

        @Test(
            "local time: other zones",
            arguments: [
                ("America/Manaus", "2026-12-01 13:00 2"), ("America/Noronha", "2026-12-01 15:00 2"),
                ("Asia/Tokyo", "2026-12-02 02:00 3"), ("Etc/GMT+3", "2026-12-01 14:00 2"),
                ("UTC", "2026-12-01 17:00 2"),
                ("America/Argentina/Buenos_Aires", "2026-12-01 14:00 2"), ("Asia/Kathmandu", "2026-12-01 22:45 2"),
            ])
        func otherZones(_ zone: String, _ expected: String) throws {
            try LocalTime.use(zone: zone)
            let instant = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
            #expect(Self.text(LocalTime.civil(instant)) == expected)
        }

        /// glibc would silently take these for UTC, or read any file.
        @Test(
            "ODYS_TIME_ZONE: an unknown zone is refused and changes nothing",
            arguments: [
                "America/Nowhere", "america/sao_paulo", "Sao_Paulo", "", " ", "America/Sao_Paulo ",
                "America/Sao_Paulo\n",
                "/etc/localtime", "/usr/share/zoneinfo/America/Sao_Paulo", "../zoneinfo/America/Sao_Paulo",
                "../../../etc/passwd",
                "America/../UTC", "./UTC", "America//../UTC", ":America/Sao_Paulo", "UTC\0", "<-03>3", "BRT3BRST",
                "EST5EDT,M3.2.0",
                "America", "America/", "America/Argentina", "zone.tab", "tzdata.zi", "leapseconds", "America/São_Paulo",
            ])
        func whatIsNoZoneIsRefusedAndChangesNothing(_ zone: String) throws {
            try LocalTime.use(zone: "America/Sao_Paulo")
            do throws(SettingsError) {
                try LocalTime.use(zone: zone)
                Issue.record("'\(zone)' was taken")
            } catch {
                #expect(error.problems.count == 1)
                #expect(error.problems.first?.hasPrefix("ODYS_TIME_ZONE: ") == true)
            }
            let instant = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
            #expect(Self.text(LocalTime.civil(instant)) == "2026-12-01 14:00 2")
        }

        private static func text(_ time: CivilTime) -> String {
            func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "\(time.year)-\(padded(time.month))-\(padded(time.day)) \(padded(time.hour)):\(padded(time.minute)) "
                + "\(time.weekday)"
        }
    }
}
