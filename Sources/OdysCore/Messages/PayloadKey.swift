/// The keys of a message's payload. Raw values as in the JSON of `outbox.payload`.
public enum PayloadKey: String, Sendable, CaseIterable {
    case clientName, professionalName, startsAt, slug, reason, invite, preview
}

extension Template {
    /// The keys without which this message cannot be written, in WhatsApp or as an e-mail.
    public var requiredKeys: [PayloadKey] {
        switch self {
        case .bookingRequest, .bookingConfirmedReceipt, .bookingRejectedReceipt, .cancelledByClient,
            .paymentConfirmedReceipt, .appointmentCompletedReceipt, .noShowReceipt:
            [.clientName, .startsAt]
        case .bookingConfirmed, .bookingCancelled, .paymentConfirmed, .appointmentCompleted, .reminder24h,
            .reminder1h:
            [.clientName, .professionalName, .startsAt]
        case .bookingRejected, .cancelledByProfessional, .noShow:
            [.clientName, .professionalName, .startsAt, .slug]
        case .registrationInvite, .newMessageToClient: [.professionalName]
        case .newMessageToProfessional: [.clientName]
        }
    }

    /// The keys that this message uses where they are given. Every other key is ignored.
    public var optionalKeys: [PayloadKey] {
        switch self {
        case .bookingConfirmed: [.invite]
        case .bookingRejected, .cancelledByClient, .cancelledByProfessional: [.reason]
        case .registrationInvite: [.clientName]
        case .newMessageToClient: [.clientName, .preview]
        case .newMessageToProfessional: [.preview]
        case .bookingRequest, .bookingConfirmedReceipt, .bookingRejectedReceipt, .bookingCancelled,
            .paymentConfirmed, .paymentConfirmedReceipt, .appointmentCompleted, .appointmentCompletedReceipt,
            .noShow, .noShowReceipt, .reminder24h, .reminder1h:
            []
        }
    }
}

extension MessagePayload {
    /// Whether a key is there. A name that is there but blank counts, since it has a fallback; a blank slug
    /// leads nowhere, so it does not.
    func has(_ key: PayloadKey) -> Bool {
        switch key {
        case .clientName: clientName != nil
        case .professionalName: professionalName != nil
        case .startsAt: startsAt != nil
        case .slug: slug.map { !$0.isEmpty } ?? false
        case .reason: reason != nil
        case .invite: invite
        case .preview: preview != nil
        }
    }
}
