import OdysCore
import Testing

/// What a web server may say to a responder. Records are written here by hand, as the specification has them.
@Suite struct RequestIntakeTests {
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

    private static func take(_ bytes: [UInt8], step: Int = .max) -> RequestIntake {
        var intake = RequestIntake()
        var rest = bytes[...]
        while !rest.isEmpty {
            intake.take(Array(rest.prefix(step)))
            rest = rest.dropFirst(step)
        }
        return intake
    }

    @Test(arguments: [1, 2, 3, 7, 8, 9, 64, .max]) func aRequestMayComeInAnyPieces(_ step: Int) {
        let intake = Self.take(Self.plain, step: step)
        #expect(intake.progress == .complete)
        #expect(intake.normalised == Self.plain)
    }

    /// Padding, flags, many records and what comes behind are not passed on.
    @Test func whatIsPassedOnIsThePlainForm() {
        var bytes = Self.record(1, [0, 1, 1, 9, 9, 9, 9, 9], padding: 3)
        for byte in Self.parameters { bytes += Self.record(4, [byte], padding: 255) }
        bytes += Self.record(4, [], padding: 8)
        for byte in Self.body { bytes += Self.record(5, [byte], padding: 1) }
        bytes += Self.record(5, []) + Self.begin
        let intake = Self.take(bytes)
        #expect(intake.progress == .complete)
        #expect(intake.normalised == Self.plain)
    }

    /// A connection carries another request where the peer asks for it, and nothing is on its way already.
    @Test func aConnectionIsKeptWhereThePeerWantsItAndHasSentNothingElse() {
        let asked = Self.take(Self.plain)
        #expect(asked.keepsConnection && asked.isWhollyRead)
        let rest = Self.plain.dropFirst(Self.keeping.count)
        let unasked = Self.take(Self.begin + rest)
        #expect(!unasked.keepsConnection && unasked.isWhollyRead)
        let more = Self.take(Self.plain + [0])
        #expect(more.progress == .complete && !more.keepsConnection && !more.isWhollyRead)
        let head = Self.keeping + Self.record(4, Self.parameters) + Self.record(4, [])
        let tooMuch = Self.take(head + Self.record(5, [UInt8](repeating: 32, count: Limits.bodyBytesMax + 1)))
        #expect(tooMuch.progress == .complete && !tooMuch.keepsConnection && !tooMuch.isWhollyRead)
    }

    /// libfcgi would close what it reads from after a request without the flag.
    @Test func whatIsPassedOnAsksToKeep() {
        #expect(Self.take(Self.begin + Self.plain.dropFirst(Self.keeping.count)).normalised == Self.plain)
    }

    @Test func everyBeginningOfARequestNeedsMore() {
        for count in 0..<Self.plain.count {
            #expect(Self.take(Array(Self.plain.prefix(count))).progress == .needsMore, "\(count)")
        }
    }

    @Test func theRequestKeepsItsNumber() {
        let bytes =
            Self.record(1, [0, 1, 1, 0, 0, 0, 0, 0], id: 0x1234) + Self.record(4, [], id: 0x1234)
            + Self.record(5, [], id: 0x1234)
        #expect(Self.take(bytes).normalised == bytes)
    }

    @Test(
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
        #expect(Self.take(bytes).progress == .refused)
        #expect(Self.take(bytes, step: 1).progress == .refused)
    }

    @Test(
        arguments: [
            [1], [1, 1], [1, 1, 65], [0x80], [0x80, 0, 0], [0x80, 0, 0, 1], [1, 0x80, 0, 0, 2, 65, 66],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0xFF, 0xFF, 0xFF, 0xFF, 65],
            [0xFF, 0xFF, 0xFF, 0xFF, 1, 65], parameters + [0], [1, 3, 65, 66, 0, 67], [1, 0, 0],
        ] as [[UInt8]])
    func parametersThatAreNotWholeAreRefused(_ parameters: [UInt8]) {
        let bytes = Self.begin + Self.record(4, parameters) + Self.record(4, [])
        #expect(Self.take(bytes).progress == .refused)
    }

    @Test func parametersAndRequestsHaveASize() {
        let full = [0x80, 0, 0xFF, 0xF0, 0] + [UInt8](repeating: 65, count: 0xFFF0)
        let two = Self.begin + Self.record(4, full) + Self.record(4, full)
        #expect(Self.take(two + Self.record(4, [])).progress == .needsMore)
        #expect(Self.take(two + Self.record(4, full)).progress == .refused)
        // Padding is not kept, but it is received.
        var padded = Self.begin + Self.record(4, [])
        while padded.count <= Limits.requestBytesMax { padded += Self.record(5, [65], padding: 255) }
        #expect(Self.take(padded, step: 1_000).progress == .refused)
    }

    /// The last byte that is read says that the body is too large; the rest is not waited for.
    @Test func aBodyIsReadToItsBound() {
        let head = Self.begin + Self.record(4, [])
        let piece = [UInt8](repeating: 65, count: Limits.bodyBytesMax)
        #expect(Self.take(head + Self.record(5, piece)).progress == .needsMore)
        let intake = Self.take(head + Self.record(5, piece) + Self.record(5, piece))
        #expect(intake.progress == .complete)
        #expect(intake.normalised.count == head.count + 8 + Limits.bodyBytesMax + 1 + 8)
    }
}
