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
        "Evolution API: 201 with an id → sent",
        arguments: [
            #"{"key":{"id":"3EB0"}}"#, #" {"status":"PENDING","key":{"remoteJid":"55@s","fromMe":true,"id":"3EB0"}} "#,
            // The message's own words come back in the answer; they decide nothing.
            #"{"key":{"id":"3EB0"},"message":{"conversation":"Motivo: Connection Closed"}}"#,
            #"{"key":{"id":"3EB0"},"response":{"message":[{"exists":false}]}}"#,
        ])
    func createdWithAnIDIsSent(_ body: String) {
        let outcome = Self.outcome(.sample(code: 201, body: body))
        #expect(outcome == .sent(providerID: "3EB0", to: "5511999999999"))
    }

    @Test(
        "Evolution API: 201 without an id → unclear",
        arguments: [
            "", "OK", "{", "[]", "null", "{}", #"{"key":null}"#, #"{"key":{}}"#, #"{"key":{"id":""}}"#,
            #"{"key":{"id":null}}"#,
            #"{"key":{"id":7}}"#, #"{"key":{"ID":"3EB0"}}"#, #"{"key":"3EB0"}"#, #"{"id":"3EB0"}"#,
            #"[{"key":{"id":"3EB0"}}]"#,
            #"{"key":{"id":"a"},"key":{"id":"b"}}"#, #"{"error":{"message":"(#131030) Recipient not allowed"}}"#,
        ])
    func createdWithoutAnIDIsUnclear(_ body: String) {
        #expect(OutcomeClass(Self.outcome(.sample(code: 201, body: body))) == .unclear)
    }

    /// With the body that is a success under 201.
    @Test("Evolution API: a status other than 201 is never taken for sent")
    func onlyCreatedIsSent() {
        let classes: [Int: OutcomeClass] = [
            400: .unclear, 401: .misconfigured, 403: .misconfigured, 404: .misconfigured, 429: .notSent, 500: .unclear,
            502: .notSent, 503: .notSent, 504: .unclear,
        ]
        for code in Array(100...200) + Array(202...599) + [0, 999] {
            let kind = OutcomeClass(Self.outcome(.sample(code: code, body: #"{"key":{"id":"3EB0"}}"#)))
            #expect(kind != .sent && kind != .skipped, "\(code)")
            if let expected = classes[code] { #expect(kind == expected, "\(code)") }
        }
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

    @Test("Evolution API: Retry-After is passed on", arguments: [429, 502, 503])
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
