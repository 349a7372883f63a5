/// By what means a message travels. Raw values as in `outbox.channel`.
public enum Channel: String, Sendable, CaseIterable {
    case whatsapp, email
}

/// One of the two sides of an appointment. Raw values as in `outbox.recipient_role` and
/// `appointment_events.actor_role`.
public enum Role: String, Sendable, CaseIterable {
    case professional, client
}

/// The platform's catalogue of WhatsApp messages. Raw values as in `outbox.template`.
///
/// `bookingConfirmed` and `bookingRejected` exist as e-mails too. This endpoint sends fourteen of the nineteen;
/// `bookingRequest`, the two reminders and the two `newMessage…` are enqueued by the rest of the platform.
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

    /// Who reads it: it decides the layout, and whether a reply context is kept.
    public var audience: Role {
        switch self {
        case .bookingConfirmed, .bookingRejected, .bookingCancelled, .cancelledByProfessional, .registrationInvite,
            .paymentConfirmed, .appointmentCompleted, .noShow, .reminder24h, .reminder1h, .newMessageToClient:
            .client
        case .bookingRequest, .bookingConfirmedReceipt, .bookingRejectedReceipt, .cancelledByClient,
            .paymentConfirmedReceipt, .appointmentCompletedReceipt, .noShowReceipt, .newMessageToProfessional:
            .professional
        }
    }
}

/// What a message says: the facts as they were when it was enqueued, stored as JSON in `outbox.payload`.
///
/// Each property is a JSON key of the same name. Which keys a template needs is documented in docs/MESSAGES.md; keys
/// that a template does not know are ignored.
public struct MessagePayload: Sendable, Equatable {
    public var clientName: String?
    public var professionalName: String?
    /// When the appointment begins; ISO 8601, UTC.
    public var startsAt: Instant?
    /// The professional's public page, `{ODYS_APP_URL}/p/{slug}`.
    public var slug: String?
    /// Why, in the words of the one who acted.
    public var reason: String?
    /// Whether the text invites the client to register.
    public var invite: Bool
    /// The beginning of a chat message.
    public var preview: String?

    public init(
        clientName: String? = nil, professionalName: String? = nil, startsAt: Instant? = nil, slug: String? = nil,
        reason: String? = nil, invite: Bool = false, preview: String? = nil
    ) {
        self.clientName = clientName
        self.professionalName = professionalName
        self.startsAt = startsAt
        self.slug = slug
        self.reason = reason
        self.invite = invite
        self.preview = preview
    }

    /// Reads a stored payload; nil when it is not a JSON object or a known key has the wrong type.
    public init?(json: JSON) {
        guard case .object = json else { return nil }
        func text(_ name: String) -> String?? {
            switch json[name] {
            case nil, .null: .some(nil)
            case .string(let text): .some(text)
            case .bool, .integer, .number, .array, .object: nil
            }
        }
        guard let clientName = text("clientName"), let professionalName = text("professionalName"),
            let startsAt = text("startsAt"), let slug = text("slug"), let reason = text("reason"),
            let preview = text("preview")
        else { return nil }
        var instant: Instant?
        if let startsAt {
            guard let parsed = Instant(text: startsAt) else { return nil }
            instant = parsed
        }
        self.init(
            clientName: clientName, professionalName: professionalName, startsAt: instant, slug: slug,
            reason: reason, invite: json["invite"]?.bool ?? false, preview: preview)
    }

    /// The payload as it is stored, as JSON; absent facts are absent keys.
    public var bytes: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("clientName", ifPresent: clientName)
            json.member("professionalName", ifPresent: professionalName)
            if let startsAt { json.member("startsAt", startsAt) }
            json.member("slug", ifPresent: slug)
            json.member("reason", ifPresent: reason)
            if invite { json.member("invite", true) }
            json.member("preview", ifPresent: preview)
        }
        return json.bytes
    }
}
