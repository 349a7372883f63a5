import OdysCore
import Testing

/// Records are written by hand, as the specification has them.
@Suite("FastCGI request parser") struct FastCGIRequestParserTests {
    private static func record(_ kind: UInt8, _ content: [UInt8], id: UInt16 = 1, padding: Int = 0) -> [UInt8] {
        let size = [UInt8(content.count >> 8), UInt8(content.count & 255)]
        return [1, kind, UInt8(id >> 8), UInt8(id & 255)] + size + [UInt8(padding), 0] + content
            + [UInt8](repeating: 0xEE, count: padding)
    }

    private static let begin = record(1, [0, 1, 0, 0, 0, 0, 0, 0])
    private static let keeping = record(1, [0, 1, 1, 0, 0, 0, 0, 0])
    private static let parameters = [1, 2] + Array("AXY".utf8) + [0x80, 0, 0, 3, 0] + Array("BCD".utf8)
    private static let body = Array(#"{"action":"confirm"}"#.utf8)
    private static let plain =
        keeping + record(4, parameters) + record(4, []) + record(5, body) + record(5, [])

    /// The parser after it was shown the bytes in pieces, each time all that had arrived.
    private static func parse(_ bytes: [UInt8], step: Int = .max) -> FastCGIRequestParser {
        var parser = FastCGIRequestParser()
        var count = 0
        while count < bytes.count {
            count = min(bytes.count, count + min(step, bytes.count))
            bytes[..<count].withUnsafeBytes { parser.parse($0) }
        }
        return parser
    }

    @Test("parser: a request may arrive in any pieces", arguments: [1, 2, 3, 7, 8, 9, 64, .max])
    func aRequestMayComeInAnyPieces(_ step: Int) {
        let parser = Self.parse(Self.plain, step: step)
        #expect(parser.progress == .complete)
        #expect(parser.requestID == 1 && parser.bodyLength == Self.body.count)
        #expect(parser.keepsAlive && parser.endsCleanly)
    }

    @Test("parser: padding, unknown flags and split streams are accepted")
    func recordsMayBeCutAndPadded() {
        var bytes = Self.record(1, [0, 1, 1, 9, 9, 9, 9, 9], padding: 3)
        for byte in Self.parameters { bytes += Self.record(4, [byte], padding: 255) }
        bytes += Self.record(4, [], padding: 8)
        for byte in Self.body { bytes += Self.record(5, [byte], padding: 1) }
        bytes += Self.record(5, [])
        let parser = Self.parse(bytes)
        #expect(parser.progress == .complete && parser.keepsAlive && parser.bodyLength == Self.body.count)
    }

    @Test("parser: a connection is kept if the peer asks for it and has sent nothing else")
    func aConnectionIsKeptWhereThePeerWantsItAndHasSentNothingElse() {
        let asked = Self.parse(Self.plain)
        #expect(asked.keepsAlive && asked.endsCleanly)
        let rest = Self.plain.dropFirst(Self.keeping.count)
        let unasked = Self.parse(Self.begin + rest)
        #expect(!unasked.keepsAlive && unasked.endsCleanly)
        let more = Self.parse(Self.plain + [0])
        #expect(more.progress == .complete && !more.keepsAlive && !more.endsCleanly)
        let head = Self.keeping + Self.record(4, Self.parameters) + Self.record(4, [])
        let tooMuch = Self.parse(head + Self.record(5, [UInt8](repeating: 32, count: Limits.bodyBytesMax + 1)))
        #expect(tooMuch.progress == .complete && !tooMuch.keepsAlive && !tooMuch.endsCleanly)
    }

    @Test("parser: every prefix of a request needs more")
    func everyBeginningOfARequestNeedsMore() {
        for count in 0..<Self.plain.count {
            #expect(Self.parse(Array(Self.plain.prefix(count))).progress == .needsMore, "\(count)")
        }
    }

    @Test("parser: the request id is kept")
    func theRequestKeepsItsNumber() {
        let bytes =
            Self.record(1, [0, 1, 1, 0, 0, 0, 0, 0], id: 0x1234) + Self.record(4, [], id: 0x1234)
            + Self.record(5, [], id: 0x1234)
        #expect(Self.parse(bytes).requestID == 0x1234)
    }

    @Test(
        "parser: other versions, roles, ids and orders of records are refused",
        arguments: [
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
            [2] + plain.dropFirst(),
            record(4, parameters),
            record(1, [0, 1, 0, 0, 0, 0, 0, 0], id: 0),
            record(1, [0, 2, 0, 0, 0, 0, 0, 0]), record(1, [0, 3, 0, 0, 0, 0, 0, 0]),
            record(1, [1, 1, 0, 0, 0, 0, 0, 0]),
            record(1, []), record(1, [0, 1, 0, 0, 0, 0, 0]), record(1, [0, 1, 0, 0, 0, 0, 0, 0, 0]),
            begin + begin, begin + record(5, body), begin + record(2, []), begin + record(9, [], id: 0),
            begin + record(4, parameters, id: 2),
            begin + record(4, []) + record(4, parameters),
            begin + record(4, []) + record(5, body) + record(8, []),
            begin + record(4, []) + record(5, body) + record(2, []),
        ] as [[UInt8]])
    func anythingElseIsRefused(_ bytes: [UInt8]) {
        #expect(Self.parse(bytes).progress == .refused)
        #expect(Self.parse(bytes, step: 1).progress == .refused)
    }

    @Test(
        "parser: truncated or malformed parameters are refused",
        arguments: [
            [1], [1, 1], [1, 1, 65], [0x80], [0x80, 0, 0], [0x80, 0, 0, 1], [1, 0x80, 0, 0, 2, 65, 66],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0xFF, 0xFF, 0xFF, 0xFF, 65],
            [0xFF, 0xFF, 0xFF, 0xFF, 1, 65], parameters + [0], [1, 3, 65, 66, 0, 67], [1, 0, 0],
        ] as [[UInt8]])
    func parametersThatAreNotWholeAreRefused(_ parameters: [UInt8]) {
        let bytes = Self.begin + Self.record(4, parameters) + Self.record(4, [])
        #expect(Self.parse(bytes).progress == .refused)
    }

    @Test("parser: parameters beyond their bound are refused")
    func parametersHaveASize() {
        let full = [0x80, 0, 0xFF, 0xF0, 0] + [UInt8](repeating: 65, count: 0xFFF0)
        let two = Self.begin + Self.record(4, full) + Self.record(4, full)
        #expect(Self.parse(two + Self.record(4, [])).progress == .needsMore)
        #expect(Self.parse(two + Self.record(4, full)).progress == .refused)
    }

    @Test("parser: a body beyond its bound completes the request at once")
    func aBodyIsReadToItsBound() {
        let head = Self.begin + Self.record(4, [])
        let piece = [UInt8](repeating: 65, count: Limits.bodyBytesMax)
        #expect(Self.parse(head + Self.record(5, piece)).progress == .needsMore)
        let parser = Self.parse(head + Self.record(5, piece) + Self.record(5, piece))
        #expect(parser.progress == .complete && parser.bodyLength > Limits.bodyBytesMax && !parser.endsCleanly)
    }

    @Test("records: what the writer writes, the parser reads")
    func whatIsWrittenIsRead() {
        for length in [0, 1, 127, 128, 0xFFFF, 0x10000] {
            var out: [UInt8] = []
            FastCGIRecord.append(.beginRequest, 7, [0, 1, 0, 0, 0, 0, 0, 0], to: &out)
            let pairs = [("A", "b"), (String(repeating: "N", count: 200), String(repeating: "v", count: 300))]
            FastCGIRecord.append(stream: .parameters, 7, FastCGIRecord.parameters(pairs), to: &out)
            FastCGIRecord.append(stream: .standardInput, 7, [UInt8](repeating: 1, count: length), to: &out)
            let parser = Self.parse(out)
            #expect(parser.progress == .complete && parser.requestID == 7, "\(length)")
            #expect(parser.bodyLength == min(length, 0xFFFF), "beyond the bound the first record is enough: \(length)")
        }
    }
}
