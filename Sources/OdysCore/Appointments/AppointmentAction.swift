/// What can be asked of an appointment. Raw values as on the wire and in `appointment_events.action`.
public enum AppointmentAction: String, Sendable, CaseIterable {
    case confirm, reject, cancel, paid, complete
    case noShow = "no_show"

    /// The action of this wire name, compared by its bytes; nil when there is none.
    public init?(wire: String) {
        guard let action = AppointmentAction.allCases.first(where: { $0.rawValue.hasSameBytes(as: wire) })
        else { return nil }
        self = action
    }

    /// The action that makes an appointment have this status; nil where none does.
    public init?(leadingTo status: Status) {
        switch status {
        case .pendingConfirmation: return nil
        case .confirmed: self = .confirm
        case .rejected: self = .reject
        case .cancelled: self = .cancel
        case .completed: self = .complete
        case .noShow: self = .noShow
        }
    }

    /// Whether the reason that came with the request is kept with the event.
    public var keepsReason: Bool {
        switch self {
        case .reject, .cancel, .noShow: true
        case .confirm, .paid, .complete: false
        }
    }

    /// Whether this side may read the reason in the history: that of a no-show is the professional's own note.
    func showsReason(to role: Role) -> Bool {
        switch (self, role) {
        case (.noShow, .client): false
        case (.confirm, _), (.reject, _), (.cancel, _), (.paid, _), (.complete, _), (.noShow, .professional): true
        }
    }

    /// Whether the action speaks of a meeting that has begun.
    public var needsStart: Bool {
        switch self {
        case .complete, .noShow: true
        case .confirm, .reject, .cancel, .paid: false
        }
    }

    /// Whether the action takes the professional's time, which nothing else may hold then (`Status.holdsSlot`).
    var needsFreeSlot: Bool {
        switch self {
        case .confirm: true
        case .reject, .cancel, .paid, .complete, .noShow: false
        }
    }

    /// Hours from the event until its messages are no longer worth sending.
    var expiryHours: Int {
        switch self {
        case .confirm, .reject, .cancel: Limits.bookingExpiryHours
        case .paid, .complete, .noShow: Limits.paymentExpiryHours
        }
    }

    func isAllowed(for role: Role) -> Bool {
        switch (self, role) {
        case (.confirm, .professional), (.reject, .professional), (.cancel, .professional), (.cancel, .client),
            (.paid, .professional), (.complete, .professional), (.noShow, .professional):
            true
        case (.confirm, .client), (.reject, .client), (.paid, .client), (.complete, .client), (.noShow, .client):
            false
        }
    }

    /// Where the action leads from this state, or nil where it does not apply. This is the table of states.
    func target(from status: Status, _ payment: PaymentStatus) -> (status: Status, payment: PaymentStatus)? {
        switch (self, status) {
        case (.confirm, .pendingConfirmation):
            (.confirmed, payment == .captured ? .captured : .authorized)
        case (.reject, .pendingConfirmation):
            (.rejected, .refunded)
        case (.cancel, .pendingConfirmation), (.cancel, .confirmed):
            (.cancelled, payment)
        case (.paid, .pendingConfirmation), (.paid, .confirmed), (.paid, .completed), (.paid, .noShow):
            payment == .none || payment == .authorized ? (status, .captured) : nil
        case (.complete, .pendingConfirmation), (.complete, .confirmed):
            (.completed, payment)
        case (.noShow, .pendingConfirmation), (.noShow, .confirmed):
            (.noShow, payment)
        case (.confirm, .confirmed), (.confirm, .rejected), (.confirm, .cancelled), (.confirm, .completed),
            (.confirm, .noShow),
            (.reject, .confirmed), (.reject, .rejected), (.reject, .cancelled), (.reject, .completed),
            (.reject, .noShow),
            (.cancel, .rejected), (.cancel, .cancelled), (.cancel, .completed), (.cancel, .noShow),
            (.paid, .rejected), (.paid, .cancelled),
            (.complete, .rejected), (.complete, .cancelled), (.complete, .completed), (.complete, .noShow),
            (.noShow, .rejected), (.noShow, .cancelled), (.noShow, .completed), (.noShow, .noShow):
            nil
        }
    }
}
