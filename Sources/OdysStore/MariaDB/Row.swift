internal import OdysCore

/// One row of a result. A column that does not hold what this program expects is an error, never a default.
struct Row {
    enum Value {
        case null
        case integer(Int)
        case instant(Instant)
        case text(String)
        /// Of a column without a character set, or one that is too long to be fetched at once.
        case bytes([UInt8])
    }

    let values: [Value]
    let operation: String

    func isNull(_ column: Int) -> Bool {
        if case .null = values[column] { true } else { false }
    }

    func integer(_ column: Int) throws(StoreError) -> Int {
        guard case .integer(let value) = values[column] else { throw unexpected(column) }
        return value
    }

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
        case .null, .integer, .instant: throw unexpected(column)
        }
    }

    func optionalText(_ column: Int) throws(StoreError) -> String? {
        isNull(column) ? nil : try text(column)
    }

    func bytes(_ column: Int) throws(StoreError) -> [UInt8] {
        guard case .bytes(let bytes) = values[column] else { throw unexpected(column) }
        return bytes
    }

    /// A column that holds one of an enumeration's raw values.
    func value<Value: RawRepresentable<String>>(_ column: Int, as type: Value.Type) throws(StoreError) -> Value {
        guard let value = Value(rawValue: try text(column)) else { throw unexpected(column) }
        return value
    }

    private func unexpected(_ column: Int) -> StoreError {
        StoreError(kind: .unexpected, operation: "\(operation), column \(column + 1)")
    }
}
