/// A failure of the database, as plain values. Safe to print: it holds no statement, no bound value and no message of
/// the server, which can quote one.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the failure means for the work in hand.
    public enum Kind: String, Sendable, CaseIterable {
        /// The transaction is gone and may run again: the victim of a deadlock, or of a table that was changed.
        case deadlock
        /// Waited too long for a lock or a statement: the transaction is still half open and must be rolled back.
        case timeout
        /// The server is away, or its connection broke. What a lost COMMIT did is unknown.
        case connectionLost = "connection_lost"
        /// The server is up but refuses the login, or does not write now: read-only, out of connections or of disk.
        case refusing
        /// A table, a trigger or a row is not what this program needs.
        case schema
        /// A bug of this program: a statement that no server understands.
        case unexpected
        /// An error of the server that this program has no class for.
        case unknown
    }

    /// What a failure says to the operator, and what to do about it.
    public struct Cause: Sendable, Equatable {
        public let words: String
        public let remedy: String
        /// Whether the settings are wrong, or the account that they name.
        public let isOfSettings: Bool

        public init(_ words: String, _ remedy: String, isOfSettings: Bool = false) {
            self.words = words
            self.remedy = remedy
            self.isOfSettings = isOfSettings
        }
    }

    public let kind: Kind
    /// The server's or the client library's error number; 0 where it is ours.
    public let code: UInt32
    public let sqlState: String
    /// What was being done, in words of this program.
    public let operation: String
    /// What a statement of ours said by `SIGNAL`; nil for the server's own errors, whose texts can quote data.
    public let signal: String?
    /// Nil where the kind says enough.
    public let cause: Cause?

    public init(
        kind: Kind, code: UInt32 = 0, sqlState: String = "", operation: String, signal: String? = nil,
        cause: Cause? = nil
    ) {
        self.kind = kind
        self.code = code
        self.sqlState = sqlState
        self.operation = operation
        self.signal = signal
        self.cause = cause
    }

    /// Whether the caller is told to come back (503) and not that something is wrong (500).
    public var isUnavailability: Bool {
        switch kind {
        case .deadlock, .timeout, .connectionLost, .refusing, .schema, .unknown: true
        case .unexpected: false
        }
    }

    /// Whether the connection is of no more use.
    public var invalidatesConnection: Bool {
        switch kind {
        case .connectionLost, .refusing, .schema, .unknown: true
        case .deadlock, .timeout, .unexpected: false
        }
    }

    /// What the operator can do about it.
    public var remedy: String {
        if let cause { return cause.remedy }
        return switch kind {
        case .deadlock: "it kept being a deadlock's victim, or its tables were being changed; the caller may repeat it"
        case .timeout: "a lock or a statement took too long; look for long transactions in MariaDB's processlist"
        case .connectionLost:
            "MariaDB does not answer; start MariaDB, or correct ODYS_DB_SOCKET or ODYS_DB_HOST; look at its log"
        case .refusing: "MariaDB refuses; check user, password, grants, read-only mode, disk space and max_connections"
        case .schema: "run 'odysctl migrate up'; 'odysctl doctor' names what else deviates"
        case .unexpected: "a bug of this program: report it with this line"
        case .unknown:
            "look the number up in MariaDB's list of error codes and at its log, and report it with this line"
        }
    }

    public var description: String {
        let number = code == 0 ? "" : " (error \(code), SQLSTATE \(sqlState))"
        return "\(operation): \(kind.rawValue)\(number)" + (cause.map { ": \($0.words)" } ?? "")
    }
}
