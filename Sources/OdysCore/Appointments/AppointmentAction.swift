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
        switch (role, self) {
        case (.professional, _), (.client, .cancel): true
        case (.client, .confirm), (.client, .reject), (.client, .paid), (.client, .complete), (.client, .noShow): false
        }
    }

    /// Where the action leads from this state, or nil where it does not apply. This is the table of states.
    func target(from status: Status, _ payment: PaymentStatus) -> (status: Status, payment: PaymentStatus)? {
        let captured = payment == .none || payment == .authorized ? (status, PaymentStatus.captured) : nil
        return switch (status, self) {
        case (.pendingConfirmation, .confirm): (.confirmed, payment == .captured ? .captured : .authorized)
        case (.pendingConfirmation, .reject): (.rejected, .refunded)
        case (.pendingConfirmation, .cancel), (.confirmed, .cancel): (.cancelled, payment)
        case (.pendingConfirmation, .complete), (.confirmed, .complete): (.completed, payment)
        case (.pendingConfirmation, .noShow), (.confirmed, .noShow): (.noShow, payment)
        case (.pendingConfirmation, .paid), (.confirmed, .paid), (.completed, .paid), (.noShow, .paid): captured
        case (.confirmed, .confirm), (.confirmed, .reject): nil
        case (.completed, .confirm), (.completed, .reject), (.completed, .cancel), (.completed, .complete),
            (.completed, .noShow):
            nil
        case (.noShow, .confirm), (.noShow, .reject), (.noShow, .cancel), (.noShow, .complete), (.noShow, .noShow): nil
        case (.rejected, _), (.cancelled, _): nil
        }
    }
}
