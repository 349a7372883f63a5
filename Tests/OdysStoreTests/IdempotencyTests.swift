import OdysCore
import Testing

@testable import OdysStore

@Suite struct IdempotencyTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    @Test("idempotency: a repeated request gets the stored answer, nothing changes")
    func aRepeatedRequestGetsTheStoredAnswerAndChangesNothing() throws {
        let id = try fixture.appointment()
        let request = keyed("confirm", id)
        let first = try #require(try fixture.store().act(id, request, requestID: "r1").change)
        guard case .replayed(let answer) = try fixture.store().act(id, request, requestID: "r2") else {
            Issue.record("not replayed")
            return
        }
        #expect(answer == first.answer)
        #expect(try database.count("appointment_events") == 1)
        #expect(try database.count("outbox") == 3)
        #expect(
            try database.count(
                "idempotency_keys WHERE expires_at > UTC_TIMESTAMP(6) + INTERVAL 23 HOUR AND status = 200") == 1)
    }

    @Test("idempotency: a key of another request → idempotencyKeyReused")
    func aKeyThatBelongsToAnotherRequestIsRefused() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, keyed("confirm", id), requestID: "r1")
        let other = try fixture.appointment(hour: 12)
        #expect(
            try fixture.store().act(other, keyed("confirm", other), requestID: "r2").refusal
                == .idempotencyKeyReused)
        #expect(
            try fixture.store().act(id, keyed("cancel", id), requestID: "r3").refusal == .idempotencyKeyReused)
        let unknown = try #require(AppointmentID("00000000-0000-4000-8000-00000000ffff"))
        #expect(
            try fixture.store().act(unknown, keyed("confirm", unknown), requestID: "r4").refusal
                == .idempotencyKeyReused)
    }

    @Test("idempotency: a refusal is not stored")
    func aRefusalIsNotStored() throws {
        let id = try fixture.appointment(status: "cancelled")
        let request = keyed("confirm", id)
        #expect(try fixture.store().act(id, request, requestID: "r1").refusal != nil)
        #expect(try database.count("idempotency_keys") == 0)
        try database.run("UPDATE appointments SET status = 'pending_confirmation'")
        #expect(try fixture.store().act(id, request, requestID: "r2").change != nil)
    }

    @Test("idempotency: the same key of another caller is another key")
    func theSameKeyOfAnotherCallerIsAnotherKey() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, keyed("confirm", id), requestID: "r1")
        let change = try fixture.store().act(
            id, keyed("cancel", id, by: fixture.clientUser), requestID: "r2"
        ).change
        #expect(change?.version == 3)
    }

    @Test("idempotency: a key held by an open transaction → idempotencyInProgress")
    func aKeyThatIsStillInUseIsInProgress() throws {
        let id = try fixture.appointment()
        let request = keyed("confirm", id)
        let key = try #require(request.idempotencyKey)
        let first = try database.connection()
        let store = try fixture.store()
        let second = try first.transaction { first throws(StoreError) in
            _ = try IdempotencyStore.reserve(key, first)
            return try store.act(id, request, requestID: "r")
        }
        #expect(second.refusal == .idempotencyInProgress)
        #expect(try fixture.store().act(id, request, requestID: "r").change != nil)
    }

    @Test("idempotency: an expired key can be used again")
    func anExpiredKeyIsFree() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, keyed("confirm", id), requestID: "r1")
        try database.run("UPDATE idempotency_keys SET expires_at = UTC_TIMESTAMP(6)")
        #expect(try fixture.store().act(id, keyed("cancel", id), requestID: "r2").change?.version == 3)
    }

    @Test("If-Match: another version → versionMismatch")
    func anotherVersionThanExpectedIsRefused() throws {
        let id = try fixture.appointment()
        let stale = ActionRequest(
            action: .confirm, reason: nil, userID: fixture.professionalUser, expectedVersion: 7)
        #expect(try fixture.store().act(id, stale, requestID: "r").refusal == .versionMismatch(current: 1))
        let current = ActionRequest(
            action: .confirm, reason: nil, userID: fixture.professionalUser, expectedVersion: 1)
        #expect(try fixture.store().act(id, current, requestID: "r").change != nil)
    }

    @Test("idempotency: after a lock wait the connection holds no transaction")
    func afterALockWaitTheConnectionHoldsNothing() throws {
        let id = try fixture.appointment()
        let connection = try database.connection()
        let request = keyed("confirm", id)
        let key = try #require(request.idempotencyKey)
        let first = try database.connection()
        let store = try fixture.store(connection)
        try first.transaction { first throws(StoreError) in
            _ = try IdempotencyStore.reserve(key, first)
            _ = try store.act(id, request, requestID: "r")
        }
        let open = try connection.query("SELECT CAST(@@in_transaction AS SIGNED)", [], operation: "ask")
        #expect(try open[0].integer(0) == 0)
    }

    private func keyed(_ action: String, _ id: AppointmentID, by user: UserID? = nil) -> ActionRequest {
        let user = user ?? fixture.professionalUser
        let body: JSON = ["action": .string(action)]
        return ActionRequest(
            action: AppointmentAction(wire: action), reason: nil, userID: user,
            idempotencyKey: IdempotencyKey(key: "k", actor: user, method: "PATCH", path: "\(id)", body: body))
    }
}
