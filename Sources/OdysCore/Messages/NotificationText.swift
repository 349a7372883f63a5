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
        var body = opening
        body.reserveCapacity(256)
        if let startsAt = payload.startsAt { appendTime(setting.civilTime(startsAt), to: &body) }
        body += statement
        if let name = payload.professionalName, audience == .client {
            body += " Profissional: "
            body += clean(name, "Profissional")
            body += "."
        }
        if let name = payload.clientName {
            body += " Cliente: "
            body += clean(name, "Cliente")
            body += "."
        }
        if let reason = reason(payload) { body += " Motivo: \(reason)" }
        return (title, body)
    }

    private var title: String {
        switch self {
        case .bookingConfirmed: "Agendamento confirmado"
        case .bookingRejected: "Agendamento não confirmado"
        case .bookingCancelled: "Agendamento cancelado por cliente"
        }
    }

    /// The first sentence up to the time, and from there on.
    private var opening: String {
        switch self {
        case .bookingConfirmed, .bookingCancelled: "O horário"
        case .bookingRejected: "O pedido para o horário"
        }
    }

    private var statement: String {
        switch self {
        case .bookingConfirmed: " está confirmado."
        case .bookingRejected: " não pôde ser confirmado."
        case .bookingCancelled: " foi cancelado."
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

    private func appendTime(_ time: CivilTime, to body: inout String) {
        body += " de "
        body += PortugueseDate.long(time)
        body += time.hour == 1 ? ", à " : ", às "
        body += PortugueseDate.time(time)
        body += ","
    }

    private func clean(_ name: String, _ fallback: String) -> String {
        TypedText.inline(name, scalarsMax: Limits.nameScalarsMax, fallback: fallback)
    }
}
