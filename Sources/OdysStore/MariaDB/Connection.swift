internal import CMariaDB
public import OdysCore

/// One connection to MariaDB, with the session that every statement of this program relies on.
///
/// Not Sendable: it is made, used and dropped on one thread ("a connection handle must not be used by two threads at
/// the same time"). It connects on first use, and again after it was lost. Automatic reconnect is off: inside a
/// transaction it would lose the first half unnoticed. Autocommit is off: `transaction(_:)` commits or rolls back.
public final class Connection {
    private let readSettings: () -> DatabaseSettings
    private let limits: SessionLimits
    private let hostOrder = HostOrder.shared
    private var handle: UnsafeMutablePointer<MYSQL>?
    private var statements: [StatementText: Statement] = [:]
    /// Whether a statement failed since the last rollback. Only a success carries the server's transaction flag: after
    /// a lock wait timeout the transaction is open, but the flag may not say so.
    private var hasFailed = false
    /// Whether the last error may be that of a statement prepared before a table, or a trigger of it, was changed.
    private var isOutdated = false
    /// When `reading` began the transaction that it left open.
    private var readingSince: ContinuousClock.Instant?

    /// - Parameter readSettings: called each time that it connects, so that a password may change.
    public init(limits: SessionLimits = .request, _ readSettings: @escaping () -> DatabaseSettings) {
        self.readSettings = readSettings
        self.limits = limits
    }

    public convenience init(_ settings: DatabaseSettings, limits: SessionLimits = .request) {
        self.init(limits: limits) { settings }
    }

    deinit { close() }

    /// Runs the block in a transaction. The block commits, last of all; what it leaves open, also by throwing, is
    /// rolled back. A broken connection is closed; the next use opens another.
    ///
    /// The block runs again, on a new connection, where a prepared statement was outdated: the server looks for the
    /// tables of triggers when it prepares one, and later does not find that of a new trigger (1146).
    public func transaction<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try transactionOnce(body)
        } catch {
            guard isOutdated else { throw error }
            close()
            return try transactionOnce(body)
        }
    }

    private func transactionOnce<Value>(
        _ body: (Connection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try recovering { connection throws(StoreError) in
            try connection.connect()
            let value = try body(connection)
            try connection.rollbackIfOpen()
            return value
        }
    }

    /// Runs a block that only reads, and locks nothing; once more on a new connection where the old one was lost, since
    /// the server closes idle ones.
    ///
    /// To end its transaction would be another round trip. The next block does it, after a tenth of a second at the
    /// latest, or `endReading`. Under READ COMMITTED the age of a transaction changes no result; an open one only
    /// blocks changes of the tables read.
    func reading<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try readingOnce(body)
        } catch {
            guard isOutdated || error.kind == .connectionLost else { throw error }
            close()
            return try readingOnce(body)
        }
    }

    /// Runs a block that may run twice; once more on a new connection where an old one was lost.
    func reconnecting<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let isOld = handle != nil
        do throws(StoreError) {
            return try body(self)
        } catch {
            guard isOld, error.kind == .connectionLost else { throw error }
            return try body(self)
        }
    }

    private func readingOnce<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        try recovering { connection throws(StoreError) in
            try connection.connect()
            if let since = connection.readingSince, ContinuousClock.now - since > Limits.readTransaction {
                try connection.rollbackIfOpen()
            }
            let value = try body(connection)
            connection.readingSince = connection.readingSince ?? ContinuousClock.now
            return value
        }
    }

    /// As `reading`, and ends the transaction.
    func readingAlone<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        defer { endReading() }
        return try reading(body)
    }

    /// Whether `reading` left a transaction open.
    public var isReading: Bool { readingSince != nil }

    /// Ends what `reading` left open. For a thread that is about to wait.
    public func endReading() {
        guard readingSince != nil else { return }
        do throws(StoreError) { try rollbackIfOpen() } catch { close() }
    }

    private func recovering<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        do throws(StoreError) {
            isOutdated = false
            return try body(self)
        } catch {
            if error.invalidatesConnection {
                close()
            } else {
                // After 1205 or 1969 the first half of the transaction is still open, and a later COMMIT would commit
                // it. Closing the connection rolls back too.
                do throws(StoreError) { try rollbackIfOpen() } catch { close() }
            }
            throw error
        }
    }

    /// Runs a statement that returns rows. Each text is prepared once for each connection.
    func query(_ sql: String, _ parameters: [SQLValue] = [], operation: String) throws(StoreError) -> [Row] {
        try run(sql, [parameters], operation: operation).rows
    }

    /// - Returns: the number of rows that were changed; of a compound statement, by its last one.
    @discardableResult
    func execute(_ sql: String, _ parameters: [SQLValue] = [], operation: String) throws(StoreError) -> Int {
        try execute(sql, groups: [parameters], operation: operation)
    }

    /// The same with the parameters in groups, which need not be copied into one list.
    @discardableResult func execute(_ sql: String, groups: [[SQLValue]], operation: String) throws(StoreError) -> Int {
        try run(sql, groups, operation: operation).statement.affectedRows
    }

    private func run(
        _ sql: String, _ parameters: [[SQLValue]], operation: String
    ) throws(StoreError) -> (statement: Statement, rows: [Row]) {
        let text = StatementText(sql: sql)
        let prepared = statements[text]
        do throws(StoreError) {
            guard let handle else { throw lost(operation) }
            let statement = if let prepared { prepared } else { try Statement(handle, sql, operation: operation) }
            if prepared == nil { statements[text] = statement }
            return (statement, try statement.run(parameters, operation: operation))
        } catch {
            hasFailed = true
            isOutdated = prepared != nil && error.mayBeOutdated
            throw error
        }
    }

    /// Runs a file of many statements. Only here may one text hold more than one: elsewhere it would help an injection.
    func executeScript(_ sql: String, operation: String) throws(StoreError) {
        try connect()
        guard let handle else { throw lost(operation) }
        guard mysql_set_server_option(handle, MYSQL_OPTION_MULTI_STATEMENTS_ON) == 0 else { throw error(operation) }
        try executeText(sql, operation: operation)
        // Not set back after an error, which ends the use of this connection.
        guard mysql_set_server_option(handle, MYSQL_OPTION_MULTI_STATEMENTS_OFF) == 0 else { throw error(operation) }
    }

    /// Runs text that cannot be prepared: session settings, and the files of the schema.
    private func executeText(_ sql: String, operation: String) throws(StoreError) {
        try connect()
        guard let handle else { throw lost(operation) }
        // mysql_real_query(3): "sql" may hold binary data, so its length is given.
        var sql = sql
        let failed = sql.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { mysql_real_query(handle, $0.baseAddress, UInt(bytes.count)) }
        }
        guard failed == 0 else { throw error(operation) }
        // CHECK or CALL may return rows; nobody reads them. mysql_store_result(3) returns NULL for a statement without
        // rows and after an error; mysql_next_result(3) clears the error.
        var next: Int32 = 0
        while next == 0 {
            mysql_free_result(mysql_store_result(handle))
            guard mysql_errno(handle) == 0 else { throw error(operation) }
            next = mysql_next_result(handle)
        }
        if next > 0 { throw error(operation) }
    }

    public func commit() throws(StoreError) {
        guard let handle else { throw lost("COMMIT") }
        guard mysql_commit(handle) == 0 else { throw error("COMMIT") }
    }

    public func connect() throws(StoreError) {
        guard handle == nil else { return }
        let settings = readSettings()
        switch settings.server {
        case .socket(let path):
            try open(settings, host: nil, port: 0, socket: path)
        case .hosts(let hosts, let port):
            try open(settings, anyOf: hosts, port: port)
        }
    }

    /// Connects to the first host that answers. A silent host takes the whole connect timeout, so a request cannot wait
    /// for all: the next connection tries the rest first.
    private func open(_ settings: DatabaseSettings, anyOf hosts: [String], port: UInt16) throws(StoreError) {
        let deadline = ContinuousClock.now + .seconds(Limits.connectHostsSeconds)
        var last: StoreError?
        for host in hostOrder.order(hosts) where last == nil || ContinuousClock.now < deadline {
            do throws(StoreError) {
                try open(settings, host: host, port: port, socket: nil)
                hostOrder.answered(host)
                return
            } catch {
                hostOrder.failed(host)
                last = error
            }
        }
        throw last ?? lost("connect")
    }

    public func close() {
        statements.removeAll()
        if let handle { mysql_close(handle) }
        handle = nil
        hasFailed = false
        readingSince = nil
    }

    /// The server's transaction flag of the last success.
    var isInTransaction: Bool {
        handle.map { $0.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0 } ?? false
    }

    private func rollbackIfOpen() throws(StoreError) {
        readingSince = nil
        guard let handle, hasFailed || isInTransaction else { return }
        guard mysql_rollback(handle) == 0 else { throw error("ROLLBACK") }
        hasFailed = false
    }

    private func open(_ settings: DatabaseSettings, host: String?, port: UInt16, socket: String?) throws(StoreError) {
        guard let new = mysql_init(nil) else { throw StoreError(kind: .refusing, operation: "mysql_init") }
        // No TLS on a Unix socket; on loopback only with a CA.
        let verifiesServer = host.map { !isLoopback($0) || settings.certificateAuthority != nil } ?? false
        limits.configure(new, settings, verifiesServer: verifiesServer)
        guard
            mysql_real_connect(
                new, host, settings.user, settings.password, settings.name, UInt32(port), socket, 0) != nil
        else {
            defer { mysql_close(new) }
            throw StoreError(new, operation: "connect").atConnect
        }
        handle = new
        do throws(StoreError) {
            // READ COMMITTED: under REPEATABLE READ a sender that finds nothing locks the end of the outbox's index,
            // and every enqueueing request waits for it. The variable has another name from MariaDB 11.1 on.
            try executeText("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", operation: "set up the session")
            try executeText(limits.sql, operation: "set up the session")
            if limits.needsSchema { try checkSchema() }
        } catch {
            close()
            throw error.atConnect
        }
    }

    private func checkSchema() throws(StoreError) {
        let version = try Migrations.schemaVersion(self)
        guard version >= Migrations.requiredVersion else {
            throw StoreError(
                kind: .schema,
                operation: "check the schema, which has version \(version) of \(Migrations.requiredVersion)")
        }
    }

    private func error(_ operation: String) -> StoreError {
        handle.map { StoreError($0, operation: operation) } ?? lost(operation)
    }

    private func lost(_ operation: String) -> StoreError { StoreError(kind: .connectionLost, operation: operation) }
}

/// The text of a statement as a key. Hashes the length alone, not two thousand bytes: it tells nearly all apart, and
/// `==` first compares the addresses of the constants.
private struct StatementText: Hashable {
    let sql: String

    func hash(into hasher: inout Hasher) { hasher.combine(sql.utf8.count) }
}
