@testable import OdysCore

/// What the message tests share: a setting in the zone of São Paulo, and payloads with every key.
enum MessageSamples {
    static let setting = MessageSetting(appURL: "https://odys.com.br", civilTime: saoPaulo)

    static let payload = MessagePayload(
        clientName: "Ana Souza", professionalName: "Paula Lima",
        startsAt: Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0), slug: "paula-lima",
        reason: "Preciso viajar nesse dia.", preview: "Oi, tudo bem? Posso chegar 10 min antes?")

    /// UTC−3 without daylight saving: São Paulo since 2019.
    static let saoPaulo: @Sendable (Instant) -> CivilTime = { instant in
        let local = instant.advanced(bySeconds: -3 * 3_600)
        let fields = local.iso8601.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        let days = Int((Double(local.unixSeconds) / 86_400).rounded(.down))
        return CivilTime(
            year: fields[0], month: fields[1], day: fields[2], hour: fields[3], minute: fields[4],
            weekday: ((days + 4) % 7 + 7) % 7)
    }
}

extension MessagePayload {
    /// The same payload with some of it changed.
    func with(_ change: (inout MessagePayload) -> Void) -> MessagePayload {
        var copy = self
        change(&copy)
        return copy
    }
}
