internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysDelivery

/// One connection of the web server's, with deadlines that hold for all of a request and all of an answer: a peer
/// that stalls, or sends a byte a second, holds its thread for some seconds and no longer.
///
/// Owns the descriptor, which does not block by itself.
final class WebConnection {
    private let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// A whole request in the form that libfcgi is to read; nil when none came in time, or something else.
    func receiveRequest() -> [UInt8]? {
        let deadline = Clock.uptime + Limits.frontSeconds
        var intake = RequestIntake()
        while intake.progress == .needsMore {
            guard let bytes = receive(until: deadline), !bytes.isEmpty else { return nil }
            intake.take(bytes)
        }
        return intake.progress == .complete ? intake.normalised : nil
    }

    /// Writes as much of the answer as the peer takes in time, and ends the connection in good order.
    func send(_ bytes: [UInt8]) {
        let deadline = Clock.uptime + Limits.frontSeconds
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else {
                guard errno == EAGAIN, wait(for: POLLOUT, until: deadline) else { return }
            }
        }
        // The peer closes first where it can: bytes that it has not read yet are lost with a TCP connection that is
        // closed while there are unread ones.
        shutdown(descriptor, Int32(SHUT_WR))
        let farewell = Clock.uptime + Limits.frontFarewellSeconds
        while let bytes = receive(until: farewell), !bytes.isEmpty {}
    }

    /// - Returns: the next bytes; empty where the peer has ended, nil where nothing came in time.
    private func receive(until deadline: Double) -> [UInt8]? {
        while true {
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 16 * 1024) { buffer, count in
                let got = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                failure = got < 0 ? errno : 0
                count = max(0, got)
            }
            if failure == 0 { return Clock.uptime < deadline ? bytes : nil }
            guard failure == EAGAIN, wait(for: POLLIN, until: deadline) else { return nil }
        }
    }

    private func wait(for event: Int32, until deadline: Double) -> Bool {
        let left = deadline - Clock.uptime
        guard left > 0 else { return false }
        var interest = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&interest, 1, Int32((left * 1_000).rounded(.up))) == 1
    }
}
