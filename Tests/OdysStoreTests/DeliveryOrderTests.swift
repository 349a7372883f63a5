import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite("Outbox: order, superseding, rate, pruning, operators") struct DeliveryOrderTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    @Test("order: a message waits for earlier ones of its appointment")
    func aLaterMessageWaitsForAnEarlierOne() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        _ = try fixture.store().act(id, fixture.request("paid"), requestID: "r")
        var claimed: [ClaimedMessage] = []
        while let message = try claim() { claimed.append(message) }
        #expect(claimed.map(\.template).sorted() == ["booking_confirmed", "booking_confirmed_receipt"])
        let first = try #require(claimed.first { $0.role == .client })
        #expect(try store().record(first, .sent(providerID: "p", to: "x")))
        #expect(try claim()?.template == "payment_confirmed")
        #expect(try claim() == nil)
    }

    @Test("superseding: a newer status message supersedes unsent older ones")
    func aNewerStatusMessageSupersedesUnsentOlderOnes() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        _ = try fixture.store().act(id, fixture.request("paid"), requestID: "r")
        _ = try fixture.store().act(id, fixture.request("cancel"), requestID: "r")
        #expect(try states("appointment_version = 2") == ["superseded", "superseded", "superseded"])
        #expect(try states("appointment_version = 3") == ["pending", "pending"])
        #expect(try claim()?.template == "payment_confirmed")
    }

    @Test("superseding: an in-flight message is superseded at its next attempt")
    func aMessageInHandIsLeftToItsSenderAndSupersededBeforeItsNextAttempt() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        let inHand = try #require(try claim())
        _ = try fixture.store().act(id, fixture.request("cancel"), requestID: "r")
        #expect(try states("id = \(inHand.id)") == ["pending"])
        #expect(try store().record(inHand, .retry(afterSeconds: 3_600, error: "e", counted: true, unclear: false)))
        // Due at once, not in an hour: its successor is waiting for it.
        let again = try #require(try claim())
        #expect(again.id == inHand.id)
        #expect(again.settlementBeforeSending == .superseded)
        #expect(try store().record(again, .superseded))
        #expect(try database.count("outbox WHERE id = \(inHand.id) AND state = 'superseded' AND attempts = 1") == 1)
        #expect(try claim()?.template == "cancelled_by_professional")
    }

    @Test(
        "superseding: a reminder is sent only for a confirmed appointment",
        arguments: [("confirmed", false), ("pending_confirmation", true), ("cancelled", true), ("completed", true)]
    )
    func aReminderIsOnlySentForAConfirmedAppointment(status: String, isSuperseded: Bool) throws {
        let id = try fixture.appointment(status: status)
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload, appointment_id)
            VALUES ('whatsapp', 'client', '1', 'reminder_24h', '{}', ?)
            """, .text(id.description))
        #expect(try #require(try claim()).isSuperseded == isSuperseded)
    }

    @Test("rate: shared by all senders and never exceeded")
    func theRateIsSharedAndNeverExceeded() throws {
        for _ in 0..<30 {
            try database.run(
                """
                INSERT INTO outbox (channel, recipient_role, recipient, template, payload)
                VALUES ('whatsapp', 'client', '1', 'reminder_1h', '{}')
                """)
        }
        let stores = try [store(rate: 20), store(rate: 20)]
        let begun = Date()
        var claimed = 0
        while Date().timeIntervalSince(begun) < 1 {
            for store in stores {
                switch try store.claim(passingOver: []) {
                case .claimed: claimed += 1
                case .limited(let seconds):
                    #expect(seconds > 0 && seconds <= 0.05)
                    usleep(2_000)
                case .contended, .nothingDue: Issue.record("nothing to claim")
                }
            }
        }
        #expect((16...23).contains(claimed), "\(claimed)")
    }

    @Test("pruning: old finished rows go, pending and recent ones stay")
    func pruningDeletesWhatIsOldAndFinished() throws {
        for state in OutboxState.allCases {
            for age in [1, 100] {
                try database.run(
                    """
                    INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state, available_at)
                    VALUES ('email', 'client', 'a@b', 'x', '{}', ?, UTC_TIMESTAMP(6) - INTERVAL ? DAY)
                    """, .text(state.rawValue), .integer(age))
            }
        }
        for hours in [-1, 1] {
            try database.run(
                """
                INSERT INTO idempotency_keys (actor_hash, key_hash, fingerprint, status, body, expires_at)
                VALUES (UNHEX(SHA2(?, 256)), '', '', 200, '', UTC_TIMESTAMP(6) + INTERVAL ? HOUR)
                """, .integer(hours), .integer(hours))
            try database.run(
                "INSERT INTO whatsapp_contexts VALUES (?, UUID(), UUID(), UTC_TIMESTAMP(6) + INTERVAL ? HOUR)",
                .integer(hours), .integer(hours))
        }
        let result = try Housekeeping(database.connection()).prune(retentionDays: 90, payloadDays: 30)
        #expect(result.messages == 5)
        #expect(result.keys == 1)
        #expect(result.contexts == 1)
        #expect(try database.count("outbox WHERE state = 'pending'") == 2)
        #expect(try database.count("outbox") == 7)
        #expect(try Housekeeping(database.connection()).prune(retentionDays: 90, payloadDays: 30).total == 0)
    }

    @Test("admin: retry and discard are recorded with the operator")
    func anOperatorRetriesAndDiscardsAndIsRecorded() throws {
        let id = try fixture.appointment()
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        let message = try #require(try claim())
        #expect(try store().record(message, .dead(error: "no")))
        let operators = OutboxAdmin(try database.connection())
        var filter = OutboxAdmin.Filter()
        filter.state = .dead
        let retried = try operators.apply(.retry(expiringAfterHours: 24), to: filter, by: "ana")
        #expect(retried.map(\.id) == [message.id])
        #expect(try claim()?.uid == message.uid)
        var all = OutboxAdmin.Filter()
        all.appointmentID = id
        let discarded = try operators.apply(.discard(reason: "because"), to: all, by: "ana")
        // All but the one that a sender has in hand.
        #expect(discarded.count == 2)
        #expect(try states("last_error = 'discarded'") == ["dead", "dead"])
        #expect(try database.count("operator_actions WHERE operator = 'ana' AND action = 'retry'") == 1)
        #expect(
            try database.count("operator_actions WHERE action = 'discard' AND detail = 'because'") == 2)
        let counts = try operators.stats().counts.map { "\($0.0) \($0.1) \($0.2)" }
        #expect(counts == ["whatsapp pending 1", "whatsapp dead 1", "email dead 1"])
    }

    private func store(rate: Int = 0) throws -> OutboxStore {
        OutboxStore(
            try database.connection(), channel: .whatsapp, exclusions: 3, ratePerSecond: rate,
            makeLeaseToken: { Array(withUnsafeBytes(of: UUID().uuid) { $0 }) })
    }

    private func claim() throws -> ClaimedMessage? { try store().claim(passingOver: []).message }

    private func states(_ condition: String) throws -> [String] {
        try database.rows("SELECT state FROM outbox WHERE \(condition) ORDER BY id").map { try $0.text(0) }
    }
}
