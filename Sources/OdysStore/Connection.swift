internal import CMariaDB
public import OdysCore

/// One connection to MariaDB, with the session that every statement of this program relies on.
///
/// Not Sendable: it is made, used and dropped on one thread. Libmariadb needs nothing else ("a connection handle must
/// not be used by two threads at the same time"). It connects on first use, and again after it was lost, but never by
/// itself inside a transaction: automatic reconnect is off, because a transaction that goes on after one has lost its
/// first half without a word.
///
/// Autocommit is off. Every use therefore ends in a commit or a rollback: `transaction(_:)` sees to it.
public final class Connection {
    private let readSettings: () -> DatabaseSettings
    private let limits: SessionLimits
    private var handle: UnsafeMutablePointer<MYSQL>?
    private var statements: [String: Statement] = [:]
    /// Whether a statement failed since the last rollback. The server tells whether a transaction is open with every
    /// success, but not with an error: after a lock wait that ran out the transaction is open, and nothing says so.
    private var hasFailed = false

    /// - Parameter readSettings: called each time that it connects, so that a password may change.
    public init(limits: SessionLimits = .request, _ readSettings: @escaping () -> DatabaseSettings) {
        self.readSettings = readSettings
        self.limits = limits
    }

    public convenience init(_ settings: DatabaseSettings, limits: SessionLimits = .request) {
        self.init(limits: limits) { settings }
    }

    deinit {
        close()
    }

    /// Runs the block in a transaction. The block ends it by a statement that commits; whatever it leaves open,
    /// also by throwing, is rolled back. A connection that is of no more use is closed; the next use opens another.
    public func transaction<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        do throws(StoreError) {
            try connect()
            let value = try body(self)
            try rollbackIfOpen()
            return value
        } catch {
            if error.losesConnection {
                close()
            } else {
                // After 1205 or 1969 the first half of the transaction is still there, and a later COMMIT on this
                // connection would commit it. Where even the rollback fails, the connection goes, and the half with it.
                do throws(StoreError) { try rollbackIfOpen() } catch { close() }
            }
            throw error
        }
    }

    /// Runs a statement that returns rows. Prepared once for each connection.
    func query(_ sql: String, _ parameters: [SQLValue], doing: String) throws(StoreError) -> [Row] {
        try run(sql, parameters, doing: doing).rows
    }

    /// Runs a statement that returns none.
    ///
    /// - Returns: the number of rows it changed; of a compound statement, those of its last one.
    @discardableResult
    func execute(_ sql: String, _ parameters: [SQLValue] = [], doing: String) throws(StoreError) -> Int {
        try run(sql, parameters, doing: doing).statement.affectedRows
    }

    private func run(
        _ sql: String, _ parameters: [SQLValue], doing: String
    ) throws(StoreError) -> (statement: Statement, rows: [Row]) {
        do throws(StoreError) {
            let statement = try statement(sql, doing: doing)
            return (statement, try statement.run(parameters, doing: doing))
        } catch {
            hasFailed = true
            throw error
        }
    }

    /// Runs a file of many statements. Only here may one text hold more than one: everywhere else it would be a gift to
    /// an injection.
    func executeScript(_ sql: String, doing: String) throws(StoreError) {
        try connect()
        guard let handle else { throw lost(doing) }
        mysql_set_server_option(handle, MYSQL_OPTION_MULTI_STATEMENTS_ON)
        defer { mysql_set_server_option(handle, MYSQL_OPTION_MULTI_STATEMENTS_OFF) }
        try executeText(sql, doing: doing)
    }

    /// Runs text that cannot be prepared: session settings, and the files of the schema.
    private func executeText(_ sql: String, doing: String) throws(StoreError) {
        try connect()
        guard let handle else { throw lost(doing) }
        // mysql_real_query(3): "sql" may hold binary data, so its length is given.
        var sql = sql
        let failed = sql.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { mysql_real_query(handle, $0.baseAddress, UInt(bytes.count)) }
        }
        guard failed == 0 else { throw error(doing) }
        // An administrative statement such as CHECK or CALL may answer with rows; nobody reads them.
        repeat {
            if let result = mysql_store_result(handle) { mysql_free_result(result) }
            let next = mysql_next_result(handle)
            if next > 0 { throw error(doing) }
            if next < 0 { break }
        } while true
    }

    public func commit() throws(StoreError) {
        guard let handle else { throw lost("COMMIT") }
        guard mysql_commit(handle) == 0 else { throw error("COMMIT") }
    }

    /// Opens the connection if it is not open.
    public func connect() throws(StoreError) {
        guard handle == nil else { return }
        let settings = readSettings()
        switch settings.server {
        case .socket(let path):
            try open(settings, host: nil, port: 0, socket: path)
        case .hosts(let hosts, let port):
            var last: StoreError?
            for host in hosts {
                do throws(StoreError) {
                    try open(settings, host: host, port: port, socket: nil)
                    return
                } catch {
                    last = error
                }
            }
            throw last ?? lost("connect")
        }
    }

    public func close() {
        statements.removeAll()
        if let handle { mysql_close(handle) }
        handle = nil
        hasFailed = false
    }

    private func rollbackIfOpen() throws(StoreError) {
        guard let handle, hasFailed || handle.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0
        else { return }
        guard mysql_rollback(handle) == 0 else { throw error("ROLLBACK") }
        hasFailed = false
    }

    private func statement(_ sql: String, doing: String) throws(StoreError) -> Statement {
        if let statement = statements[sql] { return statement }
        guard let handle else { throw lost(doing) }
        let statement = try Statement(handle, sql, doing: doing)
        statements[sql] = statement
        return statement
    }

    private func open(
        _ settings: DatabaseSettings, host: String?, port: UInt16, socket: String?
    ) throws(StoreError) {
        guard let new = mysql_init(nil) else { throw StoreError(kind: .refusing, doing: "mysql_init") }
        // A socket needs no TLS; whoever names a CA wants it on loopback too.
        let verifiesServer = host.map { !isLoopback($0) || settings.certificateAuthority != nil } ?? false
        configure(new, settings, verifiesServer: verifiesServer)
        guard
            mysql_real_connect(
                new, host, settings.user, settings.password, settings.name, UInt32(port), socket, 0) != nil
        else {
            defer { mysql_close(new) }
            throw StoreError(new, doing: "connect")
        }
        handle = new
        do throws(StoreError) {
            // A statement, because the variable has another name from MariaDB 11.1 on.
            try executeText("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", doing: "set up the session")
            try executeText(limits.sql, doing: "set up the session")
            if limits.needsSchema { try checkSchema() }
        } catch {
            close()
            throw error
        }
    }

    /// Refuses a schema that is older than the statements of this program.
    private func checkSchema() throws(StoreError) {
        let version = try Migrations.schemaVersion(self)
        guard version >= Migrations.requiredVersion else {
            throw StoreError(
                kind: .schema, doing: "check the schema, which has version \(version) of \(Migrations.requiredVersion)")
        }
    }

    private func configure(
        _ handle: UnsafeMutablePointer<MYSQL>, _ settings: DatabaseSettings, verifiesServer: Bool
    ) {
        // mysql_options(3): call it before mysql_real_connect(); the value is copied.
        func seconds(_ option: mysql_option, _ value: Int) {
            var value = UInt32(value)
            mysql_options(handle, option, &value)
        }
        seconds(MYSQL_OPT_CONNECT_TIMEOUT, Limits.connectSeconds)
        // Without these two a server that freezes holds the thread for ever.
        seconds(MYSQL_OPT_READ_TIMEOUT, limits.readSeconds)
        seconds(MYSQL_OPT_WRITE_TIMEOUT, limits.readSeconds)
        mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        var off: my_bool = 0
        mysql_options(handle, MYSQL_OPT_RECONNECT, &off)
        if case .hosts = settings.server {
            // Else "localhost" would mean the library's own idea of a Unix socket, whatever the port.
            var tcp = MYSQL_PROTOCOL_TCP.rawValue
            mysql_options(handle, MYSQL_OPT_PROTOCOL, &tcp)
        }
        var noFiles: UInt32 = 0
        mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &noFiles)
        if verifiesServer {
            // MYSQL_OPT_SSL_ENFORCE connects in clear text to a server without TLS; only verifying the certificate
            // really refuses (seen with Connector/C 3.3).
            var on: my_bool = 1
            mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on)
            mysql_options(
                handle, MYSQL_OPT_SSL_CA, settings.certificateAuthority ?? "/etc/ssl/certs/ca-certificates.crt")
        }
    }

    private func error(_ doing: String) -> StoreError {
        handle.map { StoreError($0, doing: doing) } ?? lost(doing)
    }

    private func lost(_ doing: String) -> StoreError {
        StoreError(kind: .connectionLost, doing: doing)
    }
}

/// What a session may take, and how long.
public struct SessionLimits: Sendable {
    /// Seconds without an answer from the server before it is given up.
    let readSeconds: Int
    let sql: String
    /// Whether a connection is only good with the schema that this program needs.
    let needsSchema: Bool

    /// READ COMMITTED, because under REPEATABLE READ a sender that finds nothing locks the end of the outbox's index
    /// and every enqueueing request waits for it. Strict mode, because a text that does not fit must fail.
    private static let session =
        "SET SESSION autocommit = 0, time_zone = '+00:00',"
        + " sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

    /// For requests and senders: whatever waits, gives up before the one who waits for it does. The last limit is for a
    /// process that is frozen inside a transaction, on a suspended machine: its locks do not outlast its deadline.
    public static let request = SessionLimits(
        readSeconds: Limits.statementSeconds + 1,
        sql: session + ", innodb_lock_wait_timeout = \(Limits.lockWaitSeconds),"
            + " max_statement_time = \(Limits.statementSeconds), idle_transaction_timeout = \(Limits.requestSeconds)",
        needsSchema: true)

    /// For a look from outside. The schema's version is what it looks for, so it needs none.
    public static let look = SessionLimits(
        readSeconds: Limits.lookStatementSeconds + 1,
        sql: session + ", max_statement_time = \(Limits.lookStatementSeconds)", needsSchema: false)

    /// For changes of the schema, which may rebuild large tables.
    public static let migration = SessionLimits(
        readSeconds: 3_600, sql: session + ", lock_wait_timeout = 60, innodb_lock_wait_timeout = 60",
        needsSchema: false)
}
