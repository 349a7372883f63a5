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
    func read(from connection: WebConnection, _ parsed: ParsedRequest) -> Request? {
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
        var fields: [(name: Request.Parameter, value: String)] = []
        fields.reserveCapacity(Request.Parameter.allCases.count)
        var method = ""
        var target = ""
        var length = ""
        forEachParameter { name, value in
            switch name {
            case .method: method = value
            case .target: target = value
            case .contentLength: length = value
            case .contentType, .serverRequestID, .accept, .authorization, .clientContentType, .clientRequestID, .cookie,
                .idempotencyKey, .ifMatch, .ifNoneMatch, .origin, .secFetchSite, .traceparent:
                fields.append((name, value))
            }
        }
        return Request(method: method, target: target, fields: fields, body: body(parsed.bodyLength, announced: length))
    }

    /// The parameters that the program reads, in the order in which they came. A long value is cut one byte beyond
    /// the limit, where whoever reads it refuses it.
    private func forEachParameter(_ body: (Request.Parameter, String) -> Void) {
        guard var entry = request.pointee.envp else { return }
        while let pair = entry.pointee {
            entry += 1
            guard let equals = strchr(pair, Int32(UInt8(ascii: "="))) else { continue }
            let length = equals - pair
            guard length < Self.namesByLength.count,
                let name = Self.namesByLength[length].first(where: { memcmp($0.bytes, pair, length) == 0 })?.name
            else { continue }
            let value = UnsafeRawBufferPointer(start: equals + 1, count: strnlen(equals + 1, name.bytesMax + 1))
            body(name, String(decoding: value, as: UTF8.self))
        }
    }

    /// The names at the index of their length: most parameters are none of them, and most have another length.
    private static let namesByLength: [[(bytes: [UInt8], name: Request.Parameter)]] = {
        let names = Request.Parameter.allCases.map { (bytes: Array($0.rawValue.utf8), name: $0) }
        return (0...(names.map(\.bytes.count).max() ?? 0)).map { length in names.filter { $0.bytes.count == length } }
    }()

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
