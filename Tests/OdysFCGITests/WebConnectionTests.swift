import Dispatch
import Glibc
import OdysCore
import OdysHost
import Synchronization
import Testing

@testable import OdysFCGI

@Suite("Responses to slow and closed peers") struct WebConnectionTests {
    /// The responder's end as an acceptor makes it, and the peer's.
    private static func pair() throws -> (connection: WebConnection, peer: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        try #require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        return (WebConnection(ends[0]), ends[1])
    }

    /// Sends an answer and ends the connection, as for a peer that does not want it kept.
    private static func answer(_ connection: WebConnection, with bytes: [UInt8]) {
        connection.send(bytes)
        connection.linger(through: ReceiveBuffer())
    }

    private static let answer = [UInt8](repeating: 7, count: 4 << 20)

    /// A peer on a thread of its own, which takes so many bytes at a time; waits for its end.
    private static func read(
        _ peer: Int32, bytes: Int, pauseMicroseconds: UInt32 = 0, while body: () -> Void
    ) -> Int {
        let ended = DispatchSemaphore(value: 0)
        let sum = Mutex(0)
        DispatchQueue(label: "peer").async {
            var buffer = [UInt8](repeating: 0, count: bytes)
            while case let count = Glibc.read(peer, &buffer, bytes), count > 0 {
                sum.withLock { $0 += count }
                usleep(pauseMicroseconds)
            }
            ended.signal()
        }
        body()
        // A peer whose connection was given up would read what is still on its way; nothing more comes.
        if pauseMicroseconds > 0 { shutdown(peer, Int32(SHUT_RDWR)) }
        ended.wait()
        close(peer)
        return sum.withLock { $0 }
    }

    @Test("send: a large answer arrives whole")
    func aLargeAnswerArrivesWhole() throws {
        let (connection, peer) = try Self.pair()
        let count = Self.read(peer, bytes: 64 * 1024) { Self.answer(connection, with: Self.answer) }
        #expect(count == Self.answer.count)
    }

    /// No single write waits for long: the bound is on the whole response.
    @Test("send: a slow reader is given up after frontSeconds")
    func aPeerThatTakesTheAnswerSlowlyIsGivenUp() throws {
        let (connection, peer) = try Self.pair()
        let begun = Clock.uptime
        let count = Self.read(peer, bytes: 16 * 1024, pauseMicroseconds: 100_000) {
            Self.answer(connection, with: Self.answer)
        }
        let seconds = Clock.uptime - begun
        #expect((Limits.frontSeconds - 0.1...Limits.frontSeconds + 3).contains(seconds), "\(seconds)")
        #expect(count < Self.answer.count)
    }

    @Test("send: a closed peer raises no SIGPIPE")
    func aPeerThatHasGoneIsNoSignal() throws {
        let (connection, peer) = try Self.pair()
        close(peer)
        connection.send(Self.answer)
        #expect(connection.awaitRequest(peekingInto: ReceiveBuffer()) == nil)
    }
}
