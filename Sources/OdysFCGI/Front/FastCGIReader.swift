internal import CFCGI
internal import Glibc
internal import OdysCore

/// Reads requests through libfcgi, one after another, from whichever connection. Owned by one worker.
///
/// libfcgi has no deadlines, and some malformed records crash it. So it reads only what `WebConnection.awaitRequest`
/// has seen whole, and writes nothing.
///
/// `FCGX_Request` stays where it is allocated: its streams keep a pointer back to it (fcgiapp.c, `NewStream`).
final class FastCGIReader {
    private let request: UnsafeMutablePointer<FCGX_Request>

    /// `FCGX_Init` must have been called.
    init() {
        request = .allocate(capacity: 1)
        request.initialize(to: FCGX_Request())
        // No listening socket: the library accepts nothing by itself. It always returns 0.
        FCGX_InitRequest(request, -1, 0)
    }

    deinit {
        FCGX_Free(request, 0)
        request.deallocate()
    }

    /// - Parameter parsed: what the parser found in the request that the connection holds.
    /// - Returns: nil where libfcgi cannot read what the parser let through; the connection is closed then.
    func read(from connection: WebConnection, _ parsed: FastCGIRequestParser) -> Request? {
        request.pointee.ipcFd = connection.descriptor
        // Or FCGX_Accept_r would begin by closing the descriptor.
        request.pointee.keepConnection = 1
        guard FCGX_Accept_r(request) == 0 else {
            // It has closed the descriptor.
            connection.release()
            return nil
        }
        defer {
            // FCGX_Finish_r would write a response.
            FCGX_Free(request, 0)
            request.pointee.ipcFd = -1
        }
        var parameters: [Header] = []
        parameters.reserveCapacity(Self.parameters.count)
        var method = ""
        var target = ""
        var length = ""
        forEachParameter { name, value in
            switch name {
            case "REQUEST_METHOD": method = value
            case "REQUEST_URI": target = value
            case "CONTENT_LENGTH": length = value
            default: parameters.append(Header(name, value))
            }
        }
        return Request(
            method: method, target: target, parameters: parameters, body: body(parsed.bodyLength, announced: length))
    }

    /// The parameters that the program reads, in the order in which they came. A long value is cut one byte beyond
    /// the limit, where whoever reads it refuses it.
    private func forEachParameter(_ body: (String, String) -> Void) {
        guard var entry = request.pointee.envp else { return }
        while let pair = entry.pointee {
            entry += 1
            guard let equals = strchr(pair, Int32(UInt8(ascii: "="))) else { continue }
            let length = equals - pair
            guard let known = Self.parameters.first(where: { $0.isNamed(pair, length) }) else { continue }
            let value = UnsafeRawBufferPointer(start: equals + 1, count: strnlen(equals + 1, known.bytesMax + 1))
            body(known.name, String(decoding: value, as: UTF8.self))
        }
    }

    private struct Parameter {
        let name: String
        let bytes: [UInt8]
        let bytesMax: Int

        init(_ name: String) {
            self.name = name
            bytes = Array(name.utf8)
            // nginx joins the cookies of several lines.
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

    private func body(_ length: Int, announced: String) -> Request.Body {
        guard length <= Limits.bodyBytesMax else { return .tooLarge }
        // One byte more than there are, so that the end of the stream is read from the connection too.
        let bytes = [UInt8](unsafeUninitializedCapacity: length + 1) { buffer, count in
            // FCGX_GetStr(3): returns fewer bytes than asked for only at the end of the stream, or where it broke.
            let got = buffer.withMemoryRebound(to: CChar.self) {
                FCGX_GetStr($0.baseAddress, Int32(length + 1), request.pointee.in)
            }
            count = max(0, Int(got))
        }
        guard FCGX_GetError(request.pointee.in) == 0, bytes.count == length else { return .broken }
        guard !announced.isEmpty else { return .bytes(bytes) }
        guard let number = Int(digits: announced) else { return .broken }
        if number > Limits.bodyBytesMax { return .tooLarge }
        return number == length ? .bytes(bytes) : .broken
    }
}
