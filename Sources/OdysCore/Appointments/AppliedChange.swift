/// How the transaction of an action ended.
public enum ActResult: Sendable, Equatable {
    case refused(Refusal)
    case changed(AppliedChange)
    /// The same request was carried out before, under its idempotency key. Nothing was done now.
    case replayed(StoredAnswer)
}

/// A change that is committed.
public struct AppliedChange: Sendable, Equatable {
    /// As it was before.
    public let appointment: Appointment
    public let decision: Decision
    public let version: Int
    public let at: Instant
    public let messages: [QueuedMessage]

    public init(
        appointment: Appointment, decision: Decision, version: Int, at: Instant, messages: [QueuedMessage]
    ) {
        self.appointment = appointment
        self.decision = decision
        self.version = version
        self.at = at
        self.messages = messages
    }
}

/// A row of `outbox` as the caller sees it.
public struct QueuedMessage: Sendable, Equatable {
    /// The message's identity over all attempts (`outbox.message_uid`).
    public let uid: String
    public let message: OutgoingMessage

    public init(uid: String, message: OutgoingMessage) {
        self.uid = uid
        self.message = message
    }
}
