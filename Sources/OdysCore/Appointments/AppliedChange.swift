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
}

extension AppliedChange {
    /// - Parameter makeUID: called once for each message.
    public init(_ decision: Decision, to appointment: Appointment, at: Instant, makeUID: () -> String) {
        let messages = decision.messages.map { QueuedMessage(uid: makeUID(), message: $0) }
        self.init(
            appointment: appointment, decision: decision, version: appointment.version + 1, at: at, messages: messages)
    }
}

/// A row of `outbox` as the caller sees it.
public struct QueuedMessage: Sendable, Equatable {
    /// The message's identity over all attempts (`outbox.message_uid`).
    public let uid: String
    public let message: OutgoingMessage
}
