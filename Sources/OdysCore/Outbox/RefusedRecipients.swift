/// Tells a refusal of everybody from one of a single recipient, where the provider's words fit both.
///
/// The first recipient refused is tried again soon. If another one is refused meanwhile and nobody accepted, the
/// provider refuses us, and the channel is misconfigured. Otherwise the second refusal is the recipient's own, and
/// final.
///
/// Each process has its own for a channel.
public struct RefusedRecipients: Sendable, Equatable {
    /// Since the last message that was accepted.
    private var inARow: Set<String> = []
    /// Before that: others were accepted after they had been refused.
    private var before: Set<String> = []

    public init() {}

    /// How many recipients are remembered.
    var count: Int { inARow.count + before.count }

    /// What an attempt's outcome means beside those of other recipients.
    public mutating func judge(_ outcome: DeliveryOutcome, recipient: String) -> DeliveryOutcome {
        switch outcome {
        case .sent:
            before.formUnion(inARow)
            before.remove(recipient)
            if before.count > Limits.refusedRecipientsMax { before = [] }
            inARow = []
            return outcome
        case .refused(let reason):
            if before.remove(recipient) != nil || inARow == [recipient] { return .permanent(reason: reason) }
            let isFirst = inARow.isEmpty
            if inARow.count < Limits.refusedRecipientsMax { inARow.insert(recipient) }
            return isFirst ? outcome : .misconfigured(reason: reason)
        case .notSent, .unclear, .permanent, .unsendable, .notTried, .misconfigured, .skipped:
            return outcome
        }
    }
}
