extension JSON {
    /// Why a text is not the JSON that is accepted here. It names no part of the text, so it is safe to log.
    public enum ReadError: Error, Equatable {
        case notUTF8, unexpected, tooDeep, repeatedMember, numberOutOfRange
    }

    /// Reads one JSON text (RFC 8259), strictly: UTF-8 without a byte order mark, no repeated member names, no lone
    /// surrogates, at most `Limits.jsonDepthMax` levels.
    ///
    /// Foundation's decoder silently keeps one of two members of the same name; another reader may keep the other.
    public init(reading bytes: [UInt8]) throws(ReadError) {
        var reader = Reader(bytes: bytes)
        self = try reader.document()
    }
}

private struct Reader {
    let bytes: [UInt8]
    var position = 0

    mutating func document() throws(JSON.ReadError) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw .unexpected }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSON.ReadError) -> JSON {
        guard depth < Limits.jsonDepthMax else { throw .tooDeep }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSON.ReadError) -> JSON {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count,
            word.withUTF8Buffer({ $0.elementsEqual(bytes[position..<end]) })
        else { throw .unexpected }
        position = end
        return value
    }

    private mutating func object(depth: Int) throws(JSON.ReadError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw .unexpected }
            let name = try string()
            guard !members.contains(where: { $0.name.hasSameBytes(as: name) }) else { throw .repeatedMember }
            guard members.count < Limits.jsonMembersMax else { throw .unexpected }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw .unexpected }
            members.append(JSON.Member(name, try value(depth: depth + 1)))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw .unexpected }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSON.ReadError) -> JSON {
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw .unexpected }
        return .array(elements)
    }

    private mutating func string() throws(JSON.ReadError) -> String {
        position += 1
        // What ends with the last escape, decoded, and where the rest begins.
        var decoded: [UInt8] = []
        var start = position
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                let rest = start..<position - 1
                if decoded.isEmpty { return try text(bytes.span.extracting(rest)) }
                decoded += bytes[rest]
                return try text(decoded.span)
            case UInt8(ascii: "\\"):
                decoded += bytes[start..<position - 1]
                decoded += String(try escape()).utf8
                start = position
            case 0..<0x20: throw .unexpected
            default: break
            }
        }
        throw .unexpected
    }

    private func text(_ content: Span<UInt8>) throws(JSON.ReadError) -> String {
        do {
            return String(copying: try UTF8Span(validating: content))
        } catch {
            throw .notUTF8
        }
    }

    private mutating func escape() throws(JSON.ReadError) -> Unicode.Scalar {
        guard let byte = next else { throw .unexpected }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try surrogatePairOrScalar()
        default: throw .unexpected
        }
    }

    private mutating func surrogatePairOrScalar() throws(JSON.ReadError) -> Unicode.Scalar {
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u"))
        else { throw .unexpected }
        let second = try fourHexDigits()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw .unexpected }
        return scalar
    }

    private mutating func fourHexDigits() throws(JSON.ReadError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = byte.hexDigitValue else { throw .unexpected }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func number() throws(JSON.ReadError) -> JSON {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let literal = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int(literal) { return .integer(value) }
        guard let value = Double(literal), value.isFinite else { throw .numberOutOfRange }
        return .number(value)
    }

    /// One digit or more.
    private mutating func digits() throws(JSON.ReadError) {
        guard next?.isASCIIDigit == true else { throw .unexpected }
        while next?.isASCIIDigit == true { position += 1 }
    }
}
