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
        // Bytes, since a string costs nearly twice as much to append to.
        var body: [UInt8] = []
        body.reserveCapacity(256)
        body += words.opening.utf8
        if let startsAt = payload.startsAt {
            let time = setting.civilTime(startsAt)
            body += " de ".utf8
            PortugueseDate.append(long: time, to: &body)
            body += (time.hour == 1 ? ", à " : ", às ").utf8
            body += PortugueseDate.time(time).utf8
            body += ",".utf8
        }
        body += words.statement.utf8
        if payload.professionalName != nil, audience == .client {
            body += " Profissional: ".utf8
            body += payload.shownProfessional.utf8
            body += ".".utf8
        }
        if payload.clientName != nil {
            body += " Cliente: ".utf8
            body += payload.shownClient.utf8
            body += ".".utf8
        }
        if self != .bookingConfirmed, let reason = payload.shownReason { body += " Motivo: \(reason)".utf8 }
        return (words.title, String(decoding: body, as: UTF8.self))
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
