import OdysCore
import Testing

@Suite struct PortugueseDateTests {
    @Test("long date: the first day of a month is an ordinal")
    func firstDayOfAMonthIsAnOrdinal() {
        let first = CivilTime(year: 2026, month: 12, day: 1, hour: 14, minute: 0, weekday: 2)
        let second = CivilTime(year: 2026, month: 12, day: 2, hour: 14, minute: 0, weekday: 3)
        #expect(PortugueseDate.long(first) == "terça-feira, 1º de dezembro de 2026")
        #expect(PortugueseDate.long(second) == "quarta-feira, 2 de dezembro de 2026")
    }

    @Test("long date: every month and every day of the week")
    func everyMonthAndEveryDayOfTheWeek() {
        let months = [
            "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
            "outubro",
            "novembro", "dezembro",
        ]
        for (index, name) in months.enumerated() {
            let time = CivilTime(year: 2027, month: index + 1, day: 31, hour: 0, minute: 0, weekday: 0)
            #expect(PortugueseDate.long(time) == "domingo, 31 de \(name) de 2027")
        }
        let days = [
            "domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira",
            "sábado",
        ]
        for (index, name) in days.enumerated() {
            let time = CivilTime(year: 2027, month: 1, day: 10, hour: 0, minute: 0, weekday: index)
            #expect(PortugueseDate.long(time) == "\(name), 10 de janeiro de 2027")
        }
    }

    @Test("short date, time: two digits each")
    func shortDateAndTimeHaveTwoDigits() {
        let time = CivilTime(year: 2026, month: 3, day: 7, hour: 8, minute: 5, weekday: 6)
        #expect(PortugueseDate.short(time) == "07/03/2026")
        #expect(PortugueseDate.time(time) == "08:05")
        let late = CivilTime(year: 2026, month: 12, day: 31, hour: 23, minute: 59, weekday: 4)
        #expect(PortugueseDate.short(late) == "31/12/2026")
        #expect(PortugueseDate.time(late) == "23:59")
    }
}
