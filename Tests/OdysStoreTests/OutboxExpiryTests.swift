import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite("Outbox of a restored database") struct OutboxExpiryTests {
    private let database: TestDatabase
    private let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    @Test("expire: unsent messages older than the backup are given up and recorded, nothing else")
    func whatIsOlderIsGivenUpAndRecordedAndNothingElse() throws {
        let old = try fixture.appointment()
        _ = try fixture.store().act(old, fixture.request("confirm"), requestID: "old")
        let sender = OutboxStore(
            try database.connection(), channel: .whatsapp, exclusions: 3, ratePerSecond: 0,
            makeLeaseToken: { Array(withUnsafeBytes(of: UUID().uuid) { $0 }) })
        let inHand = try #require(try sender.claim(passingOver: []).message)
        try database.run("UPDATE outbox SET state = 'sent', finished_at = UTC_TIMESTAMP(6) WHERE channel = 'email'")
        let operators = OutboxAdmin(try database.connection())
        let backup = try operators.now()
        let new = try fixture.appointment()
        _ = try fixture.store().act(new, fixture.request("reject"), requestID: "new")

        let pending = try operators.pending(before: backup)
        #expect(pending.map { "\($0.channel) \($0.count)" } == ["whatsapp 1", "whatsapp 1"])
        #expect(try database.count("outbox WHERE state = 'expired'") == 0, "looking changes nothing")

        #expect(try operators.expire(before: backup, by: "ana") == 2)
        #expect(
            try database.count(
                "outbox WHERE state = 'expired' AND last_error = 'expired by hand' AND finished_at IS NOT NULL"
                    + " AND lease_token IS NULL AND appointment_id = '\(old)'") == 2)
        #expect(try database.count("outbox WHERE state = 'pending' AND appointment_id = '\(new)'") == 3)
        #expect(try database.count("outbox WHERE state = 'sent'") == 1)
        #expect(
            try database.count(
                "operator_actions JOIN outbox o ON o.id = outbox_id AND o.state = 'expired'"
                    + " WHERE operator = 'ana' AND action = 'expire'") == 2)
        // Its sender lost the lease: what it would record changes nothing.
        #expect(try !sender.record(inHand, .dead(error: "late")))
        #expect(try operators.expire(before: backup, by: "ana") == 0)
    }
}
