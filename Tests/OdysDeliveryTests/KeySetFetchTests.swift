import Glibc
import OdysCore
import Testing

@testable import OdysDelivery

extension ProcessTests {
    @Suite("JWKS fetch") struct KeySetFetchTests {
        init() {
            Curl.initialize()
            signal(SIGPIPE, SIG_IGN)
        }

        private static let key =
            #"{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
            + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#

        private static func answer(_ body: String, status: String = "200 OK", head: String = "") -> String {
            "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(head)\r\n\(body)"
        }

        /// What comes of one fetch from a server that does this, and what it was asked.
        private static func fetch(
            _ step: LoopbackServer.Step
        ) throws -> (result: Result<KeySet, KeySetFetch.Failure>, requests: [String]) {
            let server = try LoopbackServer([step])
            let result = KeySetFetch(server.url + "/jwks.json").fetch()
            server.stop()
            return (result, server.requests)
        }

        @Test("JWKS fetch: a key set is taken")
        func aKeySetIsTaken() throws {
            let (result, requests) = try Self.fetch(.answer(Self.answer(#"{"keys":[\#(Self.key),{}]}"#)))
            let set = try result.get()
            #expect(set.keys.map(\.id) == ["a"] && set.leftOut.count == 1)
            #expect(requests.count == 1 && requests[0].hasPrefix("GET /jwks.json HTTP/1.1\r\n"))
        }

        @Test(
            "JWKS fetch: other answers are failures, no redirect or retry",
            arguments: [
                (answer("{}"), "the answer has no list 'keys'"), (answer("<html>"), "the answer is not JSON"),
                (answer("{}", status: "404 Not Found"), "HTTP 404"), (answer("{}", status: "500 Oops"), "HTTP 500"),
                (answer(#"{"keys":[]}"#, status: "203 Changed"), "HTTP 203"),
                (answer("", status: "302 Found", head: "Location: http://127.0.0.1:1/\r\n"), "HTTP 302"),
                (answer(String(repeating: " ", count: 70_000) + #"{"keys":[]}"#), "the answer is too large"),
            ])
        func whatIsNoKeySet(_ text: String, _ reason: String) throws {
            let (result, requests) = try Self.fetch(.answer(text))
            #expect(result == .failure(KeySetFetch.Failure(description: reason)))
            #expect(requests.count == 1, "no redirect is followed, and nothing is repeated")
        }

        @Test("JWKS fetch: a connection that ends early is a failure")
        func aConnectionThatEndsIsAFailure() throws {
            for step in [LoopbackServer.Step.close, .reset, .answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")] {
                guard case .failure = try Self.fetch(step).result else {
                    Issue.record("\(step)")
                    continue
                }
            }
        }

        @Test("JWKS fetch: an answer that breaks off after 48 KiB is not called too large")
        func aLongAnswerThatEndsIsNotTooLarge() throws {
            let start = "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + String(repeating: " ", count: 50_000)
            for step in [LoopbackServer.Step.answerAndReset(start), .answer(start)] {
                guard case .failure(let failure) = try Self.fetch(step).result else {
                    Issue.record("\(step)")
                    continue
                }
                #expect(!failure.description.isEmpty && failure.description != "the answer is too large")
            }
        }

        @Test("JWKS fetch: an answer above the bound is too large, whatever its Content-Length")
        func anAnswerAboveTheBoundIsTooLarge() throws {
            let body = String(repeating: " ", count: Limits.answerBytesMax + 1)
            for length in ["Content-Length: \(body.utf8.count)\r\n", "Content-Length: 99999999\r\n", ""] {
                for step in [LoopbackServer.Step.answer, LoopbackServer.Step.answerAndReset] {
                    let result = try Self.fetch(step("HTTP/1.1 200 OK\r\n\(length)\r\n\(body)")).result
                    #expect(result == .failure(KeySetFetch.Failure(description: "the answer is too large")))
                }
            }
        }

        /// A fetch has one scheme, so that nothing can lead from https to http.
        @Test("JWKS fetch: https never falls back to http")
        func aServerWithoutTLSIsNoHTTPSServer() throws {
            let server = try LoopbackServer([.answerUnread(Self.answer(#"{"keys":[]}"#))])
            let result = KeySetFetch("https://127.0.0.1:\(server.port)/").fetch()
            server.stop()
            guard case .failure = result else {
                Issue.record("\(result)")
                return
            }
        }
    }
}
