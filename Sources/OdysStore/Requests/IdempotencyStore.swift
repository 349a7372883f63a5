internal import CMariaDB
internal import OdysCore

/// The answers that are kept for repeated requests. Works inside the request's transaction: a key and its change are
/// committed together or not at all, and no record "in progress" outlives a crash.
enum IdempotencyStore {
    enum Lookup {
        /// The key was new. Its row is committed with the change.
        case reserved
        case answered(StoredAnswer)
        case refused(Refusal)
    }

    /// Reserves a key. A second request waits for the row lock of the first: after its commit it gets the answer, after
    /// its rollback it proceeds, after a lock wait timeout it is told that the first still runs.
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
            // Rolled back or pruned between the two statements.
            return .refused(.idempotencyInProgress)
        }
        if try row.bool(4) {
            try connection.execute(delete, values(key), operation: "drop an expired idempotency key")
            return try reserve(key, connection)
        }
        guard try row.bytes(0) == key.fingerprint else { return .refused(.idempotencyKeyReused) }
        return .answered(
            StoredAnswer(status: try row.integer(1), etag: try row.text(2), body: Array(try row.text(3).utf8)))
    }

    private static func values(_ key: IdempotencyKey) -> [SQLValue] { [.bytes(key.actorHash), .bytes(key.keyHash)] }

    /// Of `WriteBlock.answer`.
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
