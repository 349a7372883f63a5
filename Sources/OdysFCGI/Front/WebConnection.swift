internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysHost

/// One connection of the web server's, with deadlines that hold for all of a request and all of an answer: a peer
/// that stalls, or sends a byte a second, holds its thread for some seconds and no longer.
///
/// Owns the descriptor, which does not block by itself. Belongs to one thread at a time.
final class WebConnection {
    private(set) var descriptor: Int32
    /// Whether it has carried a request before.
    let wasKept: Bool
    private let listener: Listener?
    /// Whether the peer wants to send another request after this one is answered.
    private(set) var isToBeKept = false
    private var mayBeClosedAtOnce = false

    /// - Parameter listener: is told when the connection has ended.
    init(_ descriptor: Int32, of listener: Listener? = nil, wasKept: Bool = false) {
        self.descriptor = descriptor
        self.listener = listener
        self.wasKept = wasKept
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        listener?.forget()
    }

    /// Gives the descriptor away, open.
    func release() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// Whether the peer has closed and nothing is left to read.
    var hasEnded: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK)) == 0
    }

    /// A whole request in the form that libfcgi is to read; nil when none came in time, or something else.
    ///
    /// - Parameter buffer: memory to receive into, one piece after another.
    func receiveRequest(through buffer: UnsafeMutableRawBufferPointer) -> [UInt8]? {
        let deadline = Clock.uptime + Limits.frontSeconds
        var intake = RequestIntake()
        while intake.progress == .needsMore {
            guard let bytes = receive(into: buffer, until: deadline), !bytes.isEmpty else { return nil }
            intake.take(bytes)
        }
        guard intake.progress == .complete else { return nil }
        isToBeKept = intake.keepsConnection
        mayBeClosedAtOnce = intake.isWhollyRead
        return intake.normalised
    }

    /// Writes as much of the answer as the peer takes in time.
    ///
    /// - Returns: whether all of it was written.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        let deadline = Clock.uptime + Limits.frontSeconds
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else {
                guard errno == EAGAIN, wait(for: POLLOUT, until: deadline) else { return false }
            }
        }
        return true
    }

    /// Ends the connection in good order: bytes that the peer has not read yet are lost with a TCP connection that is
    /// closed while there are unread ones on this side.
    func end(through buffer: UnsafeMutableRawBufferPointer) {
        guard !mayBeClosedAtOnce else { return }
        shutdown(descriptor, Int32(SHUT_WR))
        let farewell = Clock.uptime + Limits.frontFarewellSeconds
        while let bytes = receive(into: buffer, until: farewell), !bytes.isEmpty {}
    }

    /// - Returns: the next bytes; empty where the peer has ended, nil where nothing came in time.
    private func receive(
        into buffer: UnsafeMutableRawBufferPointer, until deadline: Double
    ) -> UnsafeRawBufferPointer? {
        while true {
            let got = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if got >= 0 { return Clock.uptime < deadline ? UnsafeRawBufferPointer(rebasing: buffer[..<got]) : nil }
            guard errno == EAGAIN, wait(for: POLLIN, until: deadline) else { return nil }
        }
    }

    private func wait(for event: Int32, until deadline: Double) -> Bool {
        let left = deadline - Clock.uptime
        guard left > 0 else { return false }
        var interest = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&interest, 1, Int32((left * 1_000).rounded(.up))) == 1
    }
}
