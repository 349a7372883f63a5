import Foundation
import Testing

@testable import OdysCore

@Suite struct DeliveryTests {
    private static let jitters = (0..<1_000).map { Double($0) / 1_000 } + [0.999_999_999]

    // MARK: What becomes of a row

    @Test("settle: sent, permanent and skipped are final")
    func whatIsFinalStaysAsItWasSaid() {
        for attempts in [1, 2, 50] {
            for unclear in [0, 1] {
                let message = ClaimedMessage.sample(attempts: attempts, unclear: unclear)
                for jitter in [0, 0.5, 0.999] {
                    #expect(
                        message.settle(.sent(providerID: "id", to: "55"), jitter: jitter)
                            == .sent(providerID: "id", to: "55"))
                    #expect(message.settle(.permanent(reason: "r"), jitter: jitter) == .dead(error: "r"))
                    for reason in SkipReason.allCases {
                        #expect(message.settle(.skipped(reason), jitter: jitter) == .skipped(reason))
                    }
                }
            }
        }
    }

    @Test("settle: not sent → retry after the backoff or Retry-After, whichever is longer")
    func whatWasNotSentComesBackAfterTheBackoffOrAsAsked() {
        for attempts in 1...30 {
            let message = ClaimedMessage.sample(attempts: attempts, unclear: attempts % 2)
            for jitter in [0, 0.25, 0.999] {
                let backoff = Pace.standard.backoff(attempt: attempts, jitter: jitter)
                let table: [(Double?, Double)] = [
                    (nil, backoff), (0, backoff), (-5, backoff), (backoff / 2, backoff), (backoff + 1, backoff + 1),
                    (3_600, max(backoff, 3_600)),
                ]
                for (asked, seconds) in table {
                    #expect(
                        message.settle(.notSent(reason: "r", retryAfterSeconds: asked), jitter: jitter)
                            == .retry(afterSeconds: seconds, error: "r", counted: true, unclear: false))
                }
            }
        }
    }

    @Test("settle: unclear once → retry, twice → dead")
    func whatIsUnclearIsSentOnceMoreAndThenNeverAgain() {
        for attempts in [1, 2, 9] {
            for jitter in Self.jitters {
                let first = ClaimedMessage.sample(attempts: attempts).settle(.unclear(reason: "r"), jitter: jitter)
                guard case .retry(let seconds, "r", true, true) = first else {
                    Issue.record("\(first)")
                    return
                }
                #expect(seconds >= 30 && seconds <= 60)
            }
            for unclear in 1...3 {
                let again = ClaimedMessage.sample(attempts: attempts, unclear: unclear)
                #expect(again.settle(.unclear(reason: "r"), jitter: 0.5) == .dead(error: "outcome_unknown"))
                // A refusal after that is still a refusal, and a failure to connect still a reason to try.
                #expect(again.settle(.permanent(reason: "r"), jitter: 0.5) == .dead(error: "r"))
                #expect(again.settle(.notSent(reason: "r"), jitter: 0.5).state == .pending)
            }
        }
    }

    @Test("settle: refused, perhaps because of us → uncounted retry after 5 s")
    func aRefusalThatIsNotUnderstoodYetIsTriedAgainSoon() {
        for attempts in [1, 2, 40] {
            let settlement = ClaimedMessage.sample(attempts: attempts).settle(.refused(reason: "r"), jitter: 0.5)
            #expect(settlement == .retry(afterSeconds: 5, error: "r", counted: false, unclear: false))
        }
    }

    @Test("settle: misconfigured → uncounted retry within 30 s")
    func aMisconfiguredChannelGivesTheAttemptBackAndIsProbedWithinThirtySeconds() {
        for attempts in [1, 2, 40] {
            for unclear in [0, 1] {
                for jitter in Self.jitters {
                    let settlement = ClaimedMessage.sample(attempts: attempts, unclear: unclear)
                        .settle(.misconfigured(reason: "r"), jitter: jitter)
                    guard case .retry(let seconds, "r", false, false) = settlement else {
                        Issue.record("\(settlement)")
                        return
                    }
                    #expect(seconds >= 10 && seconds <= 30)
                }
            }
        }
    }

    @Test("before sending: expired, superseded and five lost claims are settled unsent")
    func anExpiredSupersededOrPoisonousMessageIsNotSent() {
        for lost in 0...8 {
            let message = ClaimedMessage.sample(lostClaims: lost)
            #expect(message.settlementBeforeSending?.state == (lost >= 5 ? .dead : nil))
            let superseded = ClaimedMessage.sample(lostClaims: lost, isSuperseded: true)
            #expect(superseded.settlementBeforeSending == .superseded)
            let expired = ClaimedMessage.sample(lostClaims: lost, isExpired: true)
            #expect(expired.settlementBeforeSending == .expired)
        }
    }

    @Test("settlement: the outbox state of each")
    func statesAreThoseOfTheTable() {
        let table: [(Settlement, OutboxState)] = [
            (.sent(providerID: nil, to: "a"), .sent), (.dead(error: "e"), .dead), (.skipped(.noPhone), .skipped),
            (.expired, .expired), (.superseded, .superseded),
            (.retry(afterSeconds: 1, error: "e", counted: true, unclear: false), .pending),
        ]
        for (settlement, state) in table { #expect(settlement.state == state) }
    }

    @Test("lease: longer than the longest send of any channel, with a margin")
    func aLeaseOutlivesASend() {
        #expect(Limits.leaseSeconds <= 60)
        // One truth for all channels: a host suspended between claim and send must not overlap its successor.
        for channel in Channel.allCases {
            #expect(Pace.standard.longestSend(channel) <= Double(Limits.leaseSeconds) - 20)
        }
        #expect(Pace.standard.longestSend(.whatsapp) == Double(2 * (Limits.sendSeconds + Limits.versionSeconds)))
        #expect(Pace.standard.longestSend(.email) == Double(Limits.sendSeconds + 2 * Limits.mailAnswerSeconds))
        #expect(Limits.sendConnectSeconds < Limits.sendSeconds)
    }

    // MARK: Backoff

    @Test(
        "backoff: doubles from 5 s to 3,600 s, half fixed and half random",
        arguments: [
            (1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 640), (9, 1_280), (10, 2_560),
            (11, 3_600),
            (12, 3_600), (100, 3_600), (Int.max, 3_600), (0, 5), (-1, 5), (Int.min + 1, 5),
        ] as [(Int, Double)])
    func backoffIsHalfFixedAndHalfRandom(_ attempt: Int, _ nominal: Double) {
        for jitter in Self.jitters {
            let seconds = Pace.standard.backoff(attempt: attempt, jitter: jitter)
            #expect(abs(seconds - (nominal / 2 + jitter * nominal / 2)) < 1e-9 * nominal)
            #expect(seconds >= nominal / 2 && seconds < nominal)
        }
    }

    @Test("backoff: the first retry is due within 10 s")
    func theFirstRetryComesWithinTenSeconds() {
        for jitter in Self.jitters {
            let settlement = ClaimedMessage.sample(attempts: 1).settle(.notSent(reason: "r"), jitter: jitter)
            guard case .retry(let seconds, _, _, _) = settlement else {
                Issue.record("\(settlement)")
                return
            }
            #expect(seconds > 0 && seconds <= 10)
        }
    }

    /// A thousand that failed together: no window of 2 % of the delay's random half holds more than 3 % of them.
    @Test("backoff: jitter spreads messages that failed together", arguments: 1...12)
    func messagesThatFailedTogetherDoNotComeBackTogether(_ attempt: Int) {
        let drawn = (0..<1_000).map { (Double($0) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1) }
        let seconds = drawn.map { Pace.standard.backoff(attempt: attempt, jitter: $0) }.sorted()
        let nominal = min(3_600, 5 * pow(2, Double(attempt - 1)))
        let window = nominal / 2 * 0.02
        let fullest = seconds.indices.map { first in
            seconds[first...].prefix { $0 < seconds[first] + window }.count
        }.max()
        #expect((fullest ?? 1_000) <= 30)
        #expect((seconds.last ?? 0) - (seconds.first ?? 0) > nominal * 0.49)
    }

    // MARK: What is recorded

    @Test("settlement: an attempt counts if the request says something about the message")
    func attemptsThatCount() {
        let counted: [(Settlement, Bool)] = [
            (.sent(providerID: "id", to: "55"), true),
            (.retry(afterSeconds: 5, error: "r", counted: true, unclear: false), true),
            (.retry(afterSeconds: 5, error: "r", counted: false, unclear: false), false),
            (.dead(error: "r"), true), (.dead(error: "poison", counted: false), false),
            (.skipped(.channelOff), false), (.expired, false), (.superseded, false),
        ]
        for (settlement, counts) in counted { #expect(settlement.countsAttempt == counts, "\(settlement)") }
    }

    @Test("settlement: a retry of a superseded message is due at once, others are unchanged")
    func supersededRetriesAreDueAtOnce() {
        let retry = Settlement.retry(afterSeconds: 30, error: "r", counted: true, unclear: true)
        #expect(
            retry.adjusted(isSuperseded: true)
                == .retry(afterSeconds: 0, error: "r", counted: true, unclear: true))
        #expect(retry.adjusted(isSuperseded: false) == retry)
        for settlement in [
            Settlement.sent(providerID: nil, to: "55"), .dead(error: "r"), .skipped(.noPhone), .expired, .superseded,
        ] {
            #expect(settlement.adjusted(isSuperseded: true) == settlement)
        }
    }
}
