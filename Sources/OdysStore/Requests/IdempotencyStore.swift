internal import CMariaDB
internal import OdysCore

/// The answers that are kept for repeated requests. All of it happens inside the request's transaction, so that a key
/// and the change it stands for exist together or not at all; no record of a request "in progress" can outlive a
/// crash.
enum IdempotencyStore {
    enum Lookup {
        /// The key is new. It is reserved now, by a row that becomes visible with the change.
        case reserved
        case answered(StoredAnswer)
        case refused(Refusal)
    }

    /// Reserves a key. Whoever comes second waits for the first: for its commit, and then gets its answer, or for its
    /// rollback, and then goes ahead; past the lock's wait they are told that it still runs.
    static func reserve(_ key: IdempotencyKey, _ connection: Connection) throws(StoreError) -> Lookup {
        do throws(StoreError) {
            try connection.execute(
                insert, values(key) + [.bytes(key.fingerprint)], operation: "reserve an idempotency key")
            return .reserved
        } catch {
            switch error.code {
            case UInt32(ER_DUP_ENTRY): return try read(key, connection)
            case UInt32(ER_LOCK_WAIT_TIMEOUT): return .refused(.idempotencyInProgress)
            default: throw error
            }
        }
    }

    private static func read(_ key: IdempotencyKey, _ connection: Connection) throws(StoreError) -> Lookup {
        guard let row = try connection.query(select, values(key), operation: "read an idempotency key").first else {
            // Its owner has rolled back, or it was pruned, between the two statements.
            return .refused(.idempotencyInProgress)
        }
        if try row.integer(4) != 0 {
            try connection.execute(delete, values(key), operation: "drop an expired idempotency key")
            return try reserve(key, connection)
        }
        guard try row.bytes(0) == key.fingerprint else { return .refused(.idempotencyKeyReused) }
        return .answered(
            StoredAnswer(status: try row.integer(1), etag: try row.text(2), body: Array(try row.text(3).utf8)))
    }

    private static func values(_ key: IdempotencyKey) -> [SQLValue] {
        [.bytes(key.actorHash), .bytes(key.keyHash)]
    }

    /// What the write block needs to keep an answer.
    static func values(_ key: IdempotencyKey, keeping answer: StoredAnswer) -> [SQLValue] {
        [.integer(answer.status), .text(answer.etag), .utf8(answer.body)] + values(key)
    }

    private static let insert = """
        INSERT INTO idempotency_keys (actor_hash, key_hash, fingerprint, status, body) VALUES (?, ?, ?, 0, '')
        """

    static let select = """
        SELECT fingerprint, status, etag, body, expires_at <= UTC_TIMESTAMP(6) FROM idempotency_keys
        WHERE actor_hash = ? AND key_hash = ?
        """

    private static let delete = """
        DELETE FROM idempotency_keys WHERE actor_hash = ? AND key_hash = ? AND expires_at <= UTC_TIMESTAMP(6)
        """
}
