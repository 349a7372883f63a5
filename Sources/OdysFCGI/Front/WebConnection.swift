internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysHost

/// One connection from the web server. One deadline holds for all of a request and another for all of a response, so
/// a peer that stalls, or sends a byte a second, holds its thread for a few seconds at most.
///
/// Owns the descriptor, which is non-blocking. Belongs to one thread at a time.
final class WebConnection {
    private(set) var descriptor: Int32
    /// Whether it has carried a request before.
    let wasKept: Bool
    private let listener: Listener?

    /// - Parameter listener: is told when the connection has ended.
    init(_ descriptor: Int32, of listener: Listener? = nil, wasKept: Bool = false) {
        self.descriptor = descriptor
        self.listener = listener
        self.wasKept = wasKept
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !isHandedOn { listener?.forget() }
    }

    private var isHandedOn = false

    /// Hands the open descriptor back to the listener.
    func handOn() -> Int32 {
        isHandedOn = true
        return release()
    }

    /// Gives up the descriptor without closing it.
    @discardableResult func release() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// Whether the peer has closed and nothing is left to read.
    var hasEnded: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK)) == 0
    }

    /// Waits until one whole request has arrived, and leaves it in the socket for libfcgi to read.
    ///
    /// recv(2), MSG_PEEK: the data stay in the queue. A peek sees all segments that have arrived, of Unix and of TCP
    /// sockets, and poll(2) stays ready while they are there; so the rest of a request is waited for in short pauses.
    /// Returns nil when none came in time, or something that is not a request.
    func awaitRequest(peekingInto buffer: ReceiveBuffer) -> ParsedRequest? {
        let deadline = Clock.uptime + Limits.frontSeconds
        var parser = FastCGIRequestParser()
        var seen = 0
        var pause = 1
        var isPeerDone = false
        while true {
            let got = recv(descriptor, buffer.bytes.baseAddress, buffer.bytes.count, Int32(MSG_PEEK))
            if got > seen {
                seen = got
                pause = 1
                parser.parse(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<got]))
                switch parser.progress {
                case .complete: return ParsedRequest(parser)
                case .refused: return nil
                case .needsMore where got == buffer.bytes.count: guard buffer.grow() else { return nil }
                case .needsMore: break
                }
            } else if got < 0 {
                guard errno == EAGAIN, wait(for: POLLIN, until: deadline) else { return nil }
            } else {
                // Nothing new; 0 is the end of the stream.
                let left = deadline - Clock.uptime
                guard got > 0, !isPeerDone, left > 0 else { return nil }
                isPeerDone = wait(for: Int32(EPOLLRDHUP.rawValue), milliseconds: min(pause, Int(left * 1_000) + 1))
                pause = min(2 * pause, Limits.peekPauseMillisecondsMax)
            }
        }
    }

    /// Sends the bytes, as many as the peer takes in time. Returns whether all of them were sent. A disconnected peer
    /// is not an error: what was done is committed.
    @discardableResult func send(_ bytes: [UInt8]) -> Bool {
        var deadline: Double?
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else {
                let limit = deadline ?? Clock.uptime + Limits.frontSeconds
                deadline = limit
                guard errno == EAGAIN, wait(for: POLLOUT, until: limit) else { return false }
            }
        }
        return true
    }

    /// Lingering close: TCP discards what the peer has not read yet when a connection is closed with unread data.
    func linger(through buffer: ReceiveBuffer) {
        shutdown(descriptor, Int32(SHUT_WR))
        let deadline = Clock.uptime + Limits.lingerSeconds
        while true {
            let got = recv(descriptor, buffer.bytes.baseAddress, buffer.bytes.count, 0)
            if got == 0 || Clock.uptime >= deadline { return }
            if got < 0 { guard errno == EAGAIN, wait(for: POLLIN, until: deadline) else { return } }
        }
    }

    private func wait(for event: Int32, until deadline: Double) -> Bool {
        let left = deadline - Clock.uptime
        return left > 0 && wait(for: event, milliseconds: Int((left * 1_000).rounded(.up)))
    }

    private func wait(for event: Int32, milliseconds: Int) -> Bool {
        var interest = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&interest, 1, Int32(milliseconds)) == 1
    }
}

/// What a worker receives into. It grows for the rare request that does not fit, and stays so.
final class ReceiveBuffer {
    private(set) var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.receiveBytes, alignment: 16)

    deinit { bytes.deallocate() }

    /// Doubles the size; the content is lost. Returns false at the bound on a request.
    func grow() -> Bool {
        let size = min(2 * bytes.count, Limits.requestBytesMax)
        guard size > bytes.count else { return false }
        bytes.deallocate()
        bytes = .allocate(byteCount: size, alignment: 16)
        return true
    }
}
