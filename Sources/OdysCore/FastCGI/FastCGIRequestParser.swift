/// Takes the bytes of one FastCGI request in, however they are cut, and lets only a request of the usual form through:
/// a beginning, the parameters, the body; all of one request, and within bounds.
///
/// It stands in front of libfcgi, which does not survive every record that somebody could send. What libfcgi gets to
/// read is `normalised`, which is written here and not by the peer.
public struct RequestIntake: Sendable {
    public enum Progress: Sendable, Equatable {
        case needsMore
        case complete
        /// Not what a web server sends.
        case refused
    }

    /// Types of records (FastCGI specification 1.0, section 8), in the order in which they come.
    private enum Kind: UInt8 {
        case begin = 1
        case parameters = 4
        case body = 5
    }

    private static let headerBytes = 8
    private var received: [UInt8] = []
    /// Where the next record begins.
    private var position = 0
    private var awaited = Kind.begin
    private var requestID: UInt16 = 0
    private var asksToKeep = false
    private var parameters: [UInt8] = []
    private var body: [UInt8] = []
    public private(set) var progress = Progress.needsMore

    public init() {}

    /// Whether the peer wants to send another request on the same connection (FCGI_KEEP_CONN), and can: nothing is left
    /// that it sent before this one is answered.
    public var keepsConnection: Bool { asksToKeep && isWhollyRead }

    /// Whether nothing was received that does not belong to the request, and nothing of it is still to come.
    public var isWhollyRead: Bool {
        progress == .complete && position == received.count && body.count <= Limits.bodyBytesMax
    }

    @discardableResult
    public mutating func take(_ bytes: [UInt8]) -> Progress {
        bytes.withUnsafeBytes { take($0) }
    }

    /// Takes the next bytes. What comes after the end of the request is ignored.
    @discardableResult
    public mutating func take(_ bytes: UnsafeRawBufferPointer) -> Progress {
        guard progress == .needsMore else { return progress }
        // Before anything is kept, so that no peer decides how much memory it takes.
        guard received.count + bytes.count <= Limits.requestBytesMax else {
            progress = .refused
            return progress
        }
        received.append(contentsOf: bytes)
        while progress == .needsMore, takeRecord() {}
        return progress
    }

    /// - Returns: false when the next record is not whole yet.
    private mutating func takeRecord() -> Bool {
        let end = position + Self.headerBytes
        guard end <= received.count else { return false }
        let length = Int(received[position + 4]) << 8 | Int(received[position + 5])
        // Judged by its head alone: a record that must not be there is not waited for.
        guard received[position] == 1, received[position + 1] == awaited.rawValue,
            isOfOneRequest(received[position + 2], received[position + 3])
        else {
            progress = .refused
            return true
        }
        let next = end + length + Int(received[position + 6])
        guard next <= received.count else { return false }
        position = next
        progress = take(awaited, received[end..<(end + length)])
        return true
    }

    private mutating func isOfOneRequest(_ high: UInt8, _ low: UInt8) -> Bool {
        let id = UInt16(high) << 8 | UInt16(low)
        if requestID == 0 { requestID = id }
        // Zero is that of management records.
        return id == requestID && id != 0
    }

    private mutating func take(_ kind: Kind, _ content: ArraySlice<UInt8>) -> Progress {
        switch kind {
        case .begin:
            // The role of a responder, in two bytes; flags; five reserved bytes.
            guard content.count == 8, content.starts(with: [0, 1]) else { return .refused }
            asksToKeep = content[content.startIndex + 2] & 1 == 1
            awaited = .parameters
        case .parameters where content.isEmpty:
            guard Self.areWhole(parameters) else { return .refused }
            awaited = .body
        case .parameters:
            parameters += content
            guard parameters.count <= Limits.parameterBytesMax else { return .refused }
        case .body where content.isEmpty:
            return .complete
        case .body:
            body += content
            // Whoever reads one byte more than allowed knows enough; the rest of the body is not read.
            guard body.count <= Limits.bodyBytesMax else {
                body = Array(body.prefix(Limits.bodyBytesMax + 1))
                return .complete
            }
        }
        return .needsMore
    }

    /// Whether the text consists of whole names and values (FastCGI specification, 3.4). A NUL would end a value
    /// for one reader and not for another.
    private static func areWhole(_ bytes: [UInt8]) -> Bool {
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
                !bytes[position..<(position + name + value)].contains(0)
            else { return false }
            position += name + value
        }
        return true
    }

    /// The complete request in the plainest form: records as few as they can be, without padding or anything behind,
    /// and with the flag that makes libfcgi leave open what it reads from.
    public var normalised: [UInt8] {
        precondition(progress == .complete)
        var out: [UInt8] = []
        out.reserveCapacity(parameters.count + body.count + 8 * Self.headerBytes)
        append(.begin, [0, 1, 1, 0, 0, 0, 0, 0], to: &out)
        append(stream: .parameters, parameters, to: &out)
        append(stream: .body, body, to: &out)
        return out
    }

    private func append(stream kind: Kind, _ content: [UInt8], to out: inout [UInt8]) {
        for start in stride(from: 0, to: content.count, by: 0xFFFF) {
            append(kind, content[start..<min(start + 0xFFFF, content.count)], to: &out)
        }
        append(kind, [], to: &out)
    }

    private func append(_ kind: Kind, _ content: ArraySlice<UInt8>, to out: inout [UInt8]) {
        let (id, length) = (requestID, UInt16(content.count))
        out += [
            1, kind.rawValue, UInt8(id >> 8), UInt8(id & 0xFF), UInt8(length >> 8), UInt8(length & 0xFF), 0, 0,
        ]
        out += content
    }
}
