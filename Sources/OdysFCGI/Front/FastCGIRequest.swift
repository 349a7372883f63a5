internal import CFCGI
internal import Glibc
internal import OdysCore

/// One FastCGI request after another, on whichever connection. Owned by one worker.
///
/// libfcgi reads a file in memory and never the connection: it has no deadlines, and some records end the process that
/// reads them with it. What is written there for it to read has come through `RequestIntake`. To the connection it
/// writes only what fits without waiting.
///
/// `FCGX_Request` stays where it is allocated: its streams keep a pointer back to it (fcgiapp.c, `NewStream`).
final class FastCGIRequest {
    private let request: UnsafeMutablePointer<FCGX_Request>
    private let buffer: UnsafeMutableRawBufferPointer
    private var connection: WebConnection?

    /// `FCGX_Init` must have been called.
    init() {
        request = .allocate(capacity: 1)
        request.initialize(to: FCGX_Request())
        // No listening socket: the library accepts nothing by itself.
        FCGX_InitRequest(request, -1, 0)
        buffer = .allocate(byteCount: Limits.receiveBytes, alignment: 16)
        openMemory()
    }

    deinit {
        FCGX_Free(request, 1)
        request.deallocate()
        buffer.deallocate()
    }

    /// Reads the request that comes on a connection, which belongs to this object until it is answered.
    ///
    /// - Returns: nil when the peer sent no request in time, or something else; the connection is closed then.
    func take(_ connection: WebConnection) -> Request? {
        guard let bytes = connection.receiveRequest(through: buffer), begin(reading: bytes) else { return nil }
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

    private func openMemory() {
        let closedOnExec: UInt32 = 1  // MFD_CLOEXEC
        request.pointee.ipcFd = memfd_create("odys-request", closedOnExec)
        // Or FCGX_Accept_r would begin by closing it.
        request.pointee.keepConnection = 1
    }

    /// Lets the library read a request. It keeps the file open from one request to the next, because the request says
    /// so (FCGI_KEEP_CONN), and closes it after something that it could not read.
    private func begin(reading bytes: [UInt8]) -> Bool {
        if request.pointee.ipcFd < 0 { openMemory() }
        let memory = request.pointee.ipcFd
        // A write to memory is whole, or there is no memory left. What is left behind its end of a longer one before,
        // the library does not look at: it reads as far as a request goes.
        guard bytes.withUnsafeBytes({ pwrite(memory, $0.baseAddress, $0.count, 0) }) == bytes.count else {
            return false
        }
        lseek(memory, 0, SEEK_SET)
        // With a descriptor in ipcFd FCGX_Accept_r reads from it and does not accept one.
        return FCGX_Accept_r(request) == 0
    }

    /// Writes the answer, and ends the connection unless the peer wants it kept.
    ///
    /// - Returns: the connection where it is to be kept.
    func finish(_ response: Response) -> WebConnection? {
        guard let connection else { return nil }
        self.connection = nil
        guard FCGX_GetError(request.pointee.in) == 0 else {
            // It read something that `RequestIntake` should have kept from it, and closes what it read from.
            FCGX_Finish_r(request)
            return nil
        }
        let bytes = response.bytes
        let isWritten =
            bytes.count <= Limits.answerBytesAtOnce
            ? write(bytes, to: connection.descriptor) : connection.send(answer(bytes))
        // That the peer has gone is the peer's affair: what was done is committed.
        guard isWritten else { return nil }
        if connection.isToBeKept { return connection }
        connection.end(through: buffer)
        return nil
    }

    /// The library writes an answer of this length in one piece, when it is finished; it fits without waiting into a
    /// connection whose peer has read what came before.
    ///
    /// - Returns: whether all of it was written.
    private func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        let memory = request.pointee.ipcFd
        request.pointee.ipcFd = descriptor
        defer { request.pointee.ipcFd = memory }
        put(bytes)
        // In this order the last record goes with the rest. FCGX_FClose(3): 0, or what writing failed with.
        FCGX_FClose(request.pointee.err)
        let failure = FCGX_FClose(request.pointee.out)
        FCGX_Finish_r(request)
        return failure == 0
    }

    /// What the library would write: a long answer has a deadline, which the library does not keep.
    private func answer(_ bytes: [UInt8]) -> [UInt8] {
        // From here on the file holds the answer.
        let memory = request.pointee.ipcFd
        lseek(memory, 0, SEEK_SET)
        put(bytes)
        FCGX_Finish_r(request)
        let size = Int(lseek(memory, 0, SEEK_CUR))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = max(0, pread(memory, buffer.baseAddress, size, 0))
        }
    }

    private func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            _ = FCGX_PutStr(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), request.pointee.out)
        }
    }

    /// The parameters that the program reads, in the order in which they came. A long value is cut one byte behind the
    /// limit, where whoever reads it refuses it.
    private func forEachParameter(_ body: (String, String) -> Void) {
        guard var entry = request.pointee.envp else { return }
        while let pair = entry.pointee {
            entry += 1
            guard let equals = strchr(pair, Int32(UInt8(ascii: "="))) else { continue }
            let length = equals - pair
            guard let known = Self.parameters.first(where: { $0.isNamed(pair, length) }) else { continue }
            let value = UnsafeRawBufferPointer(start: equals + 1, count: min(strlen(equals + 1), known.bytesMax + 1))
            body(known.name, String(decoding: value, as: UTF8.self))
        }
    }

    /// A parameter that the program reads.
    private struct Parameter {
        let name: String
        let bytes: [UInt8]
        let bytesMax: Int

        init(_ name: String) {
            self.name = name
            bytes = Array(name.utf8)
            // Cookies of several lines may have been joined to one parameter.
            bytesMax = name == "HTTP_COOKIE" ? Limits.cookieBytesMax : Limits.headerBytesMax
        }

        func isNamed(_ text: UnsafePointer<CChar>, _ length: Int) -> Bool {
            bytes.count == length && memcmp(bytes, text, length) == 0
        }
    }

    private static let parameters = [
        "REQUEST_METHOD", "REQUEST_URI", "CONTENT_LENGTH", "CONTENT_TYPE", "REQUEST_ID", "HTTP_AUTHORIZATION",
        "HTTP_ACCEPT", "HTTP_ORIGIN", "HTTP_X_REQUEST_ID", "HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH",
        "HTTP_CONTENT_TYPE", "HTTP_TRACEPARENT", "HTTP_COOKIE", "HTTP_SEC_FETCH_SITE",
    ].map(Parameter.init)

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

extension Response {
    /// In the form of CGI (RFC 3875, section 6), which the web server makes an HTTP answer of.
    fileprivate var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(512 + body.count)
        out += "Status: \(status)\r\n".utf8
        for header in headers {
            out += header.name.utf8
            out += ": ".utf8
            out += header.value.utf8
            out += "\r\n".utf8
        }
        // Without it the web server would send the body in chunks.
        if !body.isEmpty { out += "Content-Length: \(body.count)\r\n".utf8 }
        out += "\r\n".utf8
        out += body
        return out
    }
}
