internal import CMariaDB
internal import OdysCore

/// The timeouts of a session.
public struct SessionLimits: Sendable {
    /// Socket timeout.
    let readSeconds: Int
    let sql: String
    /// Whether to refuse a schema older than this program needs.
    let needsSchema: Bool

    /// Strict mode, because a text that does not fit must fail.
    private static let session =
        "SET SESSION autocommit = 0, time_zone = '+00:00',"
        + " sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

    /// For requests and senders: each timeout is shorter than that of whoever waits for it. The last one ends the
    /// transaction, and the locks, of a process that is frozen.
    public static let request = SessionLimits(
        readSeconds: Limits.statementSeconds + 1,
        sql: session + ", innodb_lock_wait_timeout = \(Limits.lockWaitSeconds),"
            + " max_statement_time = \(Limits.statementSeconds), idle_transaction_timeout = \(Limits.requestSeconds)",
        needsSchema: true)

    /// For checks of the database, whatever its schema.
    public static let look = SessionLimits(
        readSeconds: Limits.lookStatementSeconds + 1,
        sql: session + ", max_statement_time = \(Limits.lookStatementSeconds)", needsSchema: false)

    /// For schema changes, which may rebuild large tables.
    public static let migration = SessionLimits(
        readSeconds: 3_600, sql: session + ", lock_wait_timeout = 60, innodb_lock_wait_timeout = 60",
        needsSchema: false)
}

extension SessionLimits {
    /// Sets what a connection has before it is opened: timeouts, character set, protections.
    func configure(_ handle: UnsafeMutablePointer<MYSQL>, _ settings: DatabaseSettings, verifiesServer: Bool) {
        // mysql_options(3): call it before mysql_real_connect(); the value is copied. It fails for an unknown option;
        // a connection without one of these would lack a timeout or a protection.
        func set(_ option: mysql_option, _ value: UnsafeRawPointer) {
            precondition(mysql_options(handle, option, value) == 0, "mysql_options: unknown option \(option.rawValue)")
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
        // Without these two a frozen server blocks the thread for ever.
        set(MYSQL_OPT_READ_TIMEOUT, readSeconds)
        set(MYSQL_OPT_WRITE_TIMEOUT, readSeconds)
        set(MYSQL_SET_CHARSET_NAME, "utf8mb4")
        set(MYSQL_OPT_RECONNECT, false)
        // Otherwise the library connects to "localhost" by its default Unix socket.
        if case .hosts = settings.server { set(MYSQL_OPT_PROTOCOL, Int(MYSQL_PROTOCOL_TCP.rawValue)) }
        set(MYSQL_OPT_LOCAL_INFILE, 0)
        if verifiesServer {
            // MYSQL_OPT_SSL_ENFORCE connects in clear text to a server without TLS (seen with Connector/C 3.3); only
            // verification refuses it.
            set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, true)
            set(MYSQL_OPT_SSL_CA, settings.certificateAuthority ?? "/etc/ssl/certs/ca-certificates.crt")
        }
    }
}
