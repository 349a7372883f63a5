/// Keeps the senders of one channel from wearing out their messages while the provider is away.
///
/// ```
/// closed ──5 failures in a row over 2 recipients, or a misconfiguration──► open (25 s) ──► probing: one message
///    ▲                                                                      ▲                │        │
///    └── the ramp has passed the pace ── ramp: 1, 2, 4 … messages a second ◄┼── it was taken ┘        │
///                                                                           └──── it was not ─────────┘
/// ```
///
/// Each process has its own; times are seconds on a clock that only goes forward.
public struct Breaker: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        /// Failures in a row, and the recipients they were for.
        case closed(failures: Int, recipients: Set<String>)
        case open(until: Double)
        case probing
        /// `claimed` messages were let through in the second that began at `secondBegan`.
        case ramp(allowance: Int, secondBegan: Double, claimed: Int)
    }

    public private(set) var state = State.closed(failures: 0, recipients: [])

    private let openSeconds: Double

    public init(_ pace: Pace = .standard) { openSeconds = pace.breakerOpen }

    /// Whether a sender may claim a message now; the claim counts.
    public mutating func permits(at now: Double) -> Bool {
        switch state {
        case .closed: return true
        case .open(let until):
            guard now >= until else { return false }
            state = .probing
            return true
        case .probing: return false
        case .ramp(let allowance, let secondBegan, let claimed):
            if now >= secondBegan + 1 {
                let next = allowance * 2
                state =
                    next > Limits.rampAllowanceMax
                    ? .closed(failures: 0, recipients: []) : .ramp(allowance: next, secondBegan: now, claimed: 1)
                return true
            }
            guard claimed < allowance else { return false }
            state = .ramp(allowance: allowance, secondBegan: secondBegan, claimed: claimed + 1)
            return true
        }
    }

    /// A permitted claim found nothing to send: it must not hold the probe.
    public mutating func returnPermit(at now: Double) { if case .probing = state { state = .open(until: now) } }

    /// Learns how an attempt ended. Returns true when the channel was just paused.
    public mutating func note(_ outcome: DeliveryOutcome, recipient: String, at now: Double) -> Bool {
        switch outcome {
        case .misconfigured:
            return open(at: now)
        case .notSent, .unclear:
            return noteFailure(recipient: recipient, at: now)
        case .notTried:
            returnPermit(at: now)
            return false
        // It says nothing yet of the channel. A probe has not shown that it works.
        case .refused:
            if case .probing = state { return open(at: now) }
            return false
        case .sent, .permanent, .unsendable, .skipped:
            switch state {
            case .closed: state = .closed(failures: 0, recipients: [])
            case .probing: state = .ramp(allowance: 1, secondBegan: now, claimed: 0)
            case .open, .ramp: break
            }
            return false
        }
    }

    private mutating func noteFailure(recipient: String, at now: Double) -> Bool {
        switch state {
        case .closed(let failures, let recipients):
            let recipients = recipients.count < 2 ? recipients.union([recipient]) : recipients
            guard failures + 1 >= Limits.breakerFailures, recipients.count >= 2 else {
                state = .closed(failures: failures + 1, recipients: recipients)
                return false
            }
            return open(at: now)
        case .probing, .ramp:
            return open(at: now)
        case .open:
            return false
        }
    }

    private mutating func open(at now: Double) -> Bool {
        if case .open = state { return false }
        state = .open(until: now + openSeconds)
        return true
    }
}

extension Breaker {
    /// The state without its numbers.
    public enum Phase: String, Sendable, CaseIterable {
        case closed, open, probing, ramp
    }

    public var phase: Phase {
        switch state {
        case .closed: .closed
        case .open: .open
        case .probing: .probing
        case .ramp: .ramp
        }
    }
}
