internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysDelivery

/// One FastCGI request after another, each on a connection of its own. Owned by one worker.
///
/// libfcgi reads and writes a file in memory and never the connection: it has no deadlines, and some records end the
/// process that reads them with it. What is written there for it to read has come through `RequestIntake`.
///
/// `FCGX_Request` stays where it is allocated: its streams keep a pointer back to it (fcgiapp.c, `NewStream`).
final class FastCGIRequest {
    private let request: UnsafeMutablePointer<FCGX_Request>
    private let memory: Int32
    private var connection: WebConnection?

    /// `FCGX_Init` must have been called.
    init() {
        request = .allocate(capacity: 1)
        request.initialize(to: FCGX_Request())
        // No listening socket: the library accepts nothing by itself.
        FCGX_InitRequest(request, -1, 0)
        let closedOnExec: UInt32 = 1  // MFD_CLOEXEC
        memory = memfd_create("odys-request", closedOnExec)
        precondition(memory >= 0, "memfd_create: \(String(cString: strerror(errno)))")
    }

    deinit {
        FCGX_Free(request, 1)
        request.deallocate()
        close(memory)
    }

    /// Reads the request that comes on a connection, which belongs to this object from here on.
    ///
    /// - Returns: nil when the peer sent no request in time, or something else; the connection is closed then.
    func take(_ descriptor: Int32) -> Request? {
        let connection = WebConnection(descriptor)
        guard let bytes = connection.receiveRequest(), begin(reading: bytes) else { return nil }
        self.connection = connection
        var parameters: [Header] = []
        var method = ""
        var target = ""
        var length: String?
        forEachParameter { name, value in
            switch name {
            case "REQUEST_METHOD": method = value
            case "REQUEST_URI": target = value
            case "CONTENT_LENGTH": length = value
            default: parameters.append(Header(name, value))
            }
        }
        return Request(method: method, target: target, parameters: parameters, body: body(announced: length))
    }

    private func begin(reading bytes: [UInt8]) -> Bool {
        ftruncate(memory, 0)
        // A write to memory is whole, or there is no memory left.
        guard bytes.withUnsafeBytes({ pwrite(memory, $0.baseAddress, $0.count, 0) }) == bytes.count else {
            return false
        }
        lseek(memory, 0, SEEK_SET)
        // With a descriptor in ipcFd and keepConnection set, FCGX_Accept_r reads from it and does not accept one; the
        // library closes it. A copy shares the position with ours.
        request.pointee.ipcFd = fcntl(memory, F_DUPFD_CLOEXEC, 0)
        request.pointee.keepConnection = 1
        guard request.pointee.ipcFd >= 0, FCGX_Accept_r(request) == 0 else { return false }
        request.pointee.keepConnection = 0
        return true
    }

    /// Writes the answer and ends the connection.
    func finish(_ response: Response) {
        var head = "Status: \(response.status)\r\n"
        for header in response.headers { head += "\(header.name): \(header.value)\r\n" }
        head += "\r\n"
        let bytes = Array(head.utf8) + response.body
        // From here on the file holds the answer.
        ftruncate(memory, 0)
        lseek(memory, 0, SEEK_SET)
        bytes.withUnsafeBytes { buffer in
            _ = FCGX_PutStr(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), request.pointee.out)
        }
        FCGX_Finish_r(request)
        let size = Int(lseek(memory, 0, SEEK_CUR))
        let answer = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = max(0, pread(memory, buffer.baseAddress, size, 0))
        }
        // That the peer has gone is the peer's affair: what was done is committed.
        connection?.send(answer)
        connection = nil
    }

    /// The parameters that the program reads, in the order in which they came. A long value is cut one byte behind the
    /// limit, where whoever reads it refuses it.
    private func forEachParameter(_ body: (String, String) -> Void) {
        guard var entry = request.pointee.envp else { return }
        while let pair = entry.pointee {
            entry += 1
            guard let equals = strchr(pair, Int32(UInt8(ascii: "="))) else { continue }
            let name = UnsafeRawBufferPointer(start: pair, count: equals - pair)
            guard
                let known = Self.parameters.first(where: { known in
                    known.utf8CodeUnitCount == name.count && known.withUTF8Buffer { $0.elementsEqual(name) }
                })
            else { continue }
            // Cookies of several lines may have been joined to one parameter.
            let limit = "\(known)" == "HTTP_COOKIE" ? Limits.cookieBytesMax : Limits.headerBytesMax
            let value = UnsafeRawBufferPointer(start: equals + 1, count: min(strlen(equals + 1), limit + 1))
            body("\(known)", String(decoding: value, as: UTF8.self))
        }
    }

    private static let parameters: [StaticString] = [
        "REQUEST_METHOD", "REQUEST_URI", "CONTENT_LENGTH", "CONTENT_TYPE", "REQUEST_ID", "HTTP_AUTHORIZATION",
        "HTTP_ACCEPT", "HTTP_ORIGIN", "HTTP_X_REQUEST_ID", "HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH",
        "HTTP_CONTENT_TYPE", "HTTP_TRACEPARENT", "HTTP_COOKIE", "HTTP_SEC_FETCH_SITE",
    ]

    private func body(announced: String?) -> Request.Body {
        var expected: Int?
        if let announced, !announced.isEmpty {
            guard announced.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(announced) else {
                return .broken
            }
            guard number <= Limits.bodyBytesMax else { return .tooLarge }
            expected = number
        }
        let capacity = (expected ?? Limits.bodyBytesMax) + 1
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            // FCGX_GetStr(3): returns fewer bytes than asked for only at the end of the stream, or where it broke.
            let got = buffer.withMemoryRebound(to: CChar.self) {
                FCGX_GetStr($0.baseAddress, Int32(capacity), request.pointee.in)
            }
            count = max(0, Int(got))
        }
        guard FCGX_GetError(request.pointee.in) == 0 else { return .broken }
        if let expected { return bytes.count == expected ? .bytes(bytes) : .broken }
        return bytes.count < capacity ? .bytes(bytes) : .tooLarge
    }
}
