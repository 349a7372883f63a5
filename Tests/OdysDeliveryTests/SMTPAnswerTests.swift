import OdysCore
import Testing

@testable import OdysDelivery

@Suite struct SMTPAnswerTests {
    private static func outcome(_ result: TransferResult) -> DeliveryOutcome {
        SMTPAnswer(result: result).outcome(to: "ana@mail.example")
    }

    @Test("SMTP: a finished transfer → sent", arguments: [250, 251, 0, 354])
    func aFinishedTransferIsSent(_ code: Int) {
        #expect(Self.outcome(.sample(code: code)) == .sent(providerID: nil, to: "ana@mail.example"))
    }

    @Test("SMTP: no connection or no TLS → not sent")
    func whatNeverConnectedWasNotSent() {
        for failure in [TransferResult.Failure.notConnected, .tls] {
            for code in [0, 220, 354, 550] {
                for isReady in [true, false] {
                    let outcome = Self.outcome(.sample(failure, code: code, reachedRecipient: isReady))
                    #expect(outcome == .notSent(reason: "curl's words"))
                }
            }
        }
    }

    @Test("SMTP: no STARTTLS → misconfigured")
    func aMissingSTARTTLSIsAMisconfiguration() {
        for code in [0, 220, 250, 454, 502] {
            let outcome = Self.outcome(.sample(.noSTARTTLS, code: code))
            #expect(OutcomeClass(outcome) == .misconfigured)
        }
    }

    @Test("SMTP: a refused login → misconfigured, with 4xx → not sent")
    func aRefusedLoginIsAMisconfigurationUnlessItIsForNow() {
        for code in [0, 235, 334, 500, 504, 530, 534, 535, 538, 550] {
            #expect(OutcomeClass(Self.outcome(.sample(.login, code: code))) == .misconfigured, "\(code)")
        }
        for code in 400...499 { #expect(OutcomeClass(Self.outcome(.sample(.login, code: code))) == .notSent) }
    }

    /// Every reply × every way in which the transfer can end there.
    @Test("SMTP: replies are judged by their first digit")
    func repliesAreJudgedByTheirFirstDigit() {
        for failure in [TransferResult.Failure.refused, .broken, .tooLarge, .other] {
            for code in [0] + Array(200...599) {
                for isReady in [true, false] {
                    let outcome = Self.outcome(.sample(failure, code: code, reachedRecipient: isReady))
                    let expected: OutcomeClass =
                        switch code {
                        case 354: .unclear
                        case 530, 534, 535, 538: .misconfigured
                        case 500...599: isReady ? .permanent : .misconfigured
                        default: .notSent
                        }
                    #expect(OutcomeClass(outcome) == expected, "\(failure) \(code) \(isReady)")
                    #expect(!outcome.words.isEmpty && !outcome.words.contains("mail.example"))
                }
            }
        }
    }

    @Test("SMTP: 4xx → not sent", arguments: [421, 450, 451, 452])
    func busyServersAreTriedAgain(_ code: Int) {
        #expect(Self.outcome(.sample(.refused, code: code)) == .notSent(reason: "SMTP \(code): curl's words"))
    }

    @Test("SMTP: 5xx for recipient or content → permanent", arguments: [550, 551, 552, 553, 554, 555])
    func aRefusedRecipientOrContentIsFinal(_ code: Int) {
        #expect(Self.outcome(.sample(.refused, code: code)) == .permanent(reason: "SMTP \(code): curl's words"))
    }

    /// The receiver may have taken the message (RFC 1047).
    @Test(
        "SMTP: a connection lost after the final dot → unclear",
        arguments: [TransferResult.Failure.broken, .refused, .other]
    )
    func whatIsLostAfterTheMessageIsUnclear(_ failure: TransferResult.Failure) {
        for bytes in [0, 40_000] {
            let outcome = Self.outcome(.sample(failure, code: 354, bytesSent: bytes))
            #expect(OutcomeClass(outcome) == .unclear)
        }
    }
}
