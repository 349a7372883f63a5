internal import OdysCore

/// One row of a result. A column that does not hold what this program expects is an error, never a default.
struct Row {
    enum Value {
        case null
        case integer(Int)
        case instant(Instant)
        case bytes([UInt8])
    }

    let values: [Value]
    let doing: String

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
        guard case .bytes(let bytes) = values[column], let text = String(validating: bytes, as: UTF8.self)
        else { throw unexpected(column) }
        return text
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
        StoreError(kind: .unexpected, doing: "\(doing), column \(column + 1)")
    }
}
