/// Judges the bytes of one FastCGI request as they arrive: a beginning, the parameters, the body; all of one request,
/// well formed and within bounds. It copies none of the bytes of a usual request.
///
/// It stands in front of libfcgi, which some malformed records crash. libfcgi reads from the connection only what has
/// passed here.
public struct FastCGIRequestParser: Sendable {
    public enum Progress: Sendable, Equatable {
        case needsMore
        case complete
        /// Not what a web server sends.
        case refused
    }

    public private(set) var progress = Progress.needsMore
    public private(set) var requestID: UInt16 = 0
    /// Bytes of the body. More than `Limits.bodyBytesMax` means at least so many: the rest is not waited for.
    public private(set) var bodyLength = 0
    private var asksToKeep = false
    private var awaited = FastCGIRecord.Kind.beginRequest
    /// Where the next record begins.
    private var position = 0
    private var isFullyConsumed = false
    /// Where the one record of parameters stands, as web servers send it.
    private var parameters = 0..<0
    /// The parameters, where several records carry them.
    private var joined: [UInt8] = []

    public init() {}

    /// Whether nothing was received that does not belong to the request, and nothing of it is still to come. Only
    /// then may the connection carry another request, and only then may it be closed without lingering.
    public var endsCleanly: Bool { isFullyConsumed && bodyLength <= Limits.bodyBytesMax }

    /// Whether the peer asked to keep the connection (FCGI_KEEP_CONN), and it can be kept.
    public var keepsAlive: Bool { asksToKeep && endsCleanly }

    /// - Parameter received: everything that has arrived so far, from the first byte of the request on.
    public mutating func parse(_ received: UnsafeRawBufferPointer) {
        while progress == .needsMore, parseRecord(received) {}
        isFullyConsumed = progress == .complete && position == received.count
    }

    /// - Returns: false when the next record is not whole yet.
    private mutating func parseRecord(_ received: UnsafeRawBufferPointer) -> Bool {
        let start = position + FastCGIRecord.Head.bytes
        guard start <= received.count else { return false }
        let head = FastCGIRecord.Head(UnsafeRawBufferPointer(rebasing: received[position..<start]))
        if requestID == 0 { requestID = head.requestID }
        // Judged by its head alone: a record that must not be there is not waited for. The id 0 is that of management
        // records.
        guard head.version == 1, head.kind == awaited, head.requestID == requestID, requestID != 0 else {
            progress = .refused
            return true
        }
        let end = start + head.contentLength
        guard end + head.paddingLength <= received.count else { return false }
        position = end + head.paddingLength
        progress = parse(start..<end, of: received)
        return true
    }

    private mutating func parse(_ range: Range<Int>, of received: UnsafeRawBufferPointer) -> Progress {
        let content = UnsafeRawBufferPointer(rebasing: received[range])
        switch awaited {
        case .beginRequest:
            // The role of a responder, in two bytes; flags; five reserved bytes.
            guard content.count == 8, content[0] == 0, content[1] == 1 else { return .refused }
            asksToKeep = content[2] & 1 == 1
            awaited = .parameters
        case .parameters where content.isEmpty:
            let areGood =
                joined.isEmpty
                ? Self.areWellFormed(UnsafeRawBufferPointer(rebasing: received[parameters]))
                : joined.withUnsafeBytes(Self.areWellFormed)
            guard areGood else { return .refused }
            awaited = .standardInput
        case .parameters where parameters.isEmpty && range.count <= Limits.parameterBytesMax: parameters = range
        case .parameters:
            if joined.isEmpty { joined.append(contentsOf: received[parameters]) }
            guard joined.count + content.count <= Limits.parameterBytesMax else { return .refused }
            joined.append(contentsOf: content)
        case .standardInput where content.isEmpty: return .complete
        case .standardInput:
            bodyLength += content.count
            if bodyLength > Limits.bodyBytesMax { return .complete }
        case .endRequest, .standardOutput, .standardError: return .refused
        }
        return .needsMore
    }

    /// Whether the parameters are whole names and values (FastCGI specification, 3.4) without a NUL, which would end
    /// a value for one reader and not for another.
    private static func areWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        func length() -> Int? {
            guard position < bytes.count else { return nil }
            let first = Int(bytes[position])
            guard first > 127 else {
                position += 1
                return first
            }
            guard position + 4 <= bytes.count else { return nil }
            defer { position += 4 }
            return bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) } & 0x7FFF_FFFF
        }
        while position < bytes.count {
            guard let name = length(), let value = length(), name + value <= bytes.count - position,
                !bytes.bytes.extracting(position..<(position + name + value)).contains(
                    { $0 == 0 }, inEight: { $0.bytes(below: 1) != 0 })
            else { return false }
            position += name + value
        }
        return true
    }
}

/// What the parser found in a whole request. Without its buffer, since each hand over of the parser itself would cost
/// more than its work.
public struct ParsedRequest: Sendable, Equatable {
    public let requestID: UInt16
    public let bodyLength: Int
    public let endsCleanly: Bool
    public let keepsAlive: Bool

    public init(_ parser: FastCGIRequestParser) {
        requestID = parser.requestID
        bodyLength = parser.bodyLength
        endsCleanly = parser.endsCleanly
        keepsAlive = parser.keepsAlive
    }
}
