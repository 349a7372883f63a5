internal import CMariaDB
internal import OdysCore

/// Values of a rule as SQL literals: raw values of our enumerations, which hold no quote.
func sqlList(_ values: [some RawRepresentable<String>]) -> String {
    values.map { "'\($0.rawValue)'" }.joined(separator: ", ")
}

/// A value that is bound to a `?`.
enum SQLValue {
    case null
    case integer(Int)
    /// Travels as `DATETIME(6)`.
    case instant(Instant)
    case text(String)
    /// A text that is there as its bytes in UTF-8.
    case utf8([UInt8])
    case bytes([UInt8])

    static func text(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    static func seconds(_ seconds: Double) -> SQLValue { .integer(Int(seconds * 1_000_000)) }
}

/// One prepared statement, with the memory that the C library reads its parameters from and writes its rows to.
///
/// mysql_stmt_bind_param(3) and mysql_stmt_bind_result(3) keep pointers to the binds' buffers, lengths and null
/// flags; all of them are allocated here and stay where they are.
final class Statement {
    private let handle: UnsafeMutablePointer<MYSQL_STMT>
    private let parameterCount: Int
    private let parameters: Binds
    private let columns: Binds
    /// What the parameters of the current run point into.
    private var arena: UnsafeMutableRawBufferPointer

    init(_ connection: UnsafeMutablePointer<MYSQL>, _ sql: String, operation: String) throws(StoreError) {
        guard let handle = mysql_stmt_init(connection) else { throw StoreError(connection, operation: operation) }
        var sql = sql
        let failed = sql.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { mysql_stmt_prepare(handle, $0.baseAddress, UInt(bytes.count)) }
        }
        guard failed == 0 else {
            defer { mysql_stmt_close(handle) }
            throw StoreError(handle, operation: operation)
        }
        self.handle = handle
        parameterCount = Int(mysql_stmt_param_count(handle))
        parameters = Binds(count: parameterCount)
        columns = Binds(resultOf: handle)
        arena = .allocate(byteCount: 1_024, alignment: 8)
    }

    deinit {
        mysql_stmt_close(handle)
        arena.deallocate()
    }

    /// Rows changed by the last run.
    private(set) var affectedRows = 0

    func run(_ values: [SQLValue], operation: String) throws(StoreError) -> [Row] {
        precondition(values.count == parameterCount, "\(operation): the statement has \(parameterCount) parameters")
        bind(values)
        guard mysql_stmt_bind_param(handle, parameters.binds) == 0, mysql_stmt_execute(handle) == 0
        else { throw StoreError(handle, operation: operation) }
        affectedRows = Int(truncatingIfNeeded: mysql_stmt_affected_rows(handle))
        guard columns.count > 0 else { return [] }
        defer { mysql_stmt_free_result(handle) }
        guard mysql_stmt_bind_result(handle, columns.binds) == 0 else { throw StoreError(handle, operation: operation) }
        var rows: [Row] = []
        while true {
            switch mysql_stmt_fetch(handle) {
            case 0, MYSQL_DATA_TRUNCATED: rows.append(Row(values: try row(operation), operation: operation))
            case MYSQL_NO_DATA: return rows
            default: throw StoreError(handle, operation: operation)
            }
        }
    }

    /// Copies the values into the arena and points the binds at them.
    private func bind(_ values: [SQLValue]) {
        var needed = 0
        for value in values {
            switch value {
            case .null: break
            case .integer: needed += 2 * MemoryLayout<Int64>.stride
            case .instant: needed += 2 * MemoryLayout<MYSQL_TIME>.stride
            case .text(let text): needed += text.utf8.count
            case .utf8(let bytes), .bytes(let bytes): needed += bytes.count
            }
        }
        if needed > arena.count {
            arena.deallocate()
            arena = .allocate(byteCount: needed * 2, alignment: 8)
        }
        var end = 0
        for index in values.indices {
            switch values[index] {
            case .null:
                parameters.set(index, type: MYSQL_TYPE_NULL, buffer: nil, length: 0)
            case .integer(let number):
                end = copy(Int64(number), to: end, index, MYSQL_TYPE_LONGLONG)
            case .instant(let instant):
                end = copy(MYSQL_TIME(instant), to: end, index, MYSQL_TYPE_DATETIME)
            case .text(var text):
                text.withUTF8 { end = copy(UnsafeRawBufferPointer($0), to: end, index, MYSQL_TYPE_STRING) }
            case .utf8(let bytes):
                bytes.withUnsafeBytes { end = copy($0, to: end, index, MYSQL_TYPE_STRING) }
            case .bytes(let bytes):
                bytes.withUnsafeBytes { end = copy($0, to: end, index, MYSQL_TYPE_BLOB) }
            }
        }
    }

    /// - Returns: where the copy ends.
    private func copy<Value: BitwiseCopyable>(
        _ value: Value, to offset: Int, _ index: Int, _ type: enum_field_types
    ) -> Int {
        let start = (offset + 7) & ~7
        arena.storeBytes(of: value, toByteOffset: start, as: Value.self)
        return set(index, type, start..<start + MemoryLayout<Value>.size)
    }

    private func copy(
        _ bytes: UnsafeRawBufferPointer, to offset: Int, _ index: Int, _ type: enum_field_types
    ) -> Int {
        let range = offset..<offset + bytes.count
        UnsafeMutableRawBufferPointer(rebasing: arena[range]).copyMemory(from: bytes)
        return set(index, type, range)
    }

    private func set(_ index: Int, _ type: enum_field_types, _ range: Range<Int>) -> Int {
        parameters.set(index, type: type, buffer: arena.baseAddress! + range.lowerBound, length: range.count)
        return range.upperBound
    }

    private func row(_ operation: String) throws(StoreError) -> [Row.Value] {
        var values: [Row.Value] = []
        values.reserveCapacity(columns.count)
        for index in 0..<columns.count {
            if columns.isNull(index) {
                values.append(.null)
            } else if columns.needsMore(index) {
                values.append(.bytes(try longColumn(index, operation)))
            } else {
                values.append(columns.value(index))
            }
        }
        return values
    }

    /// A column that is longer than its buffer, fetched again into one that fits.
    private func longColumn(_ index: Int, _ operation: String) throws(StoreError) -> [UInt8] {
        let length = columns.length(index)
        var failed: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            var bind = MYSQL_BIND()
            bind.buffer_type = MYSQL_TYPE_BLOB
            bind.buffer = UnsafeMutableRawPointer(buffer.baseAddress)
            bind.buffer_length = UInt(length)
            failed = mysql_stmt_fetch_column(handle, &bind, UInt32(index), 0)
            count = failed == 0 ? length : 0
        }
        guard failed == 0 else { throw StoreError(handle, operation: operation) }
        return bytes
    }
}

/// The `MYSQL_BIND`s of a statement's parameters or columns, at addresses that do not change.
private final class Binds {
    /// Bytes of a column that are fetched at once; names, phones and ids fit.
    private static let columnBytes = 512
    /// The number of the character set that is none.
    private static let binary: UInt32 = 63

    let count: Int
    /// Whether a column has a character set, which the session makes UTF-8.
    private var areTexts: [Bool] = []
    let binds: UnsafeMutablePointer<MYSQL_BIND>
    private let lengths: UnsafeMutablePointer<UInt>
    private let nulls: UnsafeMutablePointer<my_bool>
    private let buffers: UnsafeMutableRawPointer

    init(count: Int, columnBytes: Int = 0) {
        self.count = count
        binds = .allocate(capacity: max(count, 1))
        binds.initialize(repeating: MYSQL_BIND(), count: max(count, 1))
        lengths = .allocate(capacity: max(count, 1))
        lengths.initialize(repeating: 0, count: max(count, 1))
        nulls = .allocate(capacity: max(count, 1))
        nulls.initialize(repeating: 0, count: max(count, 1))
        buffers = .allocate(byteCount: max(count * columnBytes, 1), alignment: 8)
    }

    /// Binds for what the statement returns: numbers as 64 bits, instants as `MYSQL_TIME`, all else as bytes.
    convenience init(resultOf statement: UnsafeMutablePointer<MYSQL_STMT>) {
        guard let fields = mysql_stmt_result_metadata(statement) else {
            self.init(count: 0)
            return
        }
        defer { mysql_free_result(fields) }
        self.init(count: Int(mysql_num_fields(fields)), columnBytes: Binds.columnBytes)
        for index in 0..<count {
            let field = mysql_fetch_field_direct(fields, UInt32(index)).pointee
            areTexts.append(field.charsetnr != Binds.binary)
            let type: enum_field_types
            switch field.type {
            case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_LONG, MYSQL_TYPE_INT24, MYSQL_TYPE_LONGLONG:
                type = MYSQL_TYPE_LONGLONG
            case MYSQL_TYPE_DATETIME: type = MYSQL_TYPE_DATETIME
            default: type = MYSQL_TYPE_BLOB
            }
            set(index, type: type, buffer: buffers + index * Binds.columnBytes, length: Binds.columnBytes)
        }
    }

    deinit {
        binds.deallocate()
        lengths.deallocate()
        nulls.deallocate()
        buffers.deallocate()
    }

    func set(_ index: Int, type: enum_field_types, buffer: UnsafeMutableRawPointer?, length: Int) {
        lengths[index] = UInt(length)
        binds[index].buffer_type = type
        binds[index].buffer = buffer
        binds[index].buffer_length = UInt(length)
        binds[index].length = lengths + index
        binds[index].is_null = nulls + index
        nulls[index] = type == MYSQL_TYPE_NULL ? 1 : 0
    }

    func isNull(_ index: Int) -> Bool { nulls[index] != 0 }

    func length(_ index: Int) -> Int { Int(lengths[index]) }

    /// Whether the column is longer than the bytes that were fetched of it.
    func needsMore(_ index: Int) -> Bool {
        binds[index].buffer_type == MYSQL_TYPE_BLOB && length(index) > Binds.columnBytes
    }

    func value(_ index: Int) -> Row.Value {
        let buffer = buffers + index * Binds.columnBytes
        switch binds[index].buffer_type {
        case MYSQL_TYPE_LONGLONG:
            return .integer(Int(buffer.load(as: Int64.self)))
        case MYSQL_TYPE_DATETIME:
            return .instant(Instant(buffer.load(as: MYSQL_TIME.self)))
        default:
            let bytes = UnsafeRawBufferPointer(start: buffer, count: length(index)).bindMemory(to: UInt8.self)
            guard areTexts[index], let text = try? UTF8Span(validating: bytes.span) else { return .bytes(Array(bytes)) }
            return .text(String(copying: text))
        }
    }
}

extension Instant {
    fileprivate init(_ time: MYSQL_TIME) {
        self.init(
            year: Int(time.year), month: Int(time.month), day: Int(time.day), hour: Int(time.hour),
            minute: Int(time.minute), second: Int(time.second), microsecond: Int(time.second_part))
    }
}

extension MYSQL_TIME {
    fileprivate init(_ instant: Instant) {
        let fields = instant.fields
        self.init(
            // A day before the year 0 is no date to MariaDB in any form.
            year: UInt32(clamping: fields.year), month: UInt32(fields.month), day: UInt32(fields.day),
            hour: UInt32(fields.hour), minute: UInt32(fields.minute), second: UInt32(fields.second),
            second_part: UInt(fields.microsecond),
            neg: 0, time_type: MYSQL_TIMESTAMP_DATETIME)
    }
}
