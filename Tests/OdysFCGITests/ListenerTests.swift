import Dispatch
import Glibc
import OdysCore
import OdysHost
import Synchronization
import Testing

@testable import OdysFCGI

@Suite("Listener: keep-alive and stop") struct ListenerTests {
    private static func record(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, kind, 0, 1, 0, UInt8(content.count), 0, 0] + content
    }

    /// A request that asks to keep the connection.
    fileprivate static let request =
        record(1, [0, 1, 1, 0, 0, 0, 0, 0]) + record(4, [1, 1] + Array("AB".utf8)) + record(4, []) + record(5, [])
    /// What the peer is asked to end a connection with: FCGI_STDERR with nothing in it.
    private static let question = record(7, [])

    /// A listener in a directory of its own, and a thread that answers every request with one byte.
    private final class Server: Sendable {
        let listener: Listener
        let path: String
        private let directory: String
        private let ended = DispatchGroup()

        init() throws {
            var template = Array("/tmp/odys-listener-XXXXXX".utf8CString)
            directory = String(cString: try #require(mkdtemp(&template)))
            path = directory + "/s"
            listener = try Listener(.unix(path: path))
            let listener = listener
            DispatchQueue(label: "worker").async(group: ended) {
                let buffer = ReceiveBuffer()
                while let connection = listener.next(pollFirst: false, idle: {}) {
                    guard let parsed = connection.awaitRequest(peekingInto: buffer) else { continue }
                    // As libfcgi would read it.
                    recv(connection.descriptor, buffer.bytes.baseAddress, ListenerTests.request.count, 0)
                    guard connection.send([7]) else { continue }
                    if parsed.keepsAlive { listener.keep(connection) }
                }
            }
        }

        /// - Returns: the seconds that it took.
        func stop() -> Double {
            let begun = Clock.uptime
            listener.stop()
            ended.wait()
            return Clock.uptime - begun
        }

        deinit {
            unlink(path)
            rmdir(directory)
        }
    }

    /// The web server's end of a connection.
    private final class Peer {
        let descriptor: Int32

        init(_ path: String) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let descriptor = descriptor
            let failed = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(failed == 0)
            var patience = timeval(tv_sec: 5, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }

        deinit { close(descriptor) }

        func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

        /// What comes next, up to this many bytes; nothing where the other side has ended or is silent for long.
        func receive(_ count: Int = 1) -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: count)
            let got = recv(descriptor, &buffer, count, 0)
            return Array(buffer.prefix(max(0, got)))
        }
    }

    @Test("keep-alive: one request after another on a connection")
    func aConnectionCarriesOneRequestAfterAnother() throws {
        let server = try Server()
        let peer = try Peer(server.path)
        for _ in 0..<3 {
            peer.send(Self.request)
            #expect(peer.receive() == [7])
        }
        shutdown(peer.descriptor, Int32(SHUT_RDWR))
        _ = server.stop()
    }

    @Test("keep-alive: an idle connection holds no thread")
    func anIdleConnectionHoldsNoThread() throws {
        let server = try Server()
        let peers = try (0..<8).map { _ in try Peer(server.path) }
        for peer in peers + peers {
            peer.send(Self.request)
            #expect(peer.receive() == [7])
        }
        for peer in peers { shutdown(peer.descriptor, Int32(SHUT_RDWR)) }
        _ = server.stop()
    }

    /// A listener that just closes may cut off a request that is on its way.
    @Test("stop: idle peers are asked to close, requests that cross are answered")
    func aStoppingListenerAsksAndAnswersWhatComesMeanwhile() throws {
        let server = try Server()
        let peer = try Peer(server.path)
        peer.send(Self.request)
        #expect(peer.receive() == [7])
        let stopped = DispatchSemaphore(value: 0)
        let seconds = Mutex(0.0)
        DispatchQueue(label: "stop").async {
            let took = server.stop()
            seconds.withLock { $0 = took }
            stopped.signal()
        }
        #expect(peer.receive(8) == Self.question)
        // It crossed a request: that one is answered, and the question comes again.
        peer.send(Self.request)
        var answer = peer.receive()
        while answer == [Self.question[0]] {
            #expect(peer.receive(7) == Array(Self.question.dropFirst()))
            answer = peer.receive()
        }
        #expect(answer == [7])
        #expect(peer.receive(8) == Self.question)
        shutdown(peer.descriptor, Int32(SHUT_RDWR))
        stopped.wait()
        #expect(seconds.withLock { $0 } < Limits.drainIdleSeconds)
    }

    @Test("stop: a peer that stays connected delays it by drainIdleSeconds at most")
    func aPeerThatDoesNotEndHoldsUpNobodyForLong() throws {
        let server = try Server()
        let peer = try Peer(server.path)
        peer.send(Self.request)
        #expect(peer.receive() == [7])
        let seconds = server.stop()
        #expect(
            (Limits.drainIdleSeconds...Limits.drainIdleSeconds + 3).contains(seconds), "\(seconds)")
    }

    @Test("keep-alive: above connectionsMax a connection is closed after its response")
    func moreConnectionsThanAWebServerHasAreClosed() throws {
        let server = try Server()
        var peers: [Peer] = []
        for _ in 0...Limits.connectionsMax {
            let peer = try Peer(server.path)
            peer.send(Self.request)
            #expect(peer.receive() == [7])
            peers.append(peer)
        }
        // The last one ends; some before it were asked to; the first one goes on.
        #expect(peers[Limits.connectionsMax].receive().isEmpty)
        #expect(peers[Limits.connectionsMax - 1].receive(8) == Self.question)
        peers[0].send(Self.request)
        #expect(peers[0].receive() == [7])
        for peer in peers { shutdown(peer.descriptor, Int32(SHUT_RDWR)) }
        _ = server.stop()
    }
}
