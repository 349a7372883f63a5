/// Writes JSON text directly: for what every request writes, a tree of `JSON` would cost several times as much.
///
/// It places commas and escapes. That no member name repeats is up to the caller.
public struct JSONWriter {
    /// What is written so far. Callers may append to it, such as a line end.
    public var bytes: [UInt8]
    private var needsComma = false

    /// - Parameter start: text before the JSON.
    public init(after start: StaticString = "") {
        bytes = []
        bytes.reserveCapacity(1_024)
        put(verbatim: start)
    }

    /// An object, as the whole text or as an element of an array.
    public mutating func object(_ members: (inout JSONWriter) -> Void) {
        separate()
        enclose("{", "}", members)
    }

    /// Any value, as the whole text or as an element of an array.
    public mutating func value(_ json: JSON) {
        separate()
        switch json {
        case .null: put(verbatim: "null")
        case .bool(let value): put(verbatim: value ? "true" : "false")
        case .integer(let value): bytes.append(decimal: value)
        case .number(let value): bytes += String(value).utf8
        case .string(let text): put(text)
        case .array(let elements): enclose("[", "]") { json in for element in elements { json.value(element) } }
        case .object(let members):
            enclose("{", "}") { json in for member in members { json.member(named: member.name, member.value) } }
        }
        needsComma = true
    }

    public mutating func member(_ name: StaticString, _ text: String) {
        let characters = text.utf8Span.span
        guard !Self.needsEscape(characters) else {
            put(name: name)
            return put(text)
        }
        // Most of what is written is such a member, so room is made once for all of it.
        bytes.append(addingCapacity: name.utf8CodeUnitCount + characters.count + 6) { out in
            out.append(name: name, needsComma: needsComma)
            out.append(quoting: characters)
        }
        needsComma = true
    }

    /// Leaves the member out where there is no text.
    public mutating func member(_ name: StaticString, ifPresent text: String?) { if let text { member(name, text) } }

    /// The instant in ISO 8601; with six digits of fraction always, or only where there is a fraction.
    public mutating func member(_ name: StaticString, _ instant: Instant, microseconds: Bool = false) {
        put(name: name)
        bytes.append(UInt8(ascii: "\""))
        instant.append(to: &bytes, microseconds: microseconds)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func member(_ name: StaticString, _ json: JSON) {
        if case .string(let text) = json { return member(name, text) }
        put(name: name)
        needsComma = false
        value(json)
    }

    /// A member whose name is not known before.
    public mutating func member(named name: String, _ json: JSON) {
        separate()
        put(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
        value(json)
    }

    public mutating func object(_ name: StaticString, _ members: (inout JSONWriter) -> Void) {
        put(name: name)
        enclose("{", "}", members)
    }

    public mutating func array(_ name: StaticString, _ elements: (inout JSONWriter) -> Void) {
        put(name: name)
        enclose("[", "]", elements)
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func enclose(
        _ start: Unicode.Scalar, _ end: Unicode.Scalar, _ content: (inout JSONWriter) -> Void
    ) {
        bytes.append(UInt8(ascii: start))
        needsComma = false
        content(&self)
        bytes.append(UInt8(ascii: end))
        needsComma = true
    }

    private mutating func put(name: StaticString) {
        bytes.append(addingCapacity: name.utf8CodeUnitCount + 4) { $0.append(name: name, needsComma: needsComma) }
        needsComma = true
    }

    private mutating func put(verbatim text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    private mutating func put(_ text: String) {
        let characters = text.utf8Span.span
        guard Self.needsEscape(characters) else {
            return bytes.append(addingCapacity: characters.count + 2) { $0.append(quoting: characters) }
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if JSONWriter.needsEscape(byte) { putEscape(of: byte) } else { bytes.append(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether any byte does.
    private static func needsEscape(_ characters: Span<UInt8>) -> Bool {
        characters.bytes.contains(needsEscape) { word in
            let quotes = word ^ UInt64(repeating: UInt8(ascii: "\""))
            let backslashes = word ^ UInt64(repeating: UInt8(ascii: "\\"))
            return word.bytes(below: 0x20) | quotes.bytes(below: 1) | backslashes.bytes(below: 1) != 0
        }
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func putEscape(of byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        default: bytes += [UInt8(ascii: "u"), 0x30, 0x30, UInt8(hexDigitOf: byte >> 4), UInt8(hexDigitOf: byte & 15)]
        }
    }
}

extension OutputSpan<UInt8> {
    /// Names are ours, and need no escape.
    fileprivate mutating func append(name: StaticString, needsComma: Bool) {
        if needsComma { append(UInt8(ascii: ",")) }
        append(UInt8(ascii: "\""))
        name.withUTF8Buffer { append(copying: $0) }
        append(UInt8(ascii: "\""))
        append(UInt8(ascii: ":"))
    }

    fileprivate mutating func append(quoting characters: Span<UInt8>) {
        append(UInt8(ascii: "\""))
        append(copying: characters)
        append(UInt8(ascii: "\""))
    }

    public mutating func append(copying characters: Span<UInt8>) {
        characters.withUnsafeBufferPointer { append(copying: $0) }
    }

    private mutating func append(copying bytes: UnsafeBufferPointer<UInt8>) {
        withUnsafeMutableBufferPointer { buffer, count in
            // It traps where there is not room enough.
            _ = UnsafeMutableBufferPointer(rebasing: buffer[count...]).initialize(fromContentsOf: bytes)
            count += bytes.count
        }
    }
}
