internal import CMariaDB
internal import OdysCore

/// What the error numbers of server and client library mean: one entry for each condition that an operator mends in a
/// different way. A number that stands nowhere is `unknown`.
struct FailureClass {
    let kind: StoreError.Kind
    let cause: StoreError.Cause?
    let codes: [Int32]

    init(code: Int32, sqlState: String) {
        let isOurs = Signal(rawValue: UInt32(bitPattern: code)) != nil
        // A trigger may SIGNAL any number; the state says what it is.
        let key = sqlState == "45000" && !isOurs ? ER_SIGNAL_EXCEPTION : code
        self = Self.table.first { $0.codes.contains(key) } ?? FailureClass(isOurs ? .unexpected : .unknown, nil, [])
    }

    private init(_ kind: StoreError.Kind, _ cause: StoreError.Cause?, _ codes: [Int32]) {
        self.kind = kind
        self.cause = cause
        self.codes = codes
    }

    static let table = transient + login + refusals + schema + bugs

    /// What passes by itself, or is repeated.
    private static let transient = [
        // ER_CHECKREAD: the row changed under a snapshot (default from MariaDB 11.6).
        FailureClass(.deadlock, nil, [ER_LOCK_DEADLOCK, ER_CHECKREAD, ER_TABLE_DEF_CHANGED, ER_NEED_REPREPARE]),
        FailureClass(.timeout, nil, [ER_LOCK_WAIT_TIMEOUT, ER_STATEMENT_TIMEOUT, ER_QUERY_INTERRUPTED]),
        FailureClass(
            .connectionLost, nil,
            [
                CR_SOCKET_CREATE_ERROR, CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR, CR_IPSOCK_ERROR, CR_SERVER_GONE_ERROR,
                CR_SERVER_LOST, CR_SERVER_LOST_EXTENDED, CR_SERVER_HANDSHAKE_ERR, CR_UNKNOWN_HOST,
                CR_COMMANDS_OUT_OF_SYNC, CR_MALFORMED_PACKET, CR_ERR_NET_READ,
                CR_ERR_NET_WRITE, ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED,
                ER_NEW_ABORTING_CONNECTION, ER_ABORTING_CONNECTION, ER_NET_READ_ERROR_FROM_PIPE, ER_NET_FCNTL_ERROR,
                ER_NET_PACKETS_OUT_OF_ORDER, ER_NET_UNCOMPRESS_ERROR, ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED,
                ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED,
            ]),
        // As unclear as a lost answer.
        FailureClass(
            .connectionLost,
            .init("the server broke a COMMIT or ROLLBACK off", "look at MariaDB's log; on a cluster, at its nodes"),
            [ER_ERROR_DURING_COMMIT, ER_ERROR_DURING_ROLLBACK]),
    ]

    /// The account and the database that the settings name.
    private static let login = [
        FailureClass(
            .refusing,
            .init(
                "the login is refused", "correct ODYS_DB_USER and ODYS_DB_PASSWORD, or the account in MariaDB",
                isOfSettings: true),
            [ER_ACCESS_DENIED_ERROR]),
        FailureClass(
            .refusing,
            .init(
                "the account does not log in by a password",
                "ALTER USER … IDENTIFIED BY the password in ODYS_DB_PASSWORD: the account uses unix_socket or another "
                    + "plugin",
                isOfSettings: true),
            [
                ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_PLUGIN_IS_NOT_LOADED, ER_NOT_SUPPORTED_AUTH_MODE,
                CR_SECURE_AUTH, CR_AUTH_PLUGIN_CANNOT_LOAD, CR_AUTH_PLUGIN_ERR,
            ]),
        FailureClass(
            .refusing, .init("the account is locked", "ALTER USER … ACCOUNT UNLOCK", isOfSettings: true),
            [ER_ACCOUNT_HAS_BEEN_LOCKED]),
        FailureClass(
            .refusing,
            .init(
                "the account is blocked after wrong passwords",
                "correct ODYS_DB_PASSWORD, then FLUSH PRIVILEGES (max_password_errors)", isOfSettings: true),
            [ER_USER_IS_BLOCKED]),
        FailureClass(
            .refusing,
            .init(
                "the account's password has expired", "ALTER USER … PASSWORD EXPIRE NEVER, or give it a new one",
                isOfSettings: true),
            [ER_MUST_CHANGE_PASSWORD, ER_MUST_CHANGE_PASSWORD_LOGIN]),
        FailureClass(
            .refusing,
            .init(
                "the account may not log in from this host",
                "CREATE USER for the address that this host connects from (docs/DEPLOY.md, several hosts)",
                isOfSettings: true),
            [ER_HOST_NOT_PRIVILEGED]),
        FailureClass(
            .refusing,
            .init("MariaDB blocks this host after broken connections", "FLUSH HOSTS; raise max_connect_errors"),
            [ER_HOST_IS_BLOCKED]),
        FailureClass(
            .refusing,
            .init(
                "the account may not use the database",
                "correct ODYS_DB_NAME, or run what 'odysctl migrate grants' prints", isOfSettings: true),
            [ER_DBACCESS_DENIED_ERROR]),
        FailureClass(
            .schema,
            .init(
                "there is no such database",
                "correct ODYS_DB_NAME, or create the database and run 'odysctl migrate up'", isOfSettings: true),
            [ER_BAD_DB_ERROR]),
        FailureClass(
            .refusing,
            .init(
                "TLS to the server failed",
                "check the server's certificate and ODYS_DB_CA, and its require_secure_transport"
            ),
            [CR_SSL_CONNECTION_ERROR]),
    ]

    /// A server that is up and does not do it now.
    private static let refusals = [
        FailureClass(
            .refusing,
            .init(
                "the user lacks a grant",
                "run what 'odysctl migrate grants' prints; ODYS_DB_MIGRATE_USER is for 'migrate up' and 'person'"),
            [
                ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR,
                ER_PROCACCESS_DENIED_ERROR,
            ]),
        FailureClass(
            .refusing,
            .init("it has no connection left", "raise max_connections, or the account's limits (docs/DEPLOY.md)"),
            [ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED]),
        FailureClass(
            .refusing,
            .init(
                "it prepares no further statement",
                "raise max_prepared_stmt_count (the default is 16382), or look for who does not close statements"),
            [ER_MAX_PREPARED_STMT_COUNT_REACHED]),
        FailureClass(
            .refusing, .init("it is out of memory or threads", "look at MariaDB's log and at its host's memory"),
            [
                ER_OUTOFMEMORY, ER_OUT_OF_SORTMEMORY, ER_OUT_OF_RESOURCES, ER_CANT_CREATE_THREAD, ER_LOCK_TABLE_FULL,
                ER_TOO_MANY_CONCURRENT_TRXS, CR_OUT_OF_MEMORY,
            ]),
        FailureClass(
            .refusing,
            .init("it is read-only", "connect to the primary, or SET GLOBAL read_only = 0 (innodb_read_only: restart)"),
            [
                ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION,
                ER_READ_ONLY_TRANSACTION, ER_INNODB_READ_ONLY, ER_OPEN_AS_READONLY,
            ]),
        FailureClass(
            .refusing, .init("somebody holds FLUSH TABLES WITH READ LOCK", "look for a backup in the processlist"),
            [ER_CANT_UPDATE_WITH_READLOCK]),
        FailureClass(
            .refusing, .init(ServerSettings.statementFormat, ServerSettings.statementFormatRemedy),
            [
                ER_BINLOG_LOGGING_IMPOSSIBLE, ER_BINLOG_STMT_MODE_AND_ROW_ENGINE, ER_BINLOG_ROW_INJECTION_AND_STMT_MODE,
            ]),
        FailureClass(
            .refusing, .init("its disk is full", "make room on the disk of MariaDB's data and of its binary log"),
            [ER_DISK_FULL, ER_RECORD_FILE_FULL, ER_ERROR_ON_WRITE, ER_TRANS_CACHE_FULL]),
        FailureClass(
            .refusing, .init("it cannot read or write a table's file", "look at MariaDB's log, and CHECK TABLE"),
            [
                ER_CANT_LOCK, ER_CANT_OPEN_FILE, ER_GET_ERRNO, ER_NOT_KEYFILE, ER_CRASHED_ON_USAGE,
                ER_CRASHED_ON_REPAIR, ER_TABLESPACE_MISSING, ER_TABLESPACE_DISCARDED, ER_TABLE_CORRUPT,
                ER_NO_SUCH_TABLE_IN_ENGINE,
            ]),
        FailureClass(
            .refusing, .init("a node of the cluster is not ready", "look at wsrep_ready and wsrep_cluster_status"),
            [ER_UNKNOWN_COM_ERROR]),
        FailureClass(
            .refusing, .init("a statement is larger than it accepts", "raise max_allowed_packet"),
            [ER_NET_PACKET_TOO_LARGE, CR_NET_PACKET_TOO_LARGE]),
    ]

    /// Statements that tables, keys or triggers refuse.
    private static let schema = [
        FailureClass(
            .schema, nil,
            [
                ER_NO_SUCH_TABLE, ER_BAD_FIELD_ERROR, ER_KEY_DOES_NOT_EXISTS, ER_NON_UNIQ_ERROR,
                ER_WRONG_VALUE_COUNT_ON_ROW, ER_NON_UPDATABLE_TABLE, ER_NON_INSERTABLE_TABLE, ER_WRONG_OBJECT,
                ER_VIEW_INVALID, ER_CANT_AGGREGATE_2COLLATIONS, ER_ILLEGAL_PARAMETER_DATA_TYPES2_FOR_OPERATION,
                ER_ILLEGAL_PARAMETER_DATA_TYPE_FOR_OPERATION,
            ]),
        FailureClass(
            .schema,
            .init(
                "a column that this program does not know takes no NULL and has no default",
                "give it a default: 'odysctl doctor' names it"),
            [ER_NO_DEFAULT_FOR_FIELD, ER_BAD_NULL_ERROR]),
        FailureClass(
            .schema,
            .init(
                "a value does not fit its column", "'odysctl doctor' names columns of another type, width or charset"),
            [
                ER_DATA_TOO_LONG, ER_WARN_DATA_OUT_OF_RANGE, WARN_DATA_TRUNCATED, ER_TRUNCATED_WRONG_VALUE,
                ER_TRUNCATED_WRONG_VALUE_FOR_FIELD,
            ]),
        FailureClass(
            .schema,
            .init(
                "a key or check of the tables refuses the row",
                "compare SHOW CREATE TABLE with sql/: a key or check of the platform's own, or rows from a backup"),
            [
                ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME, ER_NO_REFERENCED_ROW_2, ER_ROW_IS_REFERENCED_2,
                ER_CONSTRAINT_FAILED,
            ]),
        FailureClass(
            .schema,
            .init(
                "the definer of a trigger or view does not exist",
                "SHOW TRIGGERS: create that account, or the trigger again as one that exists"),
            [ER_NO_SUCH_USER]),
        FailureClass(
            .schema,
            .init(
                "a trigger on one of the tables refuses the change",
                "SHOW TRIGGERS: change the trigger; it runs in the transaction of the action"),
            [
                ER_SIGNAL_EXCEPTION, ER_SIGNAL_NOT_FOUND, ER_SIGNAL_WARN, ER_CANT_UPDATE_USED_TABLE_IN_SF_OR_TRG,
                ER_COMMIT_NOT_ALLOWED_IN_SF_OR_TRG, ER_SP_DOES_NOT_EXIST, ER_SP_NO_RETSET, ER_TRG_CANT_CHANGE_ROW,
                ER_TRG_NO_SUCH_ROW_IN_TRG,
            ]),
    ]

    private static let bugs = [
        FailureClass(
            .unexpected, nil,
            [
                ER_PARSE_ERROR, ER_SYNTAX_ERROR, ER_WRONG_ARGUMENTS, ER_UNKNOWN_STMT_HANDLER, ER_UNSUPPORTED_PS,
                ER_NOT_SUPPORTED_YET, ER_UNKNOWN_SYSTEM_VARIABLE, ER_WRONG_VALUE_FOR_VAR, ER_SUBQUERY_NO_1_ROW,
                ER_TOO_MANY_ROWS, CR_NO_PREPARE_STMT, CR_PARAMS_NOT_BOUND, CR_INVALID_PARAMETER_NO,
                CR_INVALID_BUFFER_USE, CR_UNSUPPORTED_PARAM_TYPE, CR_NO_DATA, CR_NO_STMT_METADATA, CR_STMT_CLOSED,
                CR_NEW_STMT_METADATA,
            ])
    ]
}
