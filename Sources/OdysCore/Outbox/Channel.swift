/// By what means a message travels. Raw values as in `outbox.channel`.
public enum Channel: String, Sendable, CaseIterable {
    case whatsapp, email
}
