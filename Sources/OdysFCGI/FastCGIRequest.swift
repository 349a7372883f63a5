internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysDelivery

/// One FastCGI request after another, each on a connection of its own. Owned by one worker.
///
/// `FCGX_Request` stays where it is allocated: its streams keep a pointer back to it (fcgiapp.c, `NewStream`).
final class FastCGIRequest {
    private let request: UnsafeMutablePointer<FCGX_Request>

    /// `FCGX_Init` must have been called.
    init() {
        request = .allocate(capacity: 1)
        request.initialize(to: FCGX_Request())
        // No listening socket: the library accepts nothing by itself.
        FCGX_InitRequest(request, -1, 0)
    }

    deinit {
        FCGX_Free(request, 1)
        request.deallocate()
    }

    /// Reads the request that comes on a connection and copies it out of the library's memory, which lasts only until
    /// the next one. The connection belongs to the library from here on, and is closed in any case.
    ///
    /// - Returns: nil when the peer sent no complete head in time.
    func take(_ connection: Int32) -> Request? {
        let deadline = Clock.uptime + Double(Limits.frontSilenceSeconds)
        // With a connection in ipcFd and keepConnection set, FCGX_Accept_r reads from it and does not accept one.
        request.pointee.ipcFd = connection
        request.pointee.keepConnection = 1
        guard FCGX_Accept_r(request) == 0 else { return nil }
        // The library takes a head that stops half-way for a whole one, and the body gets what is left of the time.
        guard limitSilence(until: deadline, connection) else {
            request.pointee.keepConnection = 0
            FCGX_Finish_r(request)
            return nil
        }
        // Whatever the web server asked for, the connection ends with the answer: nothing of one request can be taken
        // for the beginning of another.
        request.pointee.keepConnection = 0
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

    /// Lets reads of the connection give up at the deadline.
    ///
    /// - Returns: false when it has passed.
    private func limitSilence(until deadline: Double, _ connection: Int32) -> Bool {
        let left = deadline - Clock.uptime
        guard left > 0 else { return false }
        var silence = timeval(tv_sec: Int(left), tv_usec: Int(left.truncatingRemainder(dividingBy: 1) * 1e6) + 1)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &silence, socklen_t(MemoryLayout<timeval>.size))
        return true
    }

    /// Writes the answer and ends the connection.
    func finish(_ response: Response) {
        var head = "Status: \(response.status)\r\n"
        for header in response.headers { head += "\(header.name): \(header.value)\r\n" }
        head += "\r\n"
        let bytes = Array(head.utf8) + response.body
        bytes.withUnsafeBytes { buffer in
            // FCGX_PutStr returns -1 when the peer has gone, which is the peer's affair: what was done is committed.
            _ = FCGX_PutStr(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), request.pointee.out)
        }
        FCGX_Finish_r(request)
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
