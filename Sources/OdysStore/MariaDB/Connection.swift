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
    private let hostOrder = HostOrder.shared
    private var handle: UnsafeMutablePointer<MYSQL>?
    private var statements: [StatementText: Statement] = [:]
    /// Whether a statement failed since the last rollback. The server tells whether a transaction is open with every
    /// success, but not with an error: after a lock wait that ran out the transaction is open, and nothing says so.
    private var hasFailed = false
    /// Since when the open transaction is one that `reading` left open; nil where none is.
    private var readingSince: ContinuousClock.Instant?

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
        try recovering { connection throws(StoreError) in
            try connection.connect()
            let value = try body(connection)
            try connection.rollbackIfOpen()
            return value
        }
    }

    /// Runs a block that only reads, and locks nothing. To end its transaction would be another round trip, so that
    /// is left to whatever comes next: another block, after a tenth of a second at the latest, or `endReading`. READ
    /// COMMITTED shows each statement what was committed when it began, however old the transaction; what an open one
    /// does hold up is a change of the tables read.
    func reading<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
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

    /// Whether `reading` left a transaction open.
    public var isReading: Bool { readingSince != nil }

    /// Ends what `reading` left open: for a thread that has nothing else to do.
    public func endReading() {
        guard readingSince != nil else { return }
        do throws(StoreError) { try rollbackIfOpen() } catch { close() }
    }

    private func recovering<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try body(self)
        } catch {
            if error.invalidatesConnection {
                close()
            } else {
                // After 1205 or 1969 the first half of the transaction is still there, and a later COMMIT on this
                // connection would commit it. Where even the rollback fails, the connection goes, and the half with
                // it.
                do throws(StoreError) { try rollbackIfOpen() } catch { close() }
            }
            throw error
        }
    }

    /// Runs a statement that returns rows. Prepared once for each connection.
    func query(_ sql: String, _ parameters: [SQLValue], operation: String) throws(StoreError) -> [Row] {
        try run(sql, parameters, operation: operation).rows
    }

    /// Runs a statement that returns none.
    ///
    /// - Returns: the number of rows it changed; of a compound statement, those of its last one.
    @discardableResult
    func execute(_ sql: String, _ parameters: [SQLValue] = [], operation: String) throws(StoreError) -> Int {
        try run(sql, parameters, operation: operation).statement.affectedRows
    }

    private func run(
        _ sql: String, _ parameters: [SQLValue], operation: String
    ) throws(StoreError) -> (statement: Statement, rows: [Row]) {
        do throws(StoreError) {
            let statement = try statement(sql, operation: operation)
            return (statement, try statement.run(parameters, operation: operation))
        } catch {
            hasFailed = true
            throw error
        }
    }

    /// Runs a file of many statements. Only here may one text hold more than one: everywhere else it would be a gift
    /// to an injection.
    func executeScript(_ sql: String, operation: String) throws(StoreError) {
        try connect()
        guard let handle else { throw lost(operation) }
        guard mysql_set_server_option(handle, MYSQL_OPTION_MULTI_STATEMENTS_ON) == 0 else { throw error(operation) }
        try executeText(sql, operation: operation)
        // After an error the connection is closed or its user is done with it, so that it need not be set back.
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
        // An administrative statement such as CHECK or CALL may answer with rows; nobody reads them.
        repeat {
            if let result = mysql_store_result(handle) { mysql_free_result(result) }
            let next = mysql_next_result(handle)
            if next > 0 { throw error(operation) }
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
            try open(settings, anyOf: hosts, port: port)
        }
    }

    /// Connects to the first host that answers. Hosts that are silent, and not merely closed, take so long that a
    /// request would be late if it waited for all of them: the rest is tried first by the next one.
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

    /// Whether the server said with its last answer that a transaction is open.
    var isInTransaction: Bool {
        handle.map { $0.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0 } ?? false
    }

    private func rollbackIfOpen() throws(StoreError) {
        readingSince = nil
        guard let handle, hasFailed || isInTransaction else { return }
        guard mysql_rollback(handle) == 0 else { throw error("ROLLBACK") }
        hasFailed = false
    }

    private func statement(_ sql: String, operation: String) throws(StoreError) -> Statement {
        let text = StatementText(sql: sql)
        if let statement = statements[text] { return statement }
        guard let handle else { throw lost(operation) }
        let statement = try Statement(handle, sql, operation: operation)
        statements[text] = statement
        return statement
    }

    private func open(
        _ settings: DatabaseSettings, host: String?, port: UInt16, socket: String?
    ) throws(StoreError) {
        guard let new = mysql_init(nil) else { throw StoreError(kind: .refusing, operation: "mysql_init") }
        // A socket needs no TLS; whoever names a CA wants it on loopback too.
        let verifiesServer = host.map { !isLoopback($0) || settings.certificateAuthority != nil } ?? false
        configure(new, settings, verifiesServer: verifiesServer)
        guard
            mysql_real_connect(
                new, host, settings.user, settings.password, settings.name, UInt32(port), socket, 0) != nil
        else {
            defer { mysql_close(new) }
            throw StoreError(new, operation: "connect")
        }
        handle = new
        do throws(StoreError) {
            // A statement, because the variable has another name from MariaDB 11.1 on.
            try executeText("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", operation: "set up the session")
            try executeText(limits.sql, operation: "set up the session")
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
                kind: .schema,
                operation: "check the schema, which has version \(version) of \(Migrations.requiredVersion)")
        }
    }

    private func configure(
        _ handle: UnsafeMutablePointer<MYSQL>, _ settings: DatabaseSettings, verifiesServer: Bool
    ) {
        // mysql_options(3): call it before mysql_real_connect(); the value is copied. It fails for an option that the
        // library does not know, and without one of these a connection would have other bounds than it must.
        func set(_ option: mysql_option, _ value: UnsafeRawPointer) {
            precondition(
                mysql_options(handle, option, value) == 0, "mysql_options: option \(option.rawValue) is unknown")
        }
        func set(_ option: mysql_option, _ value: Int) {
            var value = UInt32(value)
            set(option, &value)
        }
        func set(_ option: mysql_option, _ value: Bool) {
            var value: my_bool = value ? 1 : 0
            set(option, &value)
        }
        set(MYSQL_OPT_CONNECT_TIMEOUT, Limits.connectSeconds)
        // Without these two a server that freezes holds the thread for ever.
        set(MYSQL_OPT_READ_TIMEOUT, limits.readSeconds)
        set(MYSQL_OPT_WRITE_TIMEOUT, limits.readSeconds)
        set(MYSQL_SET_CHARSET_NAME, "utf8mb4")
        set(MYSQL_OPT_RECONNECT, false)
        // Else "localhost" would mean the library's own idea of a Unix socket, whatever the port.
        if case .hosts = settings.server { set(MYSQL_OPT_PROTOCOL, Int(MYSQL_PROTOCOL_TCP.rawValue)) }
        set(MYSQL_OPT_LOCAL_INFILE, 0)
        if verifiesServer {
            // MYSQL_OPT_SSL_ENFORCE connects in clear text to a server without TLS; only verifying the certificate
            // really refuses (seen with Connector/C 3.3).
            set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, true)
            set(MYSQL_OPT_SSL_CA, settings.certificateAuthority ?? "/etc/ssl/certs/ca-certificates.crt")
        }
    }

    private func error(_ operation: String) -> StoreError {
        handle.map { StoreError($0, operation: operation) } ?? lost(operation)
    }

    private func lost(_ operation: String) -> StoreError {
        StoreError(kind: .connectionLost, operation: operation)
    }
}

/// The text of a statement as a key. To hash two thousand bytes for each statement would cost more than to run it:
/// the length tells nearly all of them apart, and Swift sees at a glance that two texts are the same constant.
private struct StatementText: Hashable {
    let sql: String

    func hash(into hasher: inout Hasher) { hasher.combine(sql.utf8.count) }
}
