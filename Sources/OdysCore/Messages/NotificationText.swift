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
    /// Cannot fail, because it is written inside the transaction of an action. All facts are known there; one that is
    /// missing all the same (in a test, say) is left out.
    public func text(_ payload: MessagePayload, _ setting: MessageSetting) -> (title: String, body: String) {
        let words = words
        var body = words.opening
        if let startsAt = payload.startsAt {
            let time = setting.civilTime(startsAt)
            body += " de \(PortugueseDate.long(time)), \(time.hour == 1 ? "à" : "às") \(PortugueseDate.time(time)),"
        }
        body += words.statement
        if payload.professionalName != nil, audience == .client {
            body += " Profissional: \(payload.shownProfessional)."
        }
        if payload.clientName != nil { body += " Cliente: \(payload.shownClient)." }
        if self != .bookingConfirmed, let reason = payload.shownReason { body += " Motivo: \(reason)" }
        return (words.title, body)
    }

    /// The title, the first sentence up to the time, and from there on.
    private var words: (title: String, opening: String, statement: String) {
        switch self {
        case .bookingConfirmed: ("Agendamento confirmado", "O horário", " está confirmado.")
        case .bookingRejected: ("Agendamento não confirmado", "O pedido para o horário", " não pôde ser confirmado.")
        case .bookingCancelled: ("Agendamento cancelado por cliente", "O horário", " foi cancelado.")
        }
    }
}
