/// A side of an appointment. Raw values as in `outbox.recipient_role` and `appointment_events.actor_role`.
public enum Role: String, Sendable, CaseIterable {
    case professional, client
}
