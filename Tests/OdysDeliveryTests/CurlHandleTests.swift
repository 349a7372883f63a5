import Foundation
import Glibc
import OdysCore
import Testing

@testable import OdysDelivery

/// Tests that change the environment or the time zone of the process: one at a time.
@Suite(.serialized) struct ProcessTests {}

extension ProcessTests {
    @Suite struct CurlHandleTests {
        /// Once for the process, before any handle; a peer that has gone must be an error and not a signal.
        private static let isReady: Bool = {
            Curl.initialize()
            signal(SIGPIPE, SIG_IGN)
            return true
        }()

        init() { precondition(Self.isReady) }

        private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

        /// One POST to a server that does what the script says, and what the server saw.
        private static func post(
            _ script: [LoopbackServer.Step], scheme: String = "http", times: Int = 1
        ) throws -> (results: [TransferResult], requests: [String]) {
            let server = try LoopbackServer(script)
            let curl = CurlHandle()
            let url = "\(scheme)://127.0.0.1:\(server.port)/message"
            let results = (0..<times).map { _ in post(curl, url) }
            server.stop()
            return (results, server.requests)
        }

        private static func post(_ curl: CurlHandle, _ url: String) -> TransferResult {
            curl.prepare(url: url, protocols: "http,https")
            curl.setBody(Array(#"{"text":"Olá"}"#.utf8))
            return curl.perform()
        }

        @Test("curl: the request arrives as set, its answer is read")
        func aRequestArrivesAsItWasSetAndItsAnswerIsRead() throws {
            let answer = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n{\"a\"}"
            let (results, requests) = try Self.post([.answer(answer)])
            let result = try #require(results.first)
            #expect(result.failure == nil)
            #expect(result.code == 201)
            #expect(result.body == Array("{\"a\"}".utf8))
            #expect(result.reason == "")
            let request = try #require(requests.first)
            #expect(requests.count == 1)
            #expect(request.hasPrefix("POST /message HTTP/1.1\r\n"))
            #expect(request.hasSuffix("\r\n\r\n{\"text\":\"Olá\"}"))
            #expect(result.bytesSent >= request.utf8.count)
        }

        @Test("curl: nothing of a transfer is left for the next")
        func aHandleForgetsTheLastTransfer() throws {
            let server = try LoopbackServer([
                .answer("HTTP/1.1 503 No\r\nContent-Length: 4\r\nRetry-After: 9\r\n\r\nlong"), .answer(Self.ok),
            ])
            let curl = CurlHandle()
            _ = Self.post(curl, server.url + "/one")
            curl.prepare(url: server.url + "/two", protocols: "http")
            let result = curl.perform()
            server.stop()
            #expect(result.code == 200 && result.body == Array("ok".utf8) && result.retryAfterSeconds == nil)
            #expect(server.requests.last?.hasPrefix("GET /two HTTP/1.1\r\n") == true)
            #expect(server.requests.last?.contains("Olá") == false)
        }

        @Test("curl: an answer above the bound does not affect the next")
        func anAnswerThatWasTooLargeIsForgotten() throws {
            let long = "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 70_000)
            let (results, _) = try Self.post([.answer(long), .answer(Self.ok), .reset], times: 3)
            #expect(results.map(\.failure) == [.tooLarge, nil, .broken])
        }

        @Test("curl: a redirect is not followed", arguments: [301, 302, 303, 307, 308])
        func aRedirectIsAnAnswerAndNotFollowed(_ code: Int) throws {
            let other = try LoopbackServer([.answer(Self.ok)])
            let head = "HTTP/1.1 \(code) Elsewhere\r\nLocation: \(other.url)/x\r\nContent-Length: 0\r\n\r\n"
            let (results, requests) = try Self.post([.answer(head)])
            other.stop()
            #expect(results.map(\.code) == [code])
            #expect(results.first?.failure == nil)
            #expect(requests.count == 1 && other.requests == [])
        }

        @Test("curl: proxy variables are ignored")
        func aProxyInTheEnvironmentIsNotUsed() throws {
            let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            let proxy = try LoopbackServer([.answer(Self.ok)])
            for name in names { setenv(name, proxy.url, 1) }
            defer { for name in names { unsetenv(name) } }
            let (results, requests) = try Self.post([.answer(Self.ok)])
            proxy.stop()
            #expect(results.map(\.code) == [200])
            #expect(requests.count == 1)
            #expect(proxy.requests == [])
        }

        @Test(
            "curl: an answer of at most 64 KiB",
            arguments: [(0, true), (65_535, true), (65_536, true), (65_537, false), (1_000_000, false)]
        )
        func anAnswerHasAtMostSixtyFourKibibytes(_ size: Int, _ isRead: Bool) throws {
            let body = String(repeating: "x", count: size)
            let (results, _) = try Self.post([.answer("HTTP/1.1 201 OK\r\nContent-Length: \(size)\r\n\r\n" + body)])
            let result = try #require(results.first)
            #expect(result.failure == (isRead ? nil : .tooLarge))
            #expect(result.reason == (isRead ? "" : "the answer is too large"))
            #expect(result.body.count <= 64 * 1_024)
            #expect(!isRead || result.body.count == size)
            // The request had arrived, so that nobody knows what became of it.
            #expect(isRead || OutcomeClass(EvolutionAnswer(result: result).outcome(to: "55")) == .unclear)
        }

        @Test(
            "Retry-After: seconds or a date, at most 3,600 s",
            arguments: [
                ("7", 7), ("0", nil), ("-7", nil), ("3600", 3_600), ("3601", 3_600), ("99999999999", 3_600),
                ("soon", nil), ("", nil),
                ("Sun, 06 Nov 1994 08:49:37 GMT", nil), ("Fri, 31 Dec 2199 23:59:59 GMT", 3_600),
            ] as [(String, Double?)])
        func retryAfterIsSecondsOrADateAndBounded(_ value: String, _ seconds: Double?) throws {
            let head = "HTTP/1.1 503 No\r\nRetry-After: \(value)\r\nContent-Length: 0\r\n\r\n"
            #expect(try Self.post([.answer(head)]).results.map(\.retryAfterSeconds) == [seconds])
        }

        // MARK: Connections that end

        /// The whole request was read, so it may have been acted on.
        @Test(
            "curl: a connection that ends after the request → unclear",
            arguments: [
                LoopbackServer.Step.close, .reset, .answer("HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"),
                .answer("HTTP/1.1 201 Cre"), .answer("nonsense"),
            ])
        func whatEndsAfterTheRequestIsUnclear(_ step: LoopbackServer.Step) throws {
            let (results, requests) = try Self.post([step, .answer(Self.ok)])
            let result = try #require(results.first)
            #expect(result.failure != nil || result.code != 201)
            #expect(result.bytesSent > 0)
            #expect(OutcomeClass(EvolutionAnswer(result: result).outcome(to: "55")) == .unclear)
            // Sent once: a copy would be one that nobody counts.
            #expect(requests.count == 1)
        }

        @Test("curl: connection refused → not sent")
        func whereNobodyListensNothingWasSent() throws {
            let server = try LoopbackServer([])
            server.stop()
            let result = Self.post(CurlHandle(), server.url)
            #expect(result.failure == .notConnected)
            #expect(result.bytesSent == 0 && result.code == 0 && result.command.isEmpty)
            #expect(OutcomeClass(EvolutionAnswer(result: result).outcome(to: "55")) == .notSent)
        }

        /// No byte of the request is written before the handshake ends.
        @Test(
            "curl: a connection that ends during the TLS handshake → not sent",
            arguments: [LoopbackServer.Step.closeUnread, .resetUnread, .answerUnread("HTTP/1.1 400 Plain\r\n\r\n")]
        )
        func whatEndsBeforeTheRequestWasNotSent(_ step: LoopbackServer.Step) throws {
            let (results, _) = try Self.post([step], scheme: "https")
            let result = try #require(results.first)
            #expect(result.bytesSent == 0)
            #expect(OutcomeClass(EvolutionAnswer(result: result).outcome(to: "55")) == .notSent)
        }

        /// libcurl resends by itself on a kept connection that turns out to be dead, so none is kept.
        @Test("curl: every transfer has a connection of its own")
        func everyTransferHasAConnectionOfItsOwn() throws {
            let kept = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
            let (results, requests) = try Self.post([.answerAndWait(kept), .reset, .close, .answer(kept)], times: 4)
            #expect(results.map { $0.failure == nil } == [true, false, false, true])
            #expect(requests.count == 4)
        }

        @Test(
            "curl: other protocols are refused",
            arguments: [
                "file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/", "", "http://",
            ])
        func onlyTheProtocolsThatAreNamedAreSpoken(_ url: String) {
            let curl = CurlHandle()
            curl.prepare(url: url, protocols: "http,https")
            let result = curl.perform()
            #expect(result.failure != nil)
            #expect(result.body == [] && result.bytesSent == 0)
        }
    }
}
