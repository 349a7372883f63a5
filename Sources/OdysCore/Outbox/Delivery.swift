/// A message that a sender has claimed and now owns until its lease ends.
public struct ClaimedMessage: Sendable, Equatable {
    public let id: Int
    /// The message's identity over all attempts, a UUID: the e-mail's Message-ID, and the name it has in logs.
    public let uid: String
    public let channel: Channel
    public let role: Role
    public let recipient: String
    /// As stored; a name that is not in the catalogue makes the message dead, not the sender.
    public let template: String
    public let payload: String
    public let appointmentID: String?
    /// The version of the appointment that the message tells of; nil where others enqueued it.
    public let appointmentVersion: Int?
    /// Requests made, this one included.
    public let attempts: Int
    /// Earlier attempts of which nobody knows whether they arrived.
    public let unclear: Int
    /// Claims in a row before this one that ended without a recorded outcome.
    public let lostClaims: Int
    public let isExpired: Bool
    /// Whether the message would be wrong by now (`Template.isSuperseded`).
    public let isSuperseded: Bool
    /// What makes settling conditional: whoever lost the lease changes nothing.
    public let leaseToken: [UInt8]

    public init(
        id: Int, uid: String, channel: Channel, role: Role, recipient: String, template: String, payload: String,
        appointmentID: String?, appointmentVersion: Int? = nil, attempts: Int, unclear: Int, lostClaims: Int,
        isExpired: Bool, isSuperseded: Bool = false, leaseToken: [UInt8]
    ) {
        self.id = id
        self.uid = uid
        self.channel = channel
        self.role = role
        self.recipient = recipient
        self.template = template
        self.payload = payload
        self.appointmentID = appointmentID
        self.appointmentVersion = appointmentVersion
        self.attempts = attempts
        self.unclear = unclear
        self.lostClaims = lostClaims
        self.isExpired = isExpired
        self.isSuperseded = isSuperseded
        self.leaseToken = leaseToken
    }
}

/// How an attempt to deliver ended. Reasons are words for the operator, without personal data.
public enum DeliveryOutcome: Sendable, Equatable {
    /// The provider took it, under this id where it gave one.
    case sent(providerID: String?, to: String)
    /// Certainly not taken; trying again is safe.
    case notSent(reason: String, retryAfterSeconds: Double? = nil)
    /// Nobody knows: the request was written, the answer did not come or did not say.
    case unclear(reason: String)
    /// This message will never be taken.
    case permanent(reason: String)
    /// Certainly not taken, either because of us or because of this recipient; `RefusedRecipients` finds out.
    case refused(reason: String)
    /// The row does not make a message; no request was made.
    case unsendable(reason: String)
    /// There was no time left for an attempt; no request was made.
    case notTried(reason: String)
    /// No message of this channel will be taken until somebody repairs the configuration.
    case misconfigured(reason: String)
    /// Not tried, for a reason that is not a failure.
    case skipped(SkipReason)
}

/// What becomes of the row.
public enum Settlement: Sendable, Equatable {
    case sent(providerID: String?, to: String)
    /// Stays pending and is due again after the delay. `counted` is false where no request was made that says
    /// anything about the message; `unclear` is true where it may have arrived.
    case retry(afterSeconds: Double, error: String, counted: Bool, unclear: Bool)
    /// `counted` is false where no request was made.
    case dead(error: String, counted: Bool = true)
    case skipped(SkipReason)
    case expired
    case superseded

    public var state: OutboxState {
        switch self {
        case .sent: .sent
        case .retry: .pending
        case .dead: .dead
        case .skipped: .skipped
        case .expired: .expired
        case .superseded: .superseded
        }
    }

    /// Whether the attempt stays counted. A claim counts one in advance; where no request was made it is given back.
    public var countsAttempt: Bool {
        switch self {
        case .sent: true
        case .retry(_, _, let counted, _), .dead(_, let counted): counted
        case .skipped, .expired, .superseded: false
        }
    }

    /// The settlement of a message that may have become pointless while it was in flight. Its successor waits for it,
    /// so it is not to wait for another attempt: it is due at once, to be claimed and found superseded.
    ///
    /// - Parameter isSuperseded: `Template.isSuperseded`, asked after the attempt.
    public func adjusted(isSuperseded: Bool) -> Settlement {
        guard isSuperseded, case .retry(_, let error, let counted, let unclear) = self else { return self }
        return .retry(afterSeconds: 0, error: error, counted: counted, unclear: unclear)
    }
}

extension ClaimedMessage {
    /// What the row becomes without an attempt, or nil when the message is to be sent now.
    public var settlementBeforeSending: Settlement? {
        if isExpired { return .expired }
        if isSuperseded { return .superseded }
        if lostClaims >= Limits.lostClaimsMax {
            return .dead(error: "poison: its senders died before they could say why", counted: false)
        }
        return nil
    }

    /// What the row becomes after an attempt.
    ///
    /// - Parameter jitter: evenly drawn from 0..<1.
    public func settle(_ outcome: DeliveryOutcome, jitter: Double, pace: Pace = .standard) -> Settlement {
        switch outcome {
        case .sent(let providerID, let recipient): .sent(providerID: providerID, to: recipient)
        case .notSent(let reason, let retryAfter):
            .retry(
                afterSeconds: max(pace.backoff(attempt: attempts, jitter: jitter), retryAfter ?? 0),
                error: reason, counted: true, unclear: false)
        case .unclear(let reason):
            unclear == 0
                ? .retry(
                    afterSeconds: pace.unclearRetry * (1 + jitter / 4), error: reason, counted: true, unclear: true)
                : .dead(error: "outcome_unknown")
        case .permanent(let reason):
            .dead(error: reason)
        // Not counted: either it met a misconfigured channel, or the second refusal counts.
        case .refused(let reason):
            .retry(afterSeconds: pace.refusedRetry, error: reason, counted: false, unclear: false)
        case .unsendable(let reason):
            .dead(error: reason, counted: false)
        case .notTried(let reason):
            .retry(afterSeconds: 0, error: reason, counted: false, unclear: false)
        case .misconfigured(let reason):
            .retry(
                afterSeconds: pace.misconfiguredRetry * (0.8 + jitter / 5), error: reason, counted: false,
                unclear: false)
        case .skipped(let reason): .skipped(reason)
        }
    }
}

extension DeliveryOutcome {
    /// How an attempt failed, without the provider's words.
    public enum Class: String, Sendable, CaseIterable {
        case notSent = "not_sent"
        case unclear, permanent, unsendable
        case notTried = "not_tried"
        case misconfigured
    }

    /// Nil where it did not fail.
    public var failureClass: Class? {
        switch self {
        case .notSent, .refused: .notSent
        case .unclear: .unclear
        case .permanent: .permanent
        case .unsendable: .unsendable
        case .notTried: .notTried
        case .misconfigured: .misconfigured
        case .sent, .skipped: nil
        }
    }
}
