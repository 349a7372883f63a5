internal import Glibc
internal import OdysCore

/// One GET to a responder, over its own socket, as a web server would send it. Each use opens a connection, asks,
/// reads the answer and closes, all within a deadline: a responder that is frozen must not freeze the one who looks.
struct FastCGIClient {
    struct Answer {
        let status: Int
        let body: [UInt8]
    }

    enum Failure: Error {
        /// Nobody listens there.
        case refused(String)
        /// It took the connection and did not answer in time.
        case silent
        /// What it said is no answer.
        case garbled
    }

    let path: String
    let seconds: Double

    /// - Parameter target: path and query, such as `/status/1?full`.
    func get(_ target: String) throws(Failure) -> Answer {
        let socket = try connect()
        defer { close(socket) }
        let deadline = now + seconds
        let parameters = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", target), ("SERVER_PROTOCOL", "HTTP/1.1")]
        let request =
            record(.begin, [0, 1, 0, 0, 0, 0, 0, 0]) + record(.parameters, parameters.flatMap(pair))
            + record(.parameters, []) + record(.input, [])
        guard request.withUnsafeBytes({ send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }) == request.count
        else { throw .silent }
        let input = Input(socket: socket, deadline: deadline)
        var output: [UInt8] = []
        while true {
            // A record: version, type, id (2 bytes), length (2), padding, one reserved (FastCGI 1.0, section 3.3).
            let head = try input.take(8)
            let length = Int(head[4]) << 8 | Int(head[5])
            let content = try input.take(length + Int(head[6])).prefix(length)
            if head[1] == Kind.output.rawValue { output += content }
            if head[1] == Kind.end.rawValue { break }
            guard output.count <= Self.answerBytesMax else { throw .garbled }
        }
        return try answer(output)
    }

    private static let answerBytesMax = 1 << 20

    private enum Kind: UInt8 {
        case begin = 1
        case end = 3
        case parameters = 4
        case input = 5
        case output = 6
    }

    private var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func connect() throws(Failure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw .refused("the path is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw .refused(String(cString: strerror(errno))) }
        // A queue that is full makes connect and send wait, too.
        var limit = timeval(tv_sec: Int(seconds), tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let reason = errno
            close(socket)
            if reason == EAGAIN || reason == ETIMEDOUT { throw .silent }
            throw .refused(String(cString: strerror(reason)))
        }
        return socket
    }

    private func record(_ kind: Kind, _ content: [UInt8]) -> [UInt8] {
        [1, kind.rawValue, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 255), 0, 0] + content
    }

    private func pair(_ name: String, _ value: String) -> [UInt8] {
        func length(_ text: String) -> [UInt8] {
            let count = text.utf8.count
            return count < 128 ? [UInt8(count)] : [0x80, 0, UInt8(count >> 8 & 255), UInt8(count & 255)]
        }
        return length(name) + length(value) + Array(name.utf8) + Array(value.utf8)
    }

    private func answer(_ output: [UInt8]) throws(Failure) -> Answer {
        let text = String(decoding: output, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n"), let status = text[..<end.lowerBound].split(separator: "\r\n").first,
            status.hasPrefix("Status: "), let number = Int(status.dropFirst(8).prefix(3))
        else { throw .garbled }
        return Answer(status: number, body: Array(text[end.upperBound...].utf8))
    }

    /// Bytes as they come, until the deadline.
    private struct Input {
        let socket: Int32
        let deadline: Double

        func take(_ count: Int) throws(Failure) -> [UInt8] {
            var bytes: [UInt8] = []
            while bytes.count < count {
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                let left = deadline - Double(time.tv_sec) - Double(time.tv_nsec) / 1e9
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
}

extension String {
    /// The first place of a short text.
    fileprivate func range(of separator: String) -> Range<String.Index>? {
        let wanted = Array(separator.utf8)
        let bytes = Array(utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            let lower = utf8.index(utf8.startIndex, offsetBy: start)
            return lower..<utf8.index(lower, offsetBy: wanted.count)
        }
        return nil
    }
}
