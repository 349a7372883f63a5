import OdysCore
import Testing

@testable import OdysDelivery

@Suite struct EvolutionAnswerTests {
    private static func outcome(_ result: TransferResult) -> DeliveryOutcome {
        EvolutionAnswer(result: result).outcome(to: "5511999999999")
    }

    private static func envelope(_ code: Int, _ message: String) -> String {
        #"{"status":\#(code),"error":"Bad Request","response":{"message":\#(message)}}"#
    }

    @Test(
        "Evolution API: 200 or 201 with an id → sent",
        arguments: [
            #"{"key":{"id":"3EB0"}}"#, #" {"status":"PENDING","key":{"remoteJid":"55@s","fromMe":true,"id":"3EB0"}} "#,
            // The message's own words come back in the answer; they decide nothing.
            #"{"key":{"id":"3EB0"},"message":{"conversation":"Motivo: Connection Closed"}}"#,
            #"{"key":{"id":"3EB0"},"response":{"message":[{"exists":false}]}}"#,
        ])
    func createdWithAnIDIsSent(_ body: String) {
        for code in [200, 201] {
            let outcome = Self.outcome(.sample(code: code, body: body))
            #expect(outcome == .sent(providerID: "3EB0", to: "5511999999999"))
        }
    }

    @Test(
        "Evolution API: 200 or 201 without an id → unclear",
        arguments: [
            "", "OK", "{", "[]", "null", "{}", #"{"key":null}"#, #"{"key":{}}"#, #"{"key":{"id":""}}"#,
            #"{"key":{"id":null}}"#,
            #"{"key":{"id":7}}"#, #"{"key":{"ID":"3EB0"}}"#, #"{"key":"3EB0"}"#, #"{"id":"3EB0"}"#,
            #"[{"key":{"id":"3EB0"}}]"#,
            #"{"key":{"id":"a"},"key":{"id":"b"}}"#, #"{"error":{"message":"(#131030) Recipient not allowed"}}"#,
        ])
    func createdWithoutAnIDIsUnclear(_ body: String) {
        for code in [200, 201] { #expect(OutcomeClass(Self.outcome(.sample(code: code, body: body))) == .unclear) }
    }

    /// What each status says where the body says nothing, read from docs/MESSAGES.md, "What an answer means".
    private static let classes: [Int: OutcomeClass] = {
        var classes: [Int: OutcomeClass] = [:]
        for code in [408, 421, 425, 429, 502, 503, 521, 522, 523, 525, 526, 530] { classes[code] = .notSent }
        for code in [401, 403, 404, 405, 407] + Array(300...399) { classes[code] = .misconfigured }
        for code in [413, 414, 415, 422, 431] { classes[code] = .permanent }
        return classes
    }()

    /// Also with the body that is a success under 200 and 201.
    @Test("Evolution API: every status has its class, whatever the body")
    func everyStatusHasItsClass() {
        for code in Array(100...199) + Array(202...599) + [0, 999] {
            let expected = Self.classes[code] ?? .unclear
            for body in ["", "{}", "null", #"{"key":{"id":"3EB0"}}"#, "<html><h1>nginx</h1></html>", "{\"status\":"] {
                #expect(OutcomeClass(Self.outcome(.sample(code: code, body: body))) == expected, "\(code) \(body)")
            }
        }
    }

    @Test("Evolution API: Connection Closed anywhere in the text → not sent, with every status")
    func aClosedConnectionIsNotSent() {
        for code in 100...599 {
            for body in [
                "<p>Connection Closed</p>", #"{"a":["Error: Connection Closed"]}"#,
                #"{"key":{},"e":"Connection Closed"}"#,
            ] {
                #expect(OutcomeClass(Self.outcome(.sample(code: code, body: body))) == .notSent, "\(code) \(body)")
            }
        }
    }

    @Test(
        "Evolution API: 503 with the code LICENSE_REQUIRED → misconfigured, with another code or status not",
        arguments: [
            (503, "LICENSE_REQUIRED", OutcomeClass.misconfigured), (503, "OTHER", .notSent),
            (500, "LICENSE_REQUIRED", .unclear),
            (502, "LICENSE_REQUIRED", .notSent),
        ])
    func aMissingLicence(_ code: Int, _ word: String, _ expected: OutcomeClass) {
        let body = #"{"error":"service not activated","code":"\#(word)","register_url":"https://licence.example"}"#
        let outcome = Self.outcome(.sample(code: code, body: body))
        #expect(OutcomeClass(outcome) == expected)
        #expect(expected != .misconfigured || outcome.words == "evolution_LICENSE_REQUIRED")
    }

    @Test(
        "Evolution API: the message of an error decides",
        arguments: [
            // The number is not on WhatsApp; the request is not one that this version knows.
            (400, #"[{"jid":"55@s.whatsapp.net","exists":false,"number":"55"}]"#, OutcomeClass.permanent),
            (400, #"[{"exists":false},{"exists":true}]"#, .permanent),
            (400, #"[["instance requires property \"text\""]]"#, .permanent),
            (400, #"[["requires property \"textMessage\"","and another"]]"#, .permanent),
            // Thrown by the socket and wrapped.
            (400, #"["Error: Connection Closed"]"#, .notSent), (400, #""Connection Closed""#, .notSent),
            (500, #""Connection Closed""#, .notSent), (500, #"["Error: Connection Closed"]"#, .notSent),
            (400, #"["Error: Timed Out"]"#, .unclear), (400, #"[{"jid":"55@s","exists":true}]"#, .unclear),
            (400, #"[{"exists":"false"}]"#, .unclear), (400, #"[{"exists":null}]"#, .unclear),
            (400, #"[{}]"#, .unclear),
            (400, "[]", .unclear), (400, "null", .unclear), (400, #""Bad Request""#, .unclear), (400, "[[]]", .unclear),
            (400, "[[1]]", .unclear), (400, #"{"exists":false}"#, .unclear),
            (500, #""Internal Server Error""#, .unclear), (500, #"[{"exists":false}]"#, .unclear),
            (504, #"[{"exists":false}]"#, .unclear), (504, #""Gateway Time-out""#, .unclear),
            (401, #""Unauthorized""#, .misconfigured), (403, #"["Missing global api key"]"#, .misconfigured),
            (404, #"["The \"odys\" instance does not exist"]"#, .misconfigured),
            (404, #"["Cannot POST /message/sendText/odys"]"#, .misconfigured),
            (429, #""Too many requests""#, .notSent), (502, #""Bad Gateway""#, .notSent), (503, "null", .notSent),
        ])
    func theAnswersWordsDecide(_ code: Int, _ message: String, _ expected: OutcomeClass) {
        let outcome = Self.outcome(.sample(code: code, body: Self.envelope(code, message)))
        #expect(OutcomeClass(outcome) == expected)
        #expect(!outcome.words.isEmpty && !outcome.words.contains("55@s") && !outcome.words.contains("5511"))
    }

    /// A proxy in between speaks HTML.
    @Test(
        "Evolution API: an answer that is not JSON is judged by its status",
        arguments: [
            (400, OutcomeClass.unclear), (401, .misconfigured), (403, .misconfigured), (404, .misconfigured),
            (429, .notSent), (500, .unclear), (502, .notSent), (503, .notSent), (504, .unclear),
        ])
    func anAnswerThatIsNotJSONIsJudgedByItsStatus(_ code: Int, _ expected: OutcomeClass) {
        for body in ["", "<html><h1>nginx</h1></html>", "{\"status\":"] {
            #expect(OutcomeClass(Self.outcome(.sample(code: code, body: body))) == expected)
        }
        let closed = Self.outcome(.sample(code: code, body: "<p>Connection Closed</p>"))
        #expect(OutcomeClass(closed) == .notSent)
    }

    @Test(
        "Evolution API: Retry-After is passed on",
        arguments: [408, 421, 425, 429, 502, 503, 521, 522, 523, 525, 526, 530])
    func aRetryAfterIsPassedOn(_ code: Int) {
        for asked in [nil, 1, 3_600.0] {
            let outcome = Self.outcome(.sample(code: code, retryAfter: asked))
            guard case .notSent(_, asked) = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
        let closed = Self.outcome(.sample(code: 500, body: "Connection Closed", retryAfter: 7))
        guard case .notSent(_, 7) = closed else {
            Issue.record("\(closed)")
            return
        }
    }

    @Test("Evolution API: a failed transfer is not sent before the first byte, else unclear")
    func aTransferThatFailedIsJudgedByWhatWasWritten() {
        for failure in TransferResult.failures {
            for bytes in [0, 1, 500] {
                for code in [0, 100, 201, 400, 503] {
                    let body = #"{"key":{"id":"3EB0"}}"#
                    let outcome = Self.outcome(.sample(failure, code: code, body: body, bytesSent: bytes))
                    let isSafe = bytes == 0 || failure == .notConnected || failure == .tls
                    #expect(OutcomeClass(outcome) == (isSafe ? .notSent : .unclear), "\(failure) \(bytes)")
                    #expect(outcome.words == "curl's words")
                }
            }
        }
    }
}
