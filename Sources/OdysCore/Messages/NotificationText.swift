/// The notices inside the platform. Raw values as in `notifications.type`.
public enum NotificationType: String, Sendable, CaseIterable {
    case bookingConfirmed = "booking_confirmed"
    case bookingRejected = "booking_rejected"
    case bookingCancelled = "booking_cancelled"

    /// Who finds it in the bell.
    public var audience: Role {
        switch self {
        case .bookingConfirmed, .bookingRejected: .client
        case .bookingCancelled: .professional
        }
    }

    /// Title and body in plain text: one line each, typed values cleaned, the date before any of them.
    ///
    /// A notice is written inside the transaction of an action, where all facts are known; it cannot fail.
    /// One that is missing all the same (a test's payload, say) is left out.
    public func text(_ payload: MessagePayload, _ setting: MessageSetting) -> (title: String, body: String) {
        var parts = [summary(payload.startsAt.map { when(setting.civilTime($0)) })]
        if let name = payload.professionalName, audience == .client {
            parts.append("Profissional: \(clean(name, "Profissional")).")
        }
        if let name = payload.clientName { parts.append("Cliente: \(clean(name, "Cliente")).") }
        if let reason = reason(payload) { parts.append("Motivo: \(reason)") }
        return (title, parts.joined(separator: " "))
    }

    private var title: String {
        switch self {
        case .bookingConfirmed: "Agendamento confirmado"
        case .bookingRejected: "Agendamento não confirmado"
        case .bookingCancelled: "Agendamento cancelado por cliente"
        }
    }

    private func summary(_ when: String?) -> String {
        let when = when.map { " de \($0)" } ?? ""
        return switch self {
        case .bookingConfirmed: "O horário\(when) está confirmado."
        case .bookingRejected: "O pedido para o horário\(when) não pôde ser confirmado."
        case .bookingCancelled: "O horário\(when) foi cancelado."
        }
    }

    private func reason(_ payload: MessagePayload) -> String? {
        switch self {
        case .bookingConfirmed: return nil
        case .bookingRejected, .bookingCancelled:
            let cleaned = TypedText.inline(payload.reason ?? "", scalarsMax: Limits.reasonScalarsMax)
            return cleaned.isEmpty ? nil : cleaned
        }
    }

    private func when(_ time: CivilTime) -> String {
        "\(PortugueseDate.long(time)), \(time.hour == 1 ? "à" : "às") \(PortugueseDate.time(time)),"
    }

    private func clean(_ name: String, _ fallback: String) -> String {
        TypedText.inline(name, scalarsMax: Limits.nameScalarsMax, fallback: fallback)
    }
}
