internal import OdysCore

/// Values of a rule as SQL literals: raw values of our enumerations, which hold no quote.
func sqlList(_ values: [some RawRepresentable<String>]) -> String {
    values.map { "'\($0.rawValue)'" }.joined(separator: ", ")
}

/// A value that is bound to a `?`, or of a column.
enum SQLValue {
    case null
    case integer(Int)
    /// Travels as `DATETIME(6)`.
    case instant(Instant)
    case text(String)
    /// A text that is there as its bytes in UTF-8; only bound.
    case utf8([UInt8])
    /// Read from a column without a character set, or from one that is too long to be fetched at once.
    case bytes([UInt8])

    static func text(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    static func text(_ value: (some RawRepresentable<String>)?) -> SQLValue { .text(value?.rawValue) }
    static func id(_ id: AppointmentID) -> SQLValue { .text(id.description) }
    static func integer(_ number: Int?) -> SQLValue { number.map { .integer($0) } ?? .null }
    static func seconds(_ seconds: Double) -> SQLValue { .integer(Int(seconds * 1_000_000)) }
}

/// One row of a result. A column that does not hold what this program expects is an error, never a default.
struct Row {
    let values: [SQLValue]
    let operation: String

    func isNull(_ column: Int) -> Bool { if case .null = values[column] { true } else { false } }

    func integer(_ column: Int) throws(StoreError) -> Int {
        guard case .integer(let value) = values[column] else { throw unexpected(column) }
        return value
    }

    func bool(_ column: Int) throws(StoreError) -> Bool { try integer(column) != 0 }

    func instant(_ column: Int) throws(StoreError) -> Instant {
        guard case .instant(let value) = values[column] else { throw unexpected(column) }
        return value
    }

    func text(_ column: Int) throws(StoreError) -> String {
        switch values[column] {
        case .text(let text): return text
        case .bytes(let bytes):
            guard let text = try? UTF8Span(validating: bytes.span) else { throw unexpected(column) }
            return String(copying: text)
        case .null, .integer, .instant, .utf8: throw unexpected(column)
        }
    }

    func bytes(_ column: Int) throws(StoreError) -> [UInt8] {
        guard case .bytes(let bytes) = values[column] else { throw unexpected(column) }
        return bytes
    }

    /// A column that holds one of an enumeration's raw values.
    func value<Value: RawRepresentable<String>>(_ column: Int, as type: Value.Type) throws(StoreError) -> Value {
        guard let value = Value(rawValue: try text(column)) else {
            throw unexpected(column, "is no \(Value.self) that this program knows")
        }
        return value
    }

    func optionalText(_ column: Int) throws(StoreError) -> String? { isNull(column) ? nil : try text(column) }
    func optionalInteger(_ column: Int) throws(StoreError) -> Int? { isNull(column) ? nil : try integer(column) }
    func optionalInstant(_ column: Int) throws(StoreError) -> Instant? { isNull(column) ? nil : try instant(column) }

    /// A row or a column is not as the schema of this program has it.
    private func unexpected(_ column: Int, _ words: String? = nil) -> StoreError {
        let words = words ?? (isNull(column) ? "is NULL" : "is of another type")
        return StoreError(
            kind: .schema, operation: operation,
            cause: StoreError.Cause(
                "column \(column + 1) \(words)",
                "correct the row or the column; 'odysctl doctor' names columns that allow it"))
    }
}
