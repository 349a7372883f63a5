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
                for command in ["", "EHLO", "MAIL", "RCPT", "DATA"] {
                    let outcome = Self.outcome(.sample(failure, code: code, command: command))
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
                for command in ["", "EHLO", "HELO", "AUTH", "MAIL", "RCPT", "DATA"] {
                    let outcome = Self.outcome(.sample(failure, code: code, command: command))
                    let isReady = command == "RCPT" || command == "DATA"
                    let expected: OutcomeClass =
                        switch code {
                        case 354: .unclear
                        case 530, 534, 535, 538: .misconfigured
                        case 500...599: isReady ? .permanent : .misconfigured
                        default: .notSent
                        }
                    #expect(OutcomeClass(outcome) == expected, "\(failure) \(code) \(command)")
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

    /// As servers write them. Whether it is the client or the recipient shows with the next recipient.
    @Test(
        "SMTP: a refusal of the recipient that may be about us → refused",
        arguments: [
            (554, "554 5.7.1 <ana@mail.example>: Relay access denied\r\n", "5.7.1"),
            (550, "550 5.7.1 <host.example[192.0.2.1]>: Client host rejected: Access denied\r\n", "5.7.1"),
            (554, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example\r\n", "5.7.1"),
            (550, "550 5.7.0 Authentication required\r\n", "5.7.0"),
            (553, "553 5.7.1 <a@odys.example>: Sender address rejected: not owned by user\r\n", "5.7.1"),
            (550, "550-5.7.26 This mail is unauthenticated\r\n550 5.7.26 policy.example\r\n", "5.7.26"),
            (553, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)\r\n", "5.7.1"),
            (550, "550 relay not permitted\r\n", nil), (550, "550 ana@mail.example... Relaying denied\r\n", nil),
            (504, "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname\r\n", "5.5.2"),
            (550, "550 5.1.8 <a@odys.example>: Sender address rejected: Domain not found\r\n", "5.1.8"),
        ] as [(Int, String, String?)])
    func aRefusalThatMayBeAboutUs(_ code: Int, _ reply: String, _ enhanced: String?) {
        let outcome = Self.outcome(.sample(.refused, code: code, command: "RCPT", reply: reply))
        #expect(
            outcome
                == .refused(reason: enhanced.map { "SMTP \(code) \($0): RCPT refused" } ?? "SMTP \(code): curl's words")
        )
        // The same words where no recipient is named yet, and where the message was.
        let earlier = Self.outcome(.sample(.refused, code: code, command: "MAIL", reply: reply))
        #expect(OutcomeClass(earlier) == .misconfigured)
        #expect(OutcomeClass(Self.outcome(.sample(.refused, code: code, command: "DATA", reply: reply))) == .permanent)
        #expect(enhanced.map(earlier.words.contains) != false)
    }

    @Test(
        "SMTP: a refusal that is the recipient's own → permanent, with the enhanced code",
        arguments: [
            (550, "550 5.1.1 <ana@mail.example>: Recipient address rejected: User unknown\r\n", "5.1.1"),
            (552, "552 5.2.2 Mailbox full\r\n", "5.2.2"), (553, "553 5.1.3 Bad syntax\r\n", "5.1.3"),
            (550, "550-5.1.1 The account does not exist at 5.7.1.9\r\n550 5.1.1 bye\r\n", "5.1.1"),
            (550, "550 No such user here, 10.7.1\r\n", nil), (550, "550 User unknown\r\n", nil),
            (550, "250 2.1.0 OK 5.7.1\r\n", nil), (550, "", nil),
        ] as [(Int, String, String?)])
    func aRefusalThatIsTheRecipientsOwn(_ code: Int, _ reply: String, _ enhanced: String?) {
        let outcome = Self.outcome(.sample(.refused, code: code, command: "RCPT", reply: reply))
        #expect(
            outcome
                == .permanent(
                    reason: enhanced.map { "SMTP \(code) \($0): RCPT refused" } ?? "SMTP \(code): curl's words"))
    }

    @Test("SMTP: 4xx and a refused login carry the enhanced code too")
    func theEnhancedCodeIsTold() {
        let busy = Self.outcome(.sample(.refused, code: 451, command: "MAIL", reply: "451 4.7.1 Greylisted\r\n"))
        #expect(busy == .notSent(reason: "SMTP 451 4.7.1: MAIL refused"))
        let login = Self.outcome(.sample(.login, code: 535, command: "AUTH", reply: "535 5.7.8 Bad credentials\r\n"))
        #expect(login == .misconfigured(reason: "smtp_login_refused (5.7.8)"))
        let greeting = Self.outcome(.sample(.refused, code: 554, command: "", reply: "554 5.3.2 No service\r\n"))
        #expect(greeting == .misconfigured(reason: "SMTP 554 5.3.2: greeting refused"))
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
