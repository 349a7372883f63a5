import Testing

@testable import OdysCore

@Suite struct BreakerTests {
    private let failure = DeliveryOutcome.notSent(reason: "HTTP 503")
    private let success = DeliveryOutcome.sent(providerID: "p", to: "1")

    @Test("breaker: five failures in a row to two recipients open it, one probe after 25 s")
    func fiveFailuresInARowOverTwoRecipientsOpenIt() {
        let breaker = Tried()
        for attempt in 1...5 {
            #expect(breaker.permits(at: 0))
            #expect(breaker.note(failure, recipient: "\(attempt % 2)", at: 0) == (attempt == 5))
        }
        #expect(!breaker.permits(at: 24.9))
        #expect(breaker.permits(at: 25))
        // The one probe is out.
        #expect(!breaker.permits(at: 25))
    }

    @Test("breaker: failures of a single recipient do not open it")
    func oneRecipientsTroubleIsNotTheChannels() {
        let breaker = Tried()
        for _ in 0..<100 { #expect(!breaker.note(failure, recipient: "1", at: 0)) }
        #expect(breaker.permits(at: 0))
    }

    @Test("breaker: a success resets the count of failures")
    func aSuccessBetweenFailuresKeepsItClosed() {
        let breaker = Tried()
        for attempt in 0..<100 {
            #expect(!breaker.note(failure, recipient: "\(attempt)", at: 0))
            if attempt % 4 == 3 { #expect(!breaker.note(success, recipient: "1", at: 0)) }
        }
        #expect(breaker.permits(at: 0))
    }

    @Test("breaker: a misconfiguration opens it at once")
    func aMisconfigurationOpensItAtOnce() {
        let breaker = Tried()
        #expect(breaker.note(.misconfigured(reason: "401"), recipient: "1", at: 0))
        #expect(!breaker.permits(at: 1))
    }

    @Test("breaker: a failed probe opens it again")
    func aFailedProbeOpensItAgain() {
        let breaker = opened()
        #expect(breaker.permits(at: 25))
        #expect(breaker.note(failure, recipient: "1", at: 26))
        #expect(!breaker.permits(at: 50.9))
        #expect(breaker.permits(at: 51))
    }

    @Test("breaker: a returned probe permit can be taken again")
    func aProbeThatFoundNothingIsNotLost() {
        let breaker = opened()
        #expect(breaker.permits(at: 25))
        breaker.returnPermit(at: 25)
        #expect(breaker.permits(at: 25))
    }

    @Test("breaker: after a successful probe the rate doubles each second, then it closes")
    func afterAProbeItRampsUpAndCloses() {
        let breaker = opened()
        #expect(breaker.permits(at: 25))
        #expect(!breaker.note(success, recipient: "1", at: 25))
        var perSecond: [Int] = []
        for second in 0..<8 {
            var permitted = 0
            while permitted < 1_000, breaker.permits(at: 25 + Double(second)) { permitted += 1 }
            perSecond.append(permitted)
        }
        #expect(perSecond == [1, 2, 4, 8, 16, 32, 64, 1_000])
    }

    @Test("breaker: a failure during the ramp opens it again")
    func aFailureDuringTheRampOpensItAgain() {
        let breaker = opened()
        #expect(breaker.permits(at: 25))
        #expect(!breaker.note(success, recipient: "1", at: 25))
        #expect(breaker.note(failure, recipient: "1", at: 25.5))
        #expect(!breaker.permits(at: 26))
    }

    @Test("breaker: permanent and skipped outcomes are not failures")
    func whatSaysNothingOfTheProviderIsNoFailure() {
        let breaker = Tried()
        for recipient in 0..<50 {
            #expect(!breaker.note(.permanent(reason: "no such number"), recipient: "\(recipient)", at: 0))
            #expect(!breaker.note(.skipped(.channelOff), recipient: "\(recipient)", at: 0))
        }
        #expect(breaker.permits(at: 0))
    }

    @Test("breaker: a refusal not understood yet is no failure, but no success of a probe either")
    func aRefusalThatIsNotUnderstoodYet() {
        let refused = DeliveryOutcome.refused(reason: "SMTP 554 5.7.1: RCPT refused")
        let closed = Tried()
        for recipient in 0..<50 { #expect(!closed.note(refused, recipient: "\(recipient)", at: 0)) }
        #expect(closed.permits(at: 0))
        let breaker = opened()
        #expect(breaker.permits(at: 25))
        #expect(breaker.note(refused, recipient: "1", at: 25))
        #expect(!breaker.permits(at: 49.9) && breaker.permits(at: 50))
    }

    private func opened() -> Tried {
        let breaker = Tried()
        for recipient in 0..<5 { _ = breaker.note(failure, recipient: "\(recipient)", at: 0) }
        return breaker
    }
}

/// A breaker behind a reference: an expectation cannot call what mutates a value.
private final class Tried {
    private var breaker = Breaker()

    func permits(at now: Double) -> Bool { breaker.permits(at: now) }
    func returnPermit(at now: Double) { breaker.returnPermit(at: now) }
    func note(_ outcome: DeliveryOutcome, recipient: String, at now: Double) -> Bool {
        breaker.note(outcome, recipient: recipient, at: now)
    }
}
