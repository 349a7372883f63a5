public import OdysCore

/// A message as an operator sees it.
public struct OutboxEntry: Sendable {
    public let id: Int
    public let uid: String
    public let appointmentID: String?
    public let version: Int?
    public let channel: Channel
    public let role: Role
    public let recipient: String
    public let template: String
    public let state: OutboxState
    public let attempts: Int
    public let createdAt: Instant
    public let availableAt: Instant
    public let expiresAt: Instant
    public let finishedAt: Instant?
    public let providerID: String?
    public let lastError: String?
    /// Whether a sender has claimed it.
    public let isLeased: Bool
    /// When recipient and payload were deleted; it cannot be sent again.
    public let emptiedAt: Instant?
    public let payload: String

    /// Of `outbox o`, for `init`.
    static let columns = """
        o.id, o.message_uid, o.appointment_id, o.appointment_version, o.channel, o.recipient_role, o.recipient,
            o.template, o.state, o.attempts, o.created_at, o.available_at, o.expires_at, o.finished_at,
            o.provider_id, o.last_error,
            o.state = 'pending' AND o.lease_token IS NOT NULL AND o.available_at > UTC_TIMESTAMP(6),
            LEFT(o.payload, \(Limits.payloadScalarsMax)),
            o.emptied_at
        """

    init(_ row: Row) throws(StoreError) {
        id = try row.integer(0)
        uid = try row.text(1)
        appointmentID = try row.optionalText(2)
        version = try row.optionalInteger(3)
        channel = try row.value(4, as: Channel.self)
        role = try row.value(5, as: Role.self)
        recipient = try row.text(6)
        template = try row.text(7)
        state = try row.value(8, as: OutboxState.self)
        attempts = try row.integer(9)
        createdAt = try row.instant(10)
        availableAt = try row.instant(11)
        expiresAt = try row.instant(12)
        finishedAt = try row.optionalInstant(13)
        providerID = try row.optionalText(14)
        lastError = try row.optionalText(15)
        isLeased = try row.bool(16)
        payload = try row.text(17)
        emptiedAt = try row.optionalInstant(18)
    }
}
