/// Dates and times as a Brazilian reader expects them.
public enum PortugueseDate {
    /// `terça-feira, 1º de dezembro de 2026`. Only the first day of a month is an ordinal.
    public static func long(_ time: CivilTime) -> String {
        var text: [UInt8] = []
        append(long: time, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The same at the end of another text, in UTF-8.
    static func append(long time: CivilTime, to text: inout [UInt8]) {
        let day = time.day == 1 ? "1º" : String(time.day)
        for part in [weekdays[time.weekday], ", ", day, " de ", months[time.month - 1], " de ", String(time.year)] {
            text += part.utf8
        }
    }

    /// `01/12/2026`.
    public static func short(_ time: CivilTime) -> String { "\(padded(time.day))/\(padded(time.month))/\(time.year)" }

    /// `14:00`.
    public static func time(_ time: CivilTime) -> String { padded(time.hour) + ":" + padded(time.minute) }

    private static let weekdays = [
        "domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado",
    ]

    private static let months = [
        "janeiro", "fevereiro", "março", "abril", "maio", "junho",
        "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
    ]

    private static func padded(_ number: Int) -> String { number < 10 ? "0" + String(number) : String(number) }
}
