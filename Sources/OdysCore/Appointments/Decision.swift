/// What the rules say to a request.
public enum Verdict: Sendable, Equatable {
    case accepted(Decision)
    case refused(Refusal)
}

/// What an accepted action changes, and who hears of it: everything that one transaction writes.
public struct Decision: Sendable, Equatable {
    public let action: AppointmentAction
    public let actor: Role
    /// As it is stored with the event.
    public let reason: String?
    public let status: Status
    public let paymentStatus: PaymentStatus
    /// Whether no other appointment of the professional may hold the time.
    public let needsFreeSlot: Bool
    /// Whether unsent older status messages of the appointment become pointless by it.
    public let supersedes: Bool
    public let notification: InAppNotification?
    public let messages: [OutgoingMessage]
}

/// A row of `notifications`.
public struct InAppNotification: Sendable, Equatable {
    public let recipient: UserID
    public let recipientRole: Role
    public let type: NotificationType
    public let title: String
    public let body: String
}

/// A message to enqueue: a row of `outbox`.
public struct OutgoingMessage: Sendable, Equatable {
    public let role: Role
    public let channel: Channel
    public let template: Template
    /// Digits of a phone or an e-mail address; what was typed, where that is neither.
    public let recipient: String
    public let payload: MessagePayload
    /// Why the message cannot be addressed. Its row is written all the same, so that somebody can see it.
    public let skipped: SkipReason?
    public let expiryHours: Int

    /// `pending` or `skipped`, as in `outbox.state`.
    public var state: OutboxState { skipped == nil ? .pending : .skipped }
}

/// Why a message is not sent although nothing failed. Raw values as in `outbox.last_error`.
public enum SkipReason: String, Sendable, CaseIterable {
    case noPhone = "no_phone"
    case unusablePhone = "unusable_phone"
    case unusableAddress = "unusable_address"
    case channelOff = "channel_off"
}

/// The states of a message. Raw values as in `outbox.state`. `pending` can become any of the others; they are final.
public enum OutboxState: String, Sendable, CaseIterable {
    case pending, sent, dead, skipped, expired, superseded
}
