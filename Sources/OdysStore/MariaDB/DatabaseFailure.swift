internal import CMariaDB
public import OdysCore

extension StoreError {
    init(_ handle: UnsafeMutablePointer<MYSQL>, operation: String) {
        self.init(
            code: mysql_errno(handle), sqlState: mysql_sqlstate(handle), text: mysql_error(handle), operation: operation
        )
    }

    init(_ statement: UnsafeMutablePointer<MYSQL_STMT>, operation: String) {
        self.init(
            code: mysql_stmt_errno(statement), sqlState: mysql_stmt_sqlstate(statement),
            text: mysql_stmt_error(statement), operation: operation)
    }

    private init(code: UInt32, sqlState: UnsafePointer<CChar>, text: UnsafePointer<CChar>, operation: String) {
        self.init(
            kind: Kind(Int32(code)), code: code, sqlState: String(cString: sqlState), operation: operation,
            signal: Signal(rawValue: code) == nil ? nil : String(cString: text))
    }
}

extension StoreError {
    /// Whether the user lacks a grant.
    public var isDenied: Bool {
        [
            ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
            ER_SPECIFIC_ACCESS_DENIED_ERROR,
        ].contains(Int32(code))
    }
}

/// Error numbers that our own statements `SIGNAL`, outside the ranges of server and client library.
enum Signal: UInt32 {
    /// The slot is taken; the text is the id of the appointment that holds it.
    case slotConflict = 45_001
    /// The appointment has changed since it was read. Cannot happen while its lock is held.
    case versionMismatch = 45_002
    /// Another sender has claimed the message.
    case leaseLost = 45_003
}

extension StoreError.Kind {
    fileprivate init(_ code: Int32) {
        switch code {
        // ER_CHECKREAD: the row changed under a snapshot (default from MariaDB 11.6); can be repeated like a deadlock.
        case ER_LOCK_DEADLOCK, ER_CHECKREAD: self = .deadlock
        case ER_LOCK_WAIT_TIMEOUT, ER_STATEMENT_TIMEOUT, ER_QUERY_INTERRUPTED: self = .timeout
        case CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR, CR_SERVER_GONE_ERROR, CR_SERVER_LOST,
            CR_SERVER_LOST_EXTENDED, CR_SERVER_HANDSHAKE_ERR, CR_UNKNOWN_HOST, CR_COMMANDS_OUT_OF_SYNC,
            CR_MALFORMED_PACKET, ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED, ER_NEW_ABORTING_CONNECTION,
            ER_ABORTING_CONNECTION:
            self = .connectionLost
        case ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED, ER_OPTION_PREVENTS_STATEMENT,
            ER_READ_ONLY_MODE, ER_UNKNOWN_COM_ERROR, ER_DISK_FULL, ER_RECORD_FILE_FULL, ER_ACCESS_DENIED_ERROR,
            ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
            ER_SPECIFIC_ACCESS_DENIED_ERROR, CR_SSL_CONNECTION_ERROR:
            self = .refusing
        case ER_NO_SUCH_TABLE, ER_BAD_FIELD_ERROR, ER_BAD_DB_ERROR, ER_KEY_DOES_NOT_EXISTS: self = .schema
        default: self = .unexpected
        }
    }
}
