/// The platform's catalogue of WhatsApp messages. Raw values as in `outbox.template`.
///
/// The actions enqueue fourteen of the nineteen; `bookingRequest`, the two reminders and the two `newMessage…` are
/// enqueued by the rest of the platform.
public enum Template: String, Sendable, CaseIterable {
    case bookingRequest = "booking_request"
    case bookingConfirmed = "booking_confirmed"
    case bookingConfirmedReceipt = "booking_confirmed_receipt"
    case bookingRejected = "booking_rejected"
    case bookingRejectedReceipt = "booking_rejected_receipt"
    case bookingCancelled = "booking_cancelled"
    case cancelledByClient = "cancelled_by_client"
    case cancelledByProfessional = "cancelled_by_professional"
    case registrationInvite = "registration_invite"
    case paymentConfirmed = "payment_confirmed"
    case paymentConfirmedReceipt = "payment_confirmed_receipt"
    case appointmentCompleted = "appointment_completed"
    case appointmentCompletedReceipt = "appointment_completed_receipt"
    case noShow = "no_show"
    case noShowReceipt = "no_show_receipt"
    case reminder24h = "reminder_24h"
    case reminder1h = "reminder_1h"
    case newMessageToClient = "new_message_to_client"
    case newMessageToProfessional = "new_message_to_professional"
}

/// What holds for one template: a row of the catalogue. Its sentences are in `Template.wording`.
public struct TemplateTraits: Sendable {
    /// Who reads it; decides the layout.
    public let audience: Role
    /// The first character in WhatsApp.
    let emoji: String
    /// What happened, in a few words: the bold part of a text's first line and the heading of an e-mail.
    let label: String
    /// The keys without which the message cannot be written.
    public let required: [PayloadKey]
    /// The keys that are used where they are given. Every other key is ignored.
    public let optional: [PayloadKey]
    /// How it stands to other messages about the same appointment.
    public let order: Order

    public enum Order: Sendable, Equatable {
        /// Neither replaces nor is replaced.
        case independent
        /// The same, but pointless once the appointment has another status.
        case whileStatus(Status)
        /// Tells what became of the appointment. It makes an unsent older one for the same appointment, recipient and
        /// channel pointless, and is pointless itself once the appointment has another status than this (nil: any).
        case statusMessage(Status?)
    }

    fileprivate init(
        _ audience: Role, _ emoji: String, _ label: String, _ required: [PayloadKey], uses optional: [PayloadKey] = [],
        _ order: Order = .independent
    ) {
        self.audience = audience
        self.emoji = emoji
        self.label = label
        self.required = required
        self.optional = optional
        self.order = order
    }
}

private let forProfessional: [PayloadKey] = [.clientName, .startsAt]
private let forClient: [PayloadKey] = [.clientName, .professionalName, .startsAt]
private let forClientLinked: [PayloadKey] = forClient + [.slug]

extension Template {
    /// The catalogue; docs/MESSAGES.md has it as a table for readers.
    public var traits: TemplateTraits {
        typealias Row = TemplateTraits
        return switch self {
        case .bookingRequest: Row(.professional, "🔔", "Novo pedido de agendamento", forProfessional)
        case .bookingConfirmed:
            Row(.client, "✅", "Agendamento confirmado", forClient, uses: [.invite], .statusMessage(.confirmed))
        case .bookingConfirmedReceipt:
            Row(.professional, "✅", "Agendamento confirmado", forProfessional, .statusMessage(.confirmed))
        case .bookingRejected:
            Row(.client, "❌", "Agendamento não confirmado", forClientLinked, uses: [.reason], .statusMessage(.rejected))
        case .bookingRejectedReceipt:
            Row(.professional, "❌", "Pedido de agendamento recusado", forProfessional, .statusMessage(.rejected))
        case .bookingCancelled: Row(.client, "❌", "Cancelamento registrado", forClient, .statusMessage(.cancelled))
        case .cancelledByClient:
            Row(
                .professional, "❌", "Agendamento cancelado por cliente", forProfessional, uses: [.reason],
                .statusMessage(.cancelled))
        case .cancelledByProfessional:
            Row(.client, "❌", "Agendamento cancelado", forClientLinked, uses: [.reason], .statusMessage(.cancelled))
        case .registrationInvite: Row(.client, "👋", "Crie sua conta", [.professionalName], uses: [.clientName])
        case .paymentConfirmed: Row(.client, "💳", "Pagamento confirmado", forClient)
        case .paymentConfirmedReceipt: Row(.professional, "💳", "Pagamento registrado", forProfessional)
        case .appointmentCompleted: Row(.client, "🌟", "Atendimento concluído", forClient, .statusMessage(nil))
        case .appointmentCompletedReceipt:
            Row(.professional, "🏁", "Atendimento concluído", forProfessional, .statusMessage(nil))
        case .noShow: Row(.client, "⚠️", "Ausência registrada", forClientLinked, .statusMessage(nil))
        case .noShowReceipt: Row(.professional, "⚠️", "Ausência registrada", forProfessional, .statusMessage(nil))
        case .reminder24h: Row(.client, "⏰", "Lembrete: falta um dia", forClient, .whileStatus(.confirmed))
        case .reminder1h: Row(.client, "⏰", "Lembrete: falta uma hora", forClient, .whileStatus(.confirmed))
        case .newMessageToClient:
            Row(.client, "💬", "Nova mensagem", [.professionalName], uses: [.clientName, .preview])
        case .newMessageToProfessional:
            Row(.professional, "💬", "Nova mensagem de cliente", [.clientName], uses: [.preview])
        }
    }

    /// Whether it is also sent as an e-mail, to a client who has an address.
    public var isEmail: Bool { self == .bookingConfirmed || self == .bookingRejected }
    public var isStatusMessage: Bool { if case .statusMessage = traits.order { true } else { false } }

    /// Whether the message would be wrong by now.
    ///
    /// - Parameters:
    ///   - status: what the appointment's status is; nil for one that this program does not know.
    ///   - hasNewer: whether a newer status message for the same appointment, recipient and channel exists.
    public func isSuperseded(status: Status?, hasNewer: Bool) -> Bool {
        switch traits.order {
        case .independent: false
        case .whileStatus(let expected): status != expected
        case .statusMessage(nil): hasNewer
        case .statusMessage(let expected): hasNewer || status != expected
        }
    }
}
