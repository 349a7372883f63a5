internal import Glibc
internal import OdysCore
internal import OdysHost

/// A GET to a responder over its own socket, as a web server would send it. Each request has a connection of its own
/// and a deadline: a frozen responder must not freeze this command.
struct FastCGIClient {
    /// Why there is no answer, in words for the operator.
    struct Failure: Error {
        let words: String

        /// It took the connection and did not answer in time.
        static let silent = Failure(words: "does not answer")
        /// Its answer is not a CGI response.
        static let garbled = Failure(words: "ended without an answer")
        static func refused(_ reason: String) -> Failure { Failure(words: "does not listen: \(reason)") }
    }

    let path: String

    /// A responder answers within this time, also while its database does not.
    private static let seconds = 5.0
    private static let answerBytesMax = 1 << 20

    /// - Parameter target: path and query, such as `/status/1?full`.
    func get(_ target: String) throws(Failure) -> (status: Int, body: [UInt8]) {
        let socket = try connect()
        defer { close(socket) }
        let deadline = Clock.uptime + Self.seconds
        let parameters = FastCGIRecord.parameters([
            ("REQUEST_METHOD", "GET"), ("REQUEST_URI", target), ("SERVER_PROTOCOL", "HTTP/1.1"),
        ])
        var request: [UInt8] = []
        // The role of a responder; the connection is closed after the answer.
        FastCGIRecord.append(.beginRequest, 1, [0, 1, 0, 0, 0, 0, 0, 0], to: &request)
        FastCGIRecord.append(stream: .parameters, 1, parameters, to: &request)
        FastCGIRecord.append(stream: .standardInput, 1, [], to: &request)
        let sent = request.withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count
        }
        guard sent else { throw .silent }
        var output: [UInt8] = []
        while output.count <= Self.answerBytesMax {
            let head = try receive(FastCGIRecord.Head.bytes, from: socket, until: deadline)
                .withUnsafeBytes(FastCGIRecord.Head.init)
            let content = try receive(head.contentLength + head.paddingLength, from: socket, until: deadline)
            if head.kind == .standardOutput { output += content.prefix(head.contentLength) }
            if head.kind == .endRequest { return try answer(output) }
        }
        throw .garbled
    }

    private func connect() throws(Failure) -> Int32 {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw .refused(String(cString: strerror(errno))) }
        // A full queue makes connect and send wait, too.
        var limit = timeval(tv_sec: Int(Self.seconds), tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = UnixSocket.withAddress(of: path) { Glibc.connect(socket, $0, $1) }
        if result == 0 { return socket }
        let reason = errno
        close(socket)
        guard result != nil else { throw .refused("the path is too long") }
        throw reason == EAGAIN || reason == ETIMEDOUT ? .silent : .refused(String(cString: strerror(reason)))
    }

    private func answer(_ output: [UInt8]) throws(Failure) -> (status: Int, body: [UInt8]) {
        let text = String(decoding: output, as: UTF8.self)
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let status = parts[0].split(separator: "\r\n").first, status.hasPrefix("Status: "),
            let number = Int(status.dropFirst(8).prefix(3))
        else { throw .garbled }
        return (number, Array(parts[1].utf8))
    }

    private func receive(_ count: Int, from socket: Int32, until deadline: Double) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let left = deadline - Clock.uptime
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&waiting, 1, Int32(left * 1_000) + 1) == 1 else { throw .silent }
            var chunk = [UInt8](repeating: 0, count: count - bytes.count)
            let got = recv(socket, &chunk, chunk.count, 0)
            guard got > 0 else { throw .garbled }
            bytes += chunk[..<got]
        }
        return bytes
    }
}
