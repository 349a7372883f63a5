// The closed lists of words under which things are counted and shown.

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
        case .notSent: .notSent
        case .unclear: .unclear
        case .permanent: .permanent
        case .unsendable: .unsendable
        case .notTried: .notTried
        case .misconfigured: .misconfigured
        case .sent, .skipped: nil
        }
    }
}
