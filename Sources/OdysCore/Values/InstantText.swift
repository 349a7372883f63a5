extension Instant {
    /// Reads any date and time of RFC 3339, such as `2026-12-01T14:00:00.5-03:00`; of the fraction six digits count. A
    /// missing offset means UTC, because that is what `JSON_OBJECT('startsAt', starts_at)` produces.
    public init?(text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, Self.has(bytes[..<10], form: "0000-00-00"), "Tt ".utf8.contains(bytes[10]),
            Self.has(bytes[11..<19], form: "00:00:00")
        else { return nil }
        let (year, month, day) = (Self.number(bytes[..<4]), Self.number(bytes[5..<7]), Self.number(bytes[8..<10]))
        let (hour, minute) = (Self.number(bytes[11..<13]), Self.number(bytes[14..<16]))
        let written = Self.number(bytes[17..<19])
        let isLeapSecond = written == 60
        let second = isLeapSecond ? 59 : written
        var rest = bytes[19...]
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty else { return nil }
            fraction = Self.number(digits.prefix(6))
            for _ in digits.prefix(6).count..<6 { fraction *= 10 }
            rest = rest[digits.endIndex...]
        }
        guard let offset = Self.offsetSeconds(rest) else { return nil }
        let local = Instant(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        // 30 February is 1 or 2 March, and 24:00 the next day.
        let read = local.fields
        guard (read.year, read.month, read.day) == (year, month, day),
            (read.hour, read.minute, read.second) == (hour, minute, second)
        else { return nil }
        let seconds = local.microseconds / 1_000_000 - offset + (isLeapSecond ? 1 : 0)
        self.init(microseconds: seconds * 1_000_000 + Int64(fraction))
        // A leap second is the last one of a month, in UTC. Clocks show it as the first of the next.
        if isLeapSecond {
            let next = fields
            guard (next.day, next.hour, next.minute, next.second) == (1, 0, 0, 0) else { return nil }
        }
    }

    /// Seconds that the clock of the text is ahead of UTC; nil where the bytes are no offset.
    private static func offsetSeconds(_ bytes: ArraySlice<UInt8>) -> Int64? {
        if bytes.isEmpty || bytes.elementsEqual("Z".utf8) || bytes.elementsEqual("z".utf8) { return 0 }
        let isBehind = bytes.first == UInt8(ascii: "-")
        guard isBehind || bytes.first == UInt8(ascii: "+"), has(bytes.dropFirst(), form: "00:00") else { return nil }
        let (hours, minutes) = (number(bytes.dropFirst().prefix(2)), number(bytes.suffix(2)))
        guard hours <= 23, minutes <= 59 else { return nil }
        return Int64((hours * 60 + minutes) * (isBehind ? -60 : 60))
    }

    /// Whether the bytes are those of the form, with any digit where it has a 0.
    private static func has(_ bytes: ArraySlice<UInt8>, form: String) -> Bool {
        bytes.elementsEqual(form.utf8) { byte, form in form == UInt8(ascii: "0") ? byte.isASCIIDigit : byte == form }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int {
        digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
