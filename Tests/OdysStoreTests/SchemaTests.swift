import OdysCore
import Testing

@testable import OdysStore

@Suite("Constraints of the schema") struct SchemaTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    @Test("schema: one event per appointment and version")
    func aSecondTransitionToTheSameVersionIsRefused() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        try expectDuplicate(
            """
            INSERT INTO appointment_events SELECT appointment_id, version, action, actor_user_id, actor_role, reason,
                from_status, to_status, from_payment_status, to_payment_status, request_id, UNHEX(MD5('x')), created_at
            FROM appointment_events
            """)
    }

    @Test("schema: an event's marker is unique")
    func aMarkerIsUnique() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        try expectDuplicate(
            """
            INSERT INTO appointment_events SELECT appointment_id, version + 1, action, actor_user_id, actor_role,
                reason, from_status, to_status, from_payment_status, to_payment_status, request_id, marker, created_at
            FROM appointment_events
            """)
    }

    @Test(
        "schema: one message per event, channel and recipient, message_uid is unique",
        arguments: ["UUID()", "message_uid"]
    )
    func aSecondMessageForTheSameEventChannelAndRecipientIsRefused(uid: String) throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        let version = uid == "UUID()" ? "appointment_version" : "appointment_version + 1"
        try expectDuplicate(
            """
            INSERT INTO outbox (message_uid, appointment_id, appointment_version, channel, recipient_role, recipient,
                template, payload)
            SELECT \(uid), appointment_id, \(version), channel, recipient_role, recipient, template, payload FROM outbox
            """)
    }

    @Test("schema: an idempotency key is unique per caller")
    func aKeyIsUniqueForItsCaller() throws {
        let insert = "INSERT INTO idempotency_keys (actor_hash, key_hash, fingerprint, status, body)"
        try database.run("\(insert) VALUES ('a', 'k', '', 200, '')")
        try expectDuplicate("\(insert) VALUES ('a', 'k', '', 200, '')")
        try database.run("\(insert) VALUES ('b', 'k', '', 200, '')")
    }

    @Test(
        "schema: impossible values are refused",
        arguments: [
            "UPDATE appointments SET status = 'done'", "UPDATE appointments SET payment_status = 'paid'",
            "UPDATE appointments SET ends_at = starts_at", "UPDATE appointments SET client_id = UUID()",
            "UPDATE professionals SET plan = 'gold'",
        ])
    func anImpossibleValueIsRefused(sql: String) throws {
        _ = try fixture.appointment()
        #expect(throws: StoreError.self) { try database.run(sql) }
    }

    @Test("schema: every table has a comment")
    func everyTableTellsTheOperatorWhatItIs() throws {
        let rows = try database.rows(
            "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = ?",
            .text(database.name))
        #expect(rows.count == 11)
        for row in rows {
            let (table, comment) = (try row.text(0), try row.text(1))
            #expect(comment.utf8.count > 20, "\(table)")
        }
    }

    private func expectDuplicate(_ sql: String) throws {
        let failure = #expect(throws: StoreError.self) { try database.run(sql) }
        #expect(failure?.code == 1062)
    }
}
