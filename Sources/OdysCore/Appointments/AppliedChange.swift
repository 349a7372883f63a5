/// How the transaction of an action ended.
public enum ActResult: Sendable, Equatable {
    case refused(Refusal)
    case changed(AppliedChange)
    /// The same request was carried out before, under its idempotency key. Nothing was done now.
    case replayed(StoredAnswer)
}

/// A change that is committed. A class, since store, reply and answer hand it on, and each copy of a value would retain
/// all of its texts.
public final class AppliedChange: Sendable {
    /// As it was before.
    public let appointment: Appointment
    public let decision: Decision
    public let version: Int
    public let at: Instant
    public let messages: [QueuedMessage]

    /// - Parameter makeUID: called once for each message.
    public init(_ decision: Decision, to appointment: Appointment, at: Instant, makeUID: () -> String) {
        self.appointment = appointment
        self.decision = decision
        self.at = at
        version = appointment.version + 1
        messages = decision.messages.map { QueuedMessage(uid: makeUID(), message: $0) }
    }
}

extension AppliedChange: Equatable {
    public static func == (left: AppliedChange, right: AppliedChange) -> Bool {
        left.appointment == right.appointment && left.decision == right.decision && left.at == right.at
            && left.messages == right.messages
    }
}

/// A row of `outbox` as the caller sees it.
public struct QueuedMessage: Sendable, Equatable {
    /// The message's identity over all attempts (`outbox.message_uid`).
    public let uid: String
    public let message: OutgoingMessage
}
