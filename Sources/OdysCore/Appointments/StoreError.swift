/// A failure of the database, as plain values. Safe to print: it holds no statement, no bound value and no message of
/// the server, which can quote one.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the failure means for the work in hand.
    public enum Kind: String, Sendable, CaseIterable {
        /// Chosen as the victim of a deadlock: the transaction is gone and may run again.
        case deadlock
        /// Waited too long for a lock or a statement: the transaction is still half open and must be rolled back.
        case timeout
        /// The server is away, or its connection broke. What a lost COMMIT did is unknown.
        case connectionLost = "connection_lost"
        /// The server is up but does not write: read-only, shutting down, out of connections or of disk.
        case refusing
        /// The schema is older than this program needs.
        case schema
        /// A statement or a row that this program did not expect.
        case unexpected
    }

    public let kind: Kind
    /// The server's or the client library's error number; 0 where it is ours.
    public let code: UInt32
    public let sqlState: String
    /// What was being done, in words of this program.
    public let operation: String
    /// What a statement of ours said by `SIGNAL`; nil for the server's own errors, whose texts can quote data.
    public let signal: String?

    public init(kind: Kind, code: UInt32 = 0, sqlState: String = "", operation: String, signal: String? = nil) {
        self.kind = kind
        self.code = code
        self.sqlState = sqlState
        self.operation = operation
        self.signal = signal
    }

    /// Whether the caller is told to come back (503) and not that something is wrong (500).
    public var isUnavailability: Bool {
        switch kind {
        case .deadlock, .timeout, .connectionLost, .refusing, .schema: true
        case .unexpected: false
        }
    }

    /// Whether the connection is of no more use.
    public var invalidatesConnection: Bool {
        switch kind {
        case .connectionLost, .refusing, .schema: true
        case .deadlock, .timeout, .unexpected: false
        }
    }

    /// What the operator can do about it.
    public var remedy: String {
        switch kind {
        case .deadlock: "the database kept choosing it as the deadlock victim; the caller may repeat it"
        case .timeout: "a lock or a statement took too long; look for long transactions in MariaDB's processlist"
        case .connectionLost: "MariaDB does not answer; check that it runs and ODYS_DB_SOCKET or ODYS_DB_HOST is right"
        case .refusing: "MariaDB refuses; check user, password, grants, read-only mode, disk space and max_connections"
        case .schema: "the schema is older than this program needs; run 'odysctl migrate up'"
        case .unexpected: "MariaDB or the data are not as expected; report it with this line"
        }
    }

    public var description: String {
        code == 0
            ? "\(operation): \(kind.rawValue)" : "\(operation): \(kind.rawValue) (error \(code), SQLSTATE \(sqlState))"
    }
}
