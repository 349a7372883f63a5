/// A JSON value, as it is read from the wire and written to it. Members keep their order.
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    public struct Member: Sendable, Equatable {
        public let name: String
        public let value: JSON

        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// The value of a member, or nil. Names are bytes: Swift's `==` takes equivalent texts for the same name.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.hasSameBytes(as: name) }?.value
    }

    /// An object with the members of another after its own.
    public func with(_ more: JSON) -> JSON {
        guard case .object(let own) = self, case .object(let others) = more else { return self }
        return .object(own + others)
    }

    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }

    /// A number, whether it was written with a fraction or not.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .bool, .string, .array, .object: nil
        }
    }

    /// The value as compact JSON text in UTF-8.
    public var bytes: [UInt8] {
        var json = JSONWriter()
        json.value(self)
        return json.bytes
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByIntegerLiteral {
    public init(stringLiteral text: String) { self = .string(text) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(dictionaryLiteral members: (String, JSON)...) { self = .object(members.map { Member($0.0, $0.1) }) }

    /// The text, or `null` where there is none.
    public init(_ text: String?) { self = text.map(JSON.string) ?? .null }

    /// The number, or `null` where there is none.
    public init(_ number: Int?) { self = number.map(JSON.integer) ?? .null }

    /// The time to the microsecond, or `null` where there is none.
    public init(_ instant: Instant?) { self.init(instant?.iso8601Microseconds) }

    /// An array of what each element is as JSON.
    public init<Elements: Sequence>(_ elements: Elements, each value: (Elements.Element) -> JSON) {
        self = .array(elements.map(value))
    }

    /// The raw value of an enumeration's case.
    public init(_ value: some RawRepresentable<String>) { self = .string(value.rawValue) }
}
