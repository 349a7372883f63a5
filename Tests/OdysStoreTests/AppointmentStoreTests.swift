import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite struct AppointmentStoreTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    @Test("act: confirm writes appointment, event, outbox and notification")
    func aConfirmWritesEverythingInOneTransaction() throws {
        let id = try fixture.appointment()
        let result = try fixture.store().act(id, fixture.request("confirm"), requestID: "request-1")
        let change = try #require(result.change)
        #expect(change.version == 2)
        let row = try database.rows("SELECT status, payment_status, version, updated_at FROM appointments")[0]
        #expect(try row.text(0) == "confirmed")
        #expect(try row.text(1) == "authorized")
        #expect(try row.integer(2) == 2)
        #expect(try row.instant(3) == change.at)
        let event = try database.rows(
            """
            SELECT action, actor_user_id, actor_role, reason, from_status, to_status, from_payment_status,
                to_payment_status, request_id, LENGTH(marker), created_at FROM appointment_events WHERE version = 2
            """)[0]
        let texts = try [0, 1, 2, 4, 5, 6, 7, 8].map { try event.text($0) }
        #expect(
            texts == [
                "confirm", fixture.professionalUser.text, "professional", "pending_confirmation", "confirmed", "none",
                "authorized", "request-1",
            ])
        #expect(event.isNull(3))
        #expect(try event.integer(9) == 16)
        #expect(try event.instant(10) == change.at)
        let notification = try database.rows(
            "SELECT recipient_id, recipient_type, type, appointment_id FROM notifications")[0]
        #expect(try notification.text(0) == fixture.clientUser.text)
        #expect(try notification.text(2) == "booking_confirmed")
        #expect(try notification.text(3) == id.description)
        let messages = try database.rows(
            "SELECT message_uid, channel, recipient_role, recipient, template, state FROM outbox ORDER BY id")
        #expect(try messages.map { try $0.text(0) } == change.messages.map(\.uid))
        #expect(try messages.map { try $0.text(1) } == ["whatsapp", "whatsapp", "email"])
        #expect(try messages.map { try $0.text(3) } == ["5511900000002", "5511900000001", "bia@example.com"])
        #expect(try messages.allSatisfy { try $0.text(5) == "pending" })
        #expect(try database.count("outbox WHERE expires_at = created_at + INTERVAL 24 HOUR") == 3)
    }

    @Test(
        "act: every other action writes its event and messages",
        arguments: ["cancel", "paid", "complete", "no_show", "reject"]
    )
    func everyOtherActionWritesItsEvent(action: String) throws {
        let id = try fixture.appointment()
        let result = try fixture.store().act(id, fixture.request(action, reason: "porque sim"), requestID: "r")
        let change = try #require(result.change)
        let kept = ["cancel", "no_show", "reject"].contains(action)
        #expect(
            try database.rows("SELECT reason FROM appointment_events")[0].optionalText(0)
                == (kept ? "porque sim" : nil))
        #expect(try database.count("outbox") == change.decision.messages.count)
    }

    @Test("act: a refusal writes nothing and leaves no lock")
    func aRefusalWritesNothingAndLeavesNoLock() throws {
        let id = try fixture.appointment(status: "cancelled")
        let connection = try database.connection()
        let result = try fixture.store(connection).act(id, fixture.request("confirm"), requestID: "r")
        #expect(result.refusal == .invalidTransition(.cancelled, .none, allowed: []))
        #expect(try database.count("appointment_events") == 0)
        #expect(try database.count("outbox") == 0)
        // Would wait for the lock, and fail, if the refusing transaction were still open.
        #expect(try database.run("UPDATE appointments SET notes = 'x'") == 1)
    }

    @Test("act: an unknown appointment → notFound")
    func anUnknownAppointmentIsNotFound() throws {
        let id = try #require(AppointmentID(UUID().uuidString))
        let result = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        guard case .refused(.notFound) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test("act: a taken slot → slotConflict with its holder, nothing written")
    func aTakenSlotIsRefusedWithItsHolderAndWritesNothing() throws {
        let holder = try fixture.appointment(status: "confirmed")
        let id = try fixture.appointment()
        let result = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        #expect(result.refusal == .slotConflict(with: holder))
        #expect(try database.count("appointment_events") == 0)
        #expect(try database.count("appointments WHERE version > 1") == 0)
    }

    @Test(
        "slot check: pending, rejected and cancelled appointments do not conflict",
        arguments: ["pending_confirmation", "rejected", "cancelled"]
    )
    func anAppointmentThatHoldsNoSlotDoesNotConflict(status: String) throws {
        _ = try fixture.appointment(status: status)
        let id = try fixture.appointment()
        #expect(try fixture.store().act(id, fixture.request("confirm"), requestID: "r").change != nil)
    }

    @Test("slot check: adjacent slots do not conflict")
    func slotsThatTouchDoNotConflict() throws {
        for minutes in [0, 50, 100] {
            let id = try fixture.appointment(hour: 10)
            try database.run(
                """
                UPDATE appointments SET starts_at = starts_at + INTERVAL ? MINUTE, ends_at = ends_at + INTERVAL ? MINUTE
                WHERE id = ?
                """, .integer(minutes), .integer(minutes), .text(id.description))
            #expect(try fixture.store().act(id, fixture.request("confirm"), requestID: "r").change != nil)
        }
    }

    @Test("row lock: the appointment alone, not its parties")
    func onlyTheAppointmentIsLocked() throws {
        let id = try fixture.appointment()
        let owner = try database.connection()
        let other = try database.connection()
        let rows = [
            ("appointments", id.description), ("professionals", fixture.professional), ("clients", fixture.client),
        ]
        let isLocked = try owner.transaction { owner throws(StoreError) -> [Bool] in
            _ = try owner.query(AppointmentStore.lock, [.text(id.description)], operation: "lock")
            var isLocked: [Bool] = []
            for (table, key) in rows {
                do throws(StoreError) {
                    try other.transaction { other throws(StoreError) in
                        _ = try other.query(
                            "SELECT id FROM \(table) WHERE id = ? FOR UPDATE NOWAIT", [.text(key)],
                            operation: "try the lock")
                    }
                    isLocked.append(false)
                } catch {
                    isLocked.append(error.kind == .timeout)
                }
            }
            return isLocked
        }
        #expect(isLocked == [true, false, false])
    }

    @Test("act: a connection killed between requests is replaced")
    func aConnectionThatDiedBetweenRequestsCostsNoError() throws {
        let connection = try database.connection()
        let store = try fixture.store(connection)
        let first = try fixture.appointment(hour: 1)
        #expect(try store.act(first, fixture.request("confirm"), requestID: "r").change != nil)
        let thread = try connection.query("SELECT CONNECTION_ID()", [], operation: "ask")[0].integer(0)
        try connection.commit()
        try database.run("KILL \(thread)")
        let second = try fixture.appointment(hour: 3)
        #expect(try store.act(second, fixture.request("confirm"), requestID: "r").change != nil)
    }

    @Test("durability: a server that may lose commits is reported")
    func aServerThatMayForgetIsNoticed() throws {
        // The tests' own server trades durability for speed.
        let problems = try ServerSettings(database.connection()).durability
        #expect(problems.count == 1)
        #expect(problems.first?.contains("innodb_flush_log_at_trx_commit = 1") == true)
    }

    @Test("session: isolation, SQL mode, time zone and timeouts are set")
    func everySessionHasItsSettings() throws {
        let row = try database.connection().transaction { connection throws(StoreError) in
            try connection.query(
                """
                SELECT @@session.tx_isolation, @@session.sql_mode, @@session.time_zone, @@character_set_client,
                    CAST(@@session.autocommit AS SIGNED), CAST(@@session.innodb_lock_wait_timeout AS SIGNED),
                    CAST(@@session.max_statement_time AS SIGNED), CAST(@@session.idle_transaction_timeout AS SIGNED)
                """, [], operation: "ask")[0]
        }
        #expect(try row.text(0) == "READ-COMMITTED")
        #expect(try row.text(1).contains("STRICT_ALL_TABLES"))
        #expect(try row.text(2) == "+00:00")
        #expect(try row.text(3) == "utf8mb4")
        #expect(try (4...7).map { try row.integer($0) } == [0, 2, 3, 5])
    }
}
