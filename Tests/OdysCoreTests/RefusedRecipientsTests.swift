import Testing

@testable import OdysCore

@Suite struct RefusedRecipientsTests {
    private static let refused = DeliveryOutcome.refused(reason: "SMTP 554 5.7.1: RCPT refused")
    private static let permanent = DeliveryOutcome.permanent(reason: "SMTP 554 5.7.1: RCPT refused")
    private static let misconfigured = DeliveryOutcome.misconfigured(reason: "SMTP 554 5.7.1: RCPT refused")
    private static let sent = DeliveryOutcome.sent(providerID: nil, to: "x")

    /// Judges one attempt after the other.
    private static func judged(_ attempts: [(recipient: String, outcome: DeliveryOutcome)]) -> [DeliveryOutcome] {
        var recipients = RefusedRecipients()
        return attempts.map { recipients.judge($0.outcome, recipient: $0.recipient) }
    }

    @Test("refusals: one recipient alone → tried again, then permanent")
    func oneRecipientAlone() {
        #expect(Self.judged([("a", Self.refused), ("a", Self.refused)]) == [Self.refused, Self.permanent])
        // Its next message too.
        let more = Self.judged([("a", Self.refused), ("a", Self.refused), ("a", Self.refused)])
        #expect(more.last == Self.permanent)
    }

    @Test("refusals: two recipients in a row → misconfigured, until somebody is accepted")
    func twoInARow() {
        let all = ["a", "b", "a", "b", "c"].map { ($0, Self.refused) }
        #expect(Self.judged(all) == [Self.refused] + Array(repeating: Self.misconfigured, count: 4))
        // Dead or not, the first one was refused.
        let late = Self.judged([("a", Self.refused), ("a", Self.refused), ("b", Self.refused)])
        #expect(late == [Self.refused, Self.permanent, Self.misconfigured])
        let repaired = Self.judged(all + [("a", Self.sent), ("b", Self.sent), ("c", Self.sent), ("a", Self.refused)])
        #expect(repaired.last == Self.refused)
    }

    @Test("refusals: who is refused again after others were accepted is refused for good")
    func itsOwn() {
        let attempts = [("a", Self.refused), ("x", Self.sent), ("a", Self.refused), ("b", Self.refused)]
        #expect(Self.judged(attempts) == [Self.refused, Self.sent, Self.permanent, Self.refused])
        // Two of them, one after the other.
        let two = [
            ("a", Self.refused), ("b", Self.refused), ("x", Self.sent), ("b", Self.refused), ("a", Self.refused),
        ]
        #expect(Self.judged(two) == [Self.refused, Self.misconfigured, Self.sent, Self.permanent, Self.permanent])
    }

    @Test("refusals: other failures neither end a row nor make one")
    func otherFailures() {
        let others: [DeliveryOutcome] = [
            .notSent(reason: "r"), .unclear(reason: "r"), .permanent(reason: "r"), .unsendable(reason: "r"),
            .notTried(reason: "r"), .misconfigured(reason: "r"), .skipped(.unusableAddress),
        ]
        for other in others {
            let attempts = [("x", other), ("a", Self.refused), ("x", other), ("b", Self.refused)]
            #expect(Self.judged(attempts) == [other, Self.refused, other, Self.misconfigured])
        }
    }

    @Test("refusals: what is remembered is bounded")
    func memoryIsBounded() {
        var recipients = RefusedRecipients()
        for number in 0..<(3 * Limits.refusedRecipientsMax) {
            _ = recipients.judge(Self.refused, recipient: "\(number)")
            if number % 7 == 0 { _ = recipients.judge(Self.sent, recipient: "x") }
        }
        #expect(recipients.count <= 2 * Limits.refusedRecipientsMax)
    }
}
