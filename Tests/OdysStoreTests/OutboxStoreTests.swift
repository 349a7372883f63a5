import Dispatch
import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite struct OutboxStoreTests {
    let database: TestDatabase

    init() throws {
        database = try TestDatabase()
    }

    @Test("claim: a row with only the required columns")
    func aRowWithOnlyTheColumnsWithoutDefaultCanBeClaimed() throws {
        try enqueue("11900000001")
        let message = try #require(try store().claim(passingOver: []).message)
        #expect(message.recipient == "11900000001")
        #expect(message.template == "reminder_1h")
        #expect(message.role == .client)
        #expect(message.attempts == 1)
        #expect(!message.isExpired)
        #expect(try database.count("outbox WHERE state = 'pending' AND attempts = 1 AND lost_claims = 1") == 1)
        #expect(
            try database.count(
                "outbox WHERE available_at BETWEEN UTC_TIMESTAMP(6) + INTERVAL 50 SECOND"
                    + " AND UTC_TIMESTAMP(6) + INTERVAL 60 SECOND") == 1)
        #expect(try store().claim(passingOver: []).message == nil)
    }

    @Test("claim: due again when the lease of a dead sender ends")
    func aClaimWhoseSenderDiedIsDueAgainWhenItsLeaseEnds() throws {
        try enqueue("1")
        let first = try #require(try store().claim(passingOver: []).message)
        try database.run("UPDATE outbox SET available_at = UTC_TIMESTAMP(6)")
        let second = try #require(try store().claim(passingOver: []).message)
        #expect(second.uid == first.uid)
        #expect(second.attempts == 2)
        #expect(second.lostClaims == 1)
    }

    @Test("record: a sender that lost its lease changes nothing")
    func whoLostTheLeaseChangesNothing() throws {
        try enqueue("1")
        let slow = try #require(try store().claim(passingOver: []).message)
        try database.run("UPDATE outbox SET available_at = UTC_TIMESTAMP(6)")
        let other = try #require(try store().claim(passingOver: []).message)
        #expect(try store().record(slow, .dead(error: "late")) == false)
        let retry = Settlement.retry(afterSeconds: 0, error: "late", counted: true, unclear: true)
        #expect(try store().record(slow, retry) == false)
        #expect(
            try database.count(
                "outbox WHERE state = 'pending' AND unclear = 0 AND available_at > UTC_TIMESTAMP(6)"
                    + " AND lease_token IS NOT NULL") == 1)
        #expect(try store().record(other, .sent(providerID: "p", to: "1")))
        #expect(try store().record(slow, .retry(afterSeconds: 0, error: "late", counted: true, unclear: true)) == false)
        #expect(try database.count("outbox WHERE state = 'sent' AND provider_id = 'p'") == 1)
    }

    @Test("record: recording twice succeeds")
    func recordingTwiceIsRecognised() throws {
        try enqueue("1")
        let message = try #require(try store().claim(passingOver: []).message)
        let settlement = Settlement.sent(providerID: "p", to: "1")
        #expect(try store().record(message, settlement))
        #expect(try store().record(message, settlement))
    }

    @Test("record: every settlement becomes its state")
    func everySettlementBecomesItsState() throws {
        let settlements: [(Settlement, String)] = [
            (
                .sent(providerID: "p", to: "1"),
                "state = 'sent' AND provider_id = 'p' AND last_error IS NULL AND attempts = 1"
            ),
            (.dead(error: "no"), "state = 'dead' AND last_error = 'no' AND attempts = 1"),
            (.skipped(.channelOff), "state = 'skipped' AND last_error = 'channel_off' AND attempts = 0"),
            (.expired, "state = 'expired' AND attempts = 0"),
        ]
        for (settlement, expected) in settlements {
            try database.run("DELETE FROM outbox")
            try enqueue("1")
            let message = try #require(try store().claim(passingOver: []).message)
            #expect(try store().record(message, settlement))
            #expect(
                try database.count("outbox WHERE finished_at IS NOT NULL AND lost_claims = 0 AND \(expected)") == 1,
                "\(settlement)")
        }
    }

    @Test("record: a retry is due after its delay, never after its expiry")
    func aRetryIsDueAfterItsDelayAndNeverAfterItsExpiry() throws {
        try enqueue("1")
        let first = try #require(try store().claim(passingOver: []).message)
        #expect(try store().record(first, .retry(afterSeconds: 7.5, error: "e", counted: true, unclear: true)))
        #expect(
            try database.count(
                """
                outbox WHERE attempts = 1 AND unclear = 1 AND lease_token IS NULL AND last_error = 'e' AND available_at
                BETWEEN UTC_TIMESTAMP(6) + INTERVAL 6 SECOND AND UTC_TIMESTAMP(6) + INTERVAL 7500000 MICROSECOND
                """) == 1)
        try database.run(
            "UPDATE outbox SET available_at = UTC_TIMESTAMP(6), expires_at = UTC_TIMESTAMP(6) + INTERVAL 5 SECOND")
        let second = try #require(try store().claim(passingOver: []).message)
        #expect(try store().record(second, .retry(afterSeconds: 3_600, error: "e", counted: false, unclear: false)))
        #expect(try database.count("outbox WHERE attempts = 1 AND available_at = expires_at") == 1)
    }

    @Test("claim: an expired row is marked expired")
    func anExpiredRowIsClaimedAsExpired() throws {
        try enqueue("1")
        try database.run("UPDATE outbox SET expires_at = UTC_TIMESTAMP(6)")
        #expect(try #require(try store().claim(passingOver: []).message).isExpired)
    }

    @Test("claim: a busy recipient is passed over")
    func aBusyRecipientIsPassedOver() throws {
        for _ in 0..<20 { try enqueue("slow") }
        try enqueue("quick")
        let message = try #require(try store().claim(passingOver: ["slow"]).message)
        #expect(message.recipient == "quick")
        #expect(try store().claim(passingOver: ["slow"]).message == nil)
    }

    @Test("claim: a row without a recipient is claimed too")
    func aRowWithoutARecipientIsClaimedToo() throws {
        try enqueue("")
        #expect(try store().claim(passingOver: []).message?.recipient == "")
    }

    @Test("claim: each channel sees its own rows")
    func channelsDoNotSeeEachOther() throws {
        try enqueue("1")
        #expect(try store(.email).claim(passingOver: []).message == nil)
    }

    @Test("reply context: kept after a message to a client, the last one wins")
    func afterAClientsMessageTheReplyContextIsKeptAndTheLastOneWins() throws {
        let fixture = try Fixture(database)
        for hour in [1, 3] {
            let id = try fixture.appointment(hour: hour)
            try database.run(
                """
                INSERT INTO outbox (channel, recipient_role, recipient, template, payload, appointment_id)
                VALUES ('whatsapp', 'client', '5511900000002', 'reminder_1h', '{}', ?)
                """, .text(id.description))
            let message = try #require(try store().claim(passingOver: []).message)
            #expect(try store().record(message, .sent(providerID: "p", to: "5511900000002")))
            let context = try database.rows("SELECT phone, professional_id, appointment_id FROM whatsapp_contexts")
            #expect(context.count == 1)
            #expect(try context[0].text(0) == "5511900000002")
            #expect(try context[0].text(1) == fixture.professional)
            #expect(try context[0].text(2) == id.description)
        }
        #expect(
            try database.count(
                "whatsapp_contexts WHERE expires_at > UTC_TIMESTAMP(6) + INTERVAL 119 MINUTE"
                    + " AND expires_at <= UTC_TIMESTAMP(6) + INTERVAL 2 HOUR") == 1)
    }

    @Test("claim: row locks on an empty outbox do not block an action")
    func anIdleClaimDoesNotHoldUpARequest() throws {
        let fixture = try Fixture(database)
        let id = try fixture.appointment()
        let idle = try database.connection()
        try idle.transaction { idle throws(StoreError) in
            _ = try idle.query(
                "SELECT id FROM outbox WHERE state = 'pending' AND channel = 'whatsapp' FOR UPDATE",
                [], operation: "look, with locks, at an empty outbox")
            let begun = Date()
            let change = (try? fixture.store().act(id, fixture.request("confirm"), requestID: "r"))?.change
            #expect(change != nil)
            #expect(Date().timeIntervalSince(begun) < 1.5)
        }
    }

    @Test("claim: SKIP LOCKED passes over rows of another claim")
    func aRowThatAnotherClaimHoldsIsSkipped() throws {
        for _ in 0..<2 { try enqueue("1") }
        let other = try database.connection()
        let store = try store()
        let message = try other.transaction { other throws(StoreError) -> ClaimedMessage? in
            _ = try other.query("SELECT id FROM outbox ORDER BY id LIMIT 1 FOR UPDATE", [], operation: "hold the first")
            return try store.claim(passingOver: []).message
        }
        #expect(try message?.id == database.rows("SELECT CAST(MAX(id) AS SIGNED) FROM outbox")[0].integer(0))
    }

    @Test("claim: eight senders claim every row once")
    func eightSendersClaimEveryRowOnce() throws {
        for _ in 0..<200 { try enqueue("1") }
        let claimed = Claims()
        let group = DispatchGroup()
        for sender in 0..<8 {
            nonisolated(unsafe) let store = try store()
            DispatchQueue(label: "sender.\(sender)").async(group: group) {
                do {
                    while true {
                        switch try store.claim(passingOver: []) {
                        case .claimed(let message): claimed.add(message.uid)
                        case .contended: continue
                        case .nothingDue, .limited: return
                        }
                    }
                } catch { Issue.record(error) }
            }
        }
        group.wait()
        #expect(claimed.all.count == 200)
        #expect(Set(claimed.all).count == 200)
    }

    private func enqueue(_ recipient: String) throws {
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload)
            VALUES ('whatsapp', 'client', ?, 'reminder_1h', '{}')
            """, .text(recipient))
    }

    private func store(_ channel: Channel = .whatsapp) throws -> OutboxStore {
        OutboxStore(
            try database.connection(), channel: channel, exclusions: 3,
            makeLeaseToken: { Array(withUnsafeBytes(of: UUID().uuid) { $0 }) })
    }
}

extension OutboxStore.Claim {
    var message: ClaimedMessage? {
        if case .claimed(let message) = self { message } else { nil }
    }
}

private final class Claims: @unchecked Sendable {
    private let lock = NSLock()
    private var uids: [String] = []

    func add(_ uid: String) { lock.withLock { uids.append(uid) } }
    var all: [String] { lock.withLock { uids } }
}
