/// How messages about one appointment stand to each other.
extension Template {
    /// Whether it tells what became of the appointment. A newer one of these for the same appointment, recipient and
    /// channel makes an unsent older one pointless. Payment messages stand apart: they neither replace nor are
    /// replaced.
    public var isStatusMessage: Bool {
        switch self {
        case .bookingConfirmed, .bookingConfirmedReceipt, .bookingRejected, .bookingRejectedReceipt,
            .bookingCancelled, .cancelledByClient, .cancelledByProfessional, .appointmentCompleted,
            .appointmentCompletedReceipt, .noShow, .noShowReceipt:
            true
        case .bookingRequest, .registrationInvite, .paymentConfirmed, .paymentConfirmedReceipt, .reminder24h,
            .reminder1h, .newMessageToClient, .newMessageToProfessional:
            false
        }
    }

    /// The status that the appointment must still have when the message goes out; nil where any will do.
    public var matchingStatus: Status? {
        switch self {
        case .bookingConfirmed, .bookingConfirmedReceipt, .reminder24h, .reminder1h: .confirmed
        case .bookingRejected, .bookingRejectedReceipt: .rejected
        case .bookingCancelled, .cancelledByClient, .cancelledByProfessional: .cancelled
        case .appointmentCompleted, .appointmentCompletedReceipt, .noShow, .noShowReceipt, .bookingRequest,
            .registrationInvite, .paymentConfirmed, .paymentConfirmedReceipt, .newMessageToClient,
            .newMessageToProfessional:
            nil
        }
    }

    /// Whether the message would be wrong by now.
    ///
    /// - Parameters:
    ///   - status: what the appointment's status is; nil for one that this program does not know.
    ///   - hasNewer: whether a newer status message for the same appointment, recipient and channel exists.
    public func isSuperseded(status: Status?, hasNewer: Bool) -> Bool {
        if let matchingStatus, matchingStatus != status { return true }
        return isStatusMessage && hasNewer
    }
}
