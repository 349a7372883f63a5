internal import CMariaDB
internal import OdysCore

/// One prepared statement, with the memory that the C library reads its parameters from and writes its rows to.
///
/// mysql_stmt_bind_param(3) and mysql_stmt_bind_result(3) keep pointers to buffers, lengths and null flags; all of them
/// are allocated here and stay where they are.
final class Statement {
    private let handle: UnsafeMutablePointer<MYSQL_STMT>
    /// Outlives the statement: `Connection.close` drops all statements first.
    private let connection: UnsafeMutablePointer<MYSQL>
    private let parameters: UnsafeMutableBufferPointer<MYSQL_BIND>
    private var columns: Columns
    /// Holds the parameters of the current run.
    private var arena = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 8)

    init(_ connection: UnsafeMutablePointer<MYSQL>, _ sql: String, operation: String) throws(StoreError) {
        guard let handle = mysql_stmt_init(connection) else { throw StoreError(connection, operation: operation) }
        self.handle = handle
        self.connection = connection
        var sql = sql
        let failed = sql.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { mysql_stmt_prepare(handle, $0.baseAddress, UInt(bytes.count)) }
        }
        let fields = mysql_stmt_result_metadata(handle)
        defer { mysql_free_result(fields) }
        parameters = .allocate(capacity: Int(mysql_stmt_param_count(handle)))
        parameters.initialize(repeating: MYSQL_BIND())
        columns = Columns(fields)
        // mysql_stmt_result_metadata(3) returns NULL for a statement without columns, and when memory runs out.
        guard failed == 0, columns.count == Int(mysql_stmt_field_count(handle)) else {
            throw StoreError(handle, of: connection, operation: operation)
        }
    }

    deinit {
        // A failure is one of the connection, which the next statement reports.
        mysql_stmt_close(handle)
        parameters.deallocate()
        arena.deallocate()
    }

    /// Rows changed by the last run.
    private(set) var affectedRows = 0

    /// - Parameter values: of all parameters in their order, in groups as they come.
    func run(_ values: [[SQLValue]], operation: String) throws(StoreError) -> [Row] {
        let count = values.reduce(0) { $0 + $1.count }
        precondition(count == parameters.count, "\(operation): the statement has \(parameters.count) parameters")
        bind(values)
        guard mysql_stmt_bind_param(handle, parameters.baseAddress) == 0, mysql_stmt_execute(handle) == 0
        else { throw failure(operation) }
        affectedRows = Int(truncatingIfNeeded: mysql_stmt_affected_rows(handle))
        guard columns.count > 0 else { return [] }
        // Skips the rows after an error. A failure is one of the connection, which the next statement reports.
        defer { mysql_stmt_free_result(handle) }
        // The server prepares again by itself where a table was changed, and the columns may have other types then.
        if !columns.match(handle.pointee.fields, count: handle.pointee.field_count) {
            let fields = mysql_stmt_result_metadata(handle)
            defer { mysql_free_result(fields) }
            columns = Columns(fields)
            guard columns.count == Int(mysql_stmt_field_count(handle)) else { throw failure(operation) }
        }
        guard mysql_stmt_bind_result(handle, columns.binds) == 0 else { throw failure(operation) }
        var rows: [Row] = []
        while true {
            switch mysql_stmt_fetch(handle) {
            case 0, MYSQL_DATA_TRUNCATED: rows.append(Row(values: try row(operation), operation: operation))
            case MYSQL_NO_DATA: return rows
            default: throw failure(operation)
            }
        }
    }

    /// Copies the values into the arena and points the binds at them.
    private func bind(_ values: [[SQLValue]]) {
        let needed = values.reduce(0) { $1.reduce($0) { $0 + $1.sizeMax } }
        if needed > arena.count {
            arena.deallocate()
            arena = .allocate(byteCount: needed * 2, alignment: 8)
        }
        var end = 0
        var index = 0
        // A change binds a few instants many times.
        var last = (instant: Instant(microseconds: 0), time: MYSQL_TIME(Instant(microseconds: 0)))
        var before = last
        func time(_ instant: Instant) -> MYSQL_TIME {
            if instant == last.instant { return last.time }
            if instant == before.instant { return before.time }
            before = last
            last = (instant, MYSQL_TIME(instant))
            return last.time
        }
        for group in values {
            for value in group {
                defer { index += 1 }
                func copy(_ bytes: UnsafeRawBufferPointer, _ type: enum_field_types) {
                    let start = (end + 7) & ~7
                    end = start + bytes.count
                    UnsafeMutableRawBufferPointer(rebasing: arena[start..<end]).copyMemory(from: bytes)
                    parameters[index].buffer_type = type
                    parameters[index].buffer = arena.baseAddress.map { $0 + start }
                    // Serves as the length too, where `length` is NULL.
                    parameters[index].buffer_length = UInt(bytes.count)
                }
                switch value {
                case .null: parameters[index].buffer_type = MYSQL_TYPE_NULL
                case .integer(let number): withUnsafeBytes(of: Int64(number)) { copy($0, MYSQL_TYPE_LONGLONG) }
                case .instant(let instant): withUnsafeBytes(of: time(instant)) { copy($0, MYSQL_TYPE_DATETIME) }
                case .text(let text): text.utf8Span.span.withUnsafeBytes { copy($0, MYSQL_TYPE_STRING) }
                case .utf8(let bytes): bytes.withUnsafeBytes { copy($0, MYSQL_TYPE_STRING) }
                case .bytes(let bytes): bytes.withUnsafeBytes { copy($0, MYSQL_TYPE_BLOB) }
                }
            }
        }
    }

    private func row(_ operation: String) throws(StoreError) -> [SQLValue] {
        // Once, since each access to a variable of a class is checked for exclusivity.
        let columns = columns
        var values: [SQLValue] = []
        values.reserveCapacity(columns.count)
        for index in 0..<columns.count {
            let needsMore = columns.length(index) > Columns.bytesAtOnce
            values.append(needsMore ? .bytes(try longColumn(index, operation)) : columns.value(index))
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
        guard failed == 0 else { throw failure(operation) }
        return bytes
    }

    private func failure(_ operation: String) -> StoreError { StoreError(handle, of: connection, operation: operation) }
}

/// Where the C library writes the columns of a row: numbers as 64 bits, instants as `MYSQL_TIME`, all else as bytes.
private final class Columns {
    /// Names, phones and ids fit.
    static let bytesAtOnce = 512
    /// The number of the character set that is none.
    private static let binary: UInt32 = 63

    let count: Int
    let binds: UnsafeMutablePointer<MYSQL_BIND>
    private let lengths: UnsafeMutablePointer<UInt>
    private let nulls: UnsafeMutablePointer<my_bool>
    private let buffers: UnsafeMutableRawPointer
    private let types: [enum_field_types]
    /// Whether a column has a character set, which the session makes UTF-8.
    private let areTexts: [Bool]

    init(_ fields: UnsafeMutablePointer<MYSQL_RES>?) {
        count = fields.map { Int(mysql_num_fields($0)) } ?? 0
        binds = .allocate(capacity: count)
        binds.initialize(repeating: MYSQL_BIND(), count: count)
        lengths = .allocate(capacity: count)
        lengths.initialize(repeating: 0, count: count)
        nulls = .allocate(capacity: count)
        nulls.initialize(repeating: 0, count: count)
        buffers = .allocate(byteCount: count * Columns.bytesAtOnce, alignment: 8)
        let found = (0..<count).map { mysql_fetch_field_direct(fields, UInt32($0)).pointee }
        types = found.map(\.type)
        areTexts = found.map { $0.charsetnr != Columns.binary }
        for index in 0..<count {
            switch types[index] {
            case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_LONG, MYSQL_TYPE_INT24, MYSQL_TYPE_LONGLONG:
                binds[index].buffer_type = MYSQL_TYPE_LONGLONG
            // Both are UTC: the session's zone is.
            case MYSQL_TYPE_DATETIME, MYSQL_TYPE_TIMESTAMP: binds[index].buffer_type = MYSQL_TYPE_DATETIME
            default: binds[index].buffer_type = MYSQL_TYPE_BLOB
            }
            binds[index].buffer = buffers + index * Columns.bytesAtOnce
            binds[index].buffer_length = UInt(Columns.bytesAtOnce)
            binds[index].length = lengths + index
            binds[index].is_null = nulls + index
        }
    }

    deinit {
        binds.deallocate()
        lengths.deallocate()
        nulls.deallocate()
        buffers.deallocate()
    }

    /// Whether the columns of a result are those that this memory was made for.
    func match(_ fields: UnsafeMutablePointer<MYSQL_FIELD>?, count: UInt32) -> Bool {
        guard let fields, Int(count) == self.count else { return false }
        return (0..<self.count).allSatisfy { index in
            fields[index].type == types[index] && (fields[index].charsetnr != Columns.binary) == areTexts[index]
        }
    }

    /// What the column has, which may be more than was fetched.
    func length(_ index: Int) -> Int { nulls[index] != 0 ? 0 : Int(lengths[index]) }

    func value(_ index: Int) -> SQLValue {
        guard nulls[index] == 0 else { return .null }
        let buffer = buffers + index * Columns.bytesAtOnce
        switch binds[index].buffer_type {
        case MYSQL_TYPE_LONGLONG: return .integer(Int(buffer.load(as: Int64.self)))
        case MYSQL_TYPE_DATETIME: return .instant(Instant(buffer.load(as: MYSQL_TIME.self)))
        default:
            let bytes = UnsafeRawBufferPointer(start: buffer, count: length(index)).bindMemory(to: UInt8.self)
            guard areTexts[index], let text = try? UTF8Span(validating: bytes.span) else { return .bytes(Array(bytes)) }
            return .text(String(copying: text))
        }
    }
}

extension SQLValue {
    /// The most that the value takes in the arena, where each begins at a multiple of 8.
    fileprivate var sizeMax: Int {
        switch self {
        case .null: 0
        case .integer: MemoryLayout<Int64>.size
        case .instant: MemoryLayout<MYSQL_TIME>.stride
        case .text(let text): text.utf8.count + 7
        case .utf8(let bytes), .bytes(let bytes): bytes.count + 7
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
            second_part: UInt(fields.microsecond), neg: 0, time_type: MYSQL_TIMESTAMP_DATETIME)
    }
}
