import Foundation
import Glibc
import Synchronization

/// A web server for one test: it takes one connection after another on a thread of its own, reads each request to its
/// end and does with the connection what the script says.
final class LoopbackServer: Sendable {
    enum Step: Sendable {
        /// Writes this and closes. Every byte of the request has been read.
        case answer(String)
        /// Answers, keeps the connection and closes it once the client has.
        case answerAndWait(String)
        /// Answers, and resets the connection once the client's host has all of it.
        case answerAndReset(String)
        /// Closes without an answer.
        case close
        /// Resets the connection without an answer.
        case reset
        /// Answers, closes or resets without having read anything.
        case answerUnread(String)
        case closeUnread
        case resetUnread
    }

    let port: UInt16
    private let listener: Int32
    private let seen = Mutex<[String]>([])
    private let ended = DispatchSemaphore(value: 0)

    /// What each connection brought, in order.
    var requests: [String] { seen.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(port)" }

    init(_ script: [Step]) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(listener, generic, size) == 0, listen(listener, 16) == 0,
                    getsockname(listener, generic, &size) == 0
                else { return nil }
                return pointer.pointee.sin_port.bigEndian
            }
        }
        guard let port else { throw POSIXError(.EADDRNOTAVAIL) }
        self.port = port
        self.listener = listener
        Thread.detachNewThread { self.run(script) }
    }

    /// Stops listening; every connection that was made is served and counted when this returns.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        ended.wait()
        close(listener)
    }

    private func run(_ script: [Step]) {
        var steps = script[...]
        while case let connection = accept(listener, nil, nil), connection >= 0 {
            // Nothing here waits for ever, whatever the client does.
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            serve(connection, steps.popFirst() ?? .close)
        }
        ended.signal()
    }

    private func serve(_ connection: Int32, _ step: Step) {
        switch step {
        case .answerUnread, .closeUnread, .resetUnread: seen.withLock { $0.append("") }
        case .answer, .answerAndWait, .answerAndReset, .close, .reset:
            let request = read(connection)
            seen.withLock { $0.append(request) }
        }
        switch step {
        case .answer(let text), .answerUnread(let text): write(text, connection)
        case .answerAndWait(let text):
            write(text, connection)
            var byte: UInt8 = 0
            _ = recv(connection, &byte, 1, 0)
        case .answerAndReset(let text):
            write(text, connection)
            waitUntilAcknowledged(connection)
            resetAtClose(connection)
        case .close, .closeUnread: break
        case .reset, .resetUnread: resetAtClose(connection)
        }
        close(connection)
    }

    /// Until the client's host has all that was written, or the connection has ended: a reset would drop the rest.
    private func waitUntilAcknowledged(_ connection: Int32) {
        var state = pollfd(fd: connection, events: 0, revents: 0)
        var unacknowledged: Int32 = 1
        while unacknowledged > 0, poll(&state, 1, 1) == 0 {
            guard ioctl(connection, UInt(TIOCOUTQ), &unacknowledged) == 0 else { return }
        }
    }

    /// A close with nothing to linger for is a reset.
    private func resetAtClose(_ connection: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }

    /// A head, and as much of a body as it announces.
    private func read(_ connection: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let announced = text.range(of: "Content-Length: ").flatMap { start in
                    Int(text[start.upperBound...].prefix { $0.isNumber })
                }
                if text[end.upperBound...].utf8.count >= announced ?? 0 { return text }
            }
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return text }
            bytes += chunk[..<count]
        }
    }

    private func write(_ text: String, _ connection: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
