internal import CMariaDB
public import OdysCore

extension StoreError {
    init(_ handle: UnsafeMutablePointer<MYSQL>, operation: String) {
        self.init(
            code: mysql_errno(handle), sqlState: mysql_sqlstate(handle), text: mysql_error(handle), operation: operation
        )
    }

    /// An error that comes in place of a row is only the connection's: Connector/C 3.3 leaves the statement's number 0.
    init(_ statement: UnsafeMutablePointer<MYSQL_STMT>, of connection: UnsafeMutablePointer<MYSQL>, operation: String) {
        guard mysql_stmt_errno(statement) != 0 else {
            self.init(connection, operation: operation)
            return
        }
        self.init(
            code: mysql_stmt_errno(statement), sqlState: mysql_stmt_sqlstate(statement),
            text: mysql_stmt_error(statement), operation: operation)
    }

    private init(code: UInt32, sqlState: UnsafePointer<CChar>, text: UnsafePointer<CChar>, operation: String) {
        let state = String(cString: sqlState)
        let failure = FailureClass(code: Int32(bitPattern: code), sqlState: state)
        self.init(
            kind: failure.kind, code: code, sqlState: state, operation: operation,
            signal: Signal(rawValue: code) == nil ? nil : String(cString: text), cause: failure.cause)
    }

    /// The same while connecting, where no statement of ours can be at fault: a server that does not understand the
    /// session is another one than this program was written for.
    var atConnect: StoreError {
        guard kind == .unexpected else { return self }
        return StoreError(
            kind: .refusing, code: code, sqlState: sqlState, operation: operation,
            cause: Cause(
                "the server does not accept this program's session",
                "use MariaDB 10.11 or newer, and check what its init_connect does"))
    }
}

extension StoreError {
    /// Whether a statement that was prepared earlier may succeed when it is prepared again.
    var mayBeOutdated: Bool {
        [
            ER_NO_SUCH_TABLE, ER_BAD_FIELD_ERROR, ER_SP_DOES_NOT_EXIST, ER_TABLE_NOT_LOCKED, ER_NEED_REPREPARE,
            ER_TABLE_DEF_CHANGED,
        ].contains(Int32(bitPattern: code))
    }

    var isOfMissingColumn: Bool { code == UInt32(ER_BAD_FIELD_ERROR) }

    /// Whether the user lacks a grant.
    public var isDenied: Bool {
        [
            ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
            ER_SPECIFIC_ACCESS_DENIED_ERROR,
        ].contains(Int32(bitPattern: code))
    }
}

/// Error numbers that our own statements `SIGNAL`, outside the ranges of server and client library.
enum Signal: UInt32, CaseIterable {
    /// The slot is taken; the text is the id of the appointment that holds it.
    case slotConflict = 45_001
    /// The appointment has changed since it was read. Cannot happen while its lock is held.
    case versionMismatch = 45_002
    /// Another sender has claimed the message.
    case leaseLost = 45_003
}
