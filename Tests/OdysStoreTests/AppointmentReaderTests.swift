import Dispatch
import Foundation
import OdysCore
import Synchronization
import Testing

@testable import OdysStore

@Suite("Reads, on a real server") struct AppointmentReaderTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    private func reader() throws -> AppointmentReader { AppointmentReader(try database.connection()) }

    private var wanted: ReadRequest { ReadRequest(userID: fixture.professionalUser) }

    private func history(of id: AppointmentID) throws -> AppointmentHistory {
        try #require(try reader().history(of: id, wanted))
    }

    @Test("reader: the same appointment that an action sees")
    func anAppointmentIsReadAsAPatchWouldFindIt() throws {
        let id = try fixture.appointment()
        let before = try #require(try reader().appointment(id))
        let change = try #require(try fixture.store().act(id, fixture.request("confirm"), requestID: "r").change)
        #expect(before.appointment == change.appointment)
        let after = try #require(try reader().appointment(id))
        #expect(after.appointment.status == .confirmed && after.appointment.version == 2)
        #expect(after.updatedAt == change.at)
        #expect(after.now >= change.at && after.now < change.at.advanced(bySeconds: 60))
    }

    @Test("reader: an unknown id has no appointment and no history")
    func thereIsNothingToReadOfWhatIsNotThere() throws {
        let id = try #require(AppointmentID(UUID().uuidString))
        #expect(try reader().appointment(id) == nil)
        #expect(try reader().history(of: id, wanted) == nil)
    }

    @Test("reader: an appointment without events has an empty history")
    func whatIsOlderThanTheProductHasAnEmptyHistory() throws {
        let history = try history(of: fixture.appointment(status: "completed"))
        #expect(history.appointment.status == .completed)
        #expect(history.events.isEmpty && history.messages.isEmpty)
    }

    /// Ending a transaction costs a round trip: the next read or an idle thread does it.
    @Test("reader: its transaction stays open, each read sees what was committed")
    func aReadingsTransactionStaysOpenUntilItIsEnded() throws {
        let id = try fixture.appointment()
        let connection = try database.connection()
        #expect(try AppointmentReader(connection).appointment(id) != nil)
        #expect(connection.isInTransaction)
        // It reads what was committed since, all the same.
        _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        #expect(try AppointmentReader(connection).appointment(id)?.appointment.status == .confirmed)
        connection.endReading()
        #expect(!connection.isInTransaction)
    }

    /// ALTER TABLE waits for open transactions, and every request waits behind it: a busy thread must not keep one
    /// open for ever.
    @Test("reader: ALTER TABLE gets its lock under constant reads")
    func aTableCanBeChangedWhileItIsReadAgainAndAgain() throws {
        let id = try fixture.appointment()
        nonisolated(unsafe) let reader = try reader()
        let isEnough = Atomic<Bool>(false)
        let isReading = DispatchSemaphore(value: 0)
        let group = DispatchGroup()
        DispatchQueue(label: "test.reader").async(group: group) {
            while !isEnough.load(ordering: .acquiring) {
                do { _ = try reader.appointment(id) } catch { Issue.record(error) }
                isReading.signal()
            }
        }
        defer {
            isEnough.store(true, ordering: .releasing)
            group.wait()
        }
        for _ in 0..<100 { try #require(isReading.wait(timeout: .now() + 5) == .success) }
        let connection = try database.connection(.migration)
        try connection.connect()
        try connection.execute("SET SESSION lock_wait_timeout = 1", operation: "be impatient")
        try connection.execute("ALTER TABLE appointments ADD COLUMN added INT NULL", operation: "change a table")
    }

    @Test("reader: the client's row may be missing")
    func partiesMayBeMissing() throws {
        let id = try fixture.appointment()
        let connection = try database.connection(.migration)
        try connection.transaction { connection throws(StoreError) in
            try connection.execute("SET SESSION foreign_key_checks = 0", operation: "lose a client")
            try connection.execute(
                "DELETE FROM clients WHERE id = ?", [.text(fixture.client)], operation: "lose a client")
            try connection.commit()
        }
        let reading = try #require(try reader().appointment(id))
        #expect(reading.appointment.client == nil && reading.appointment.professional != nil)
        #expect(try history(of: id).appointment == reading.appointment)
    }

    @Test("reader: a client with an empty user id is not registered")
    func anEmptyUserIDIsNone() throws {
        let id = try fixture.appointment()
        try database.run("UPDATE clients SET user_id = '' WHERE id = ?", .text(fixture.client))
        #expect(try #require(try reader().appointment(id)).appointment.client?.userID == nil)
        let change = try #require(try fixture.store().act(id, fixture.request("confirm"), requestID: "r").change)
        #expect(change.decision.notification == nil)
        #expect(change.messages.contains { $0.message.payload.invite })
        #expect(try database.count("notifications") == 0)
    }

    @Test("history: events and messages, oldest first")
    func eventsAndMessagesComeOldestFirst() throws {
        let id = try fixture.appointment()
        try database.run(
            """
            INSERT INTO outbox (appointment_id, channel, recipient_role, recipient, template, payload, created_at)
            VALUES (?, 'whatsapp', 'client', '', 'reminder_24h', '{}', '2020-01-01'),
                (?, 'email', 'client', 'x', 'of_others', '{}', '2040-01-01')
            """, .text(id.description), .text(id.description))
        let store = try fixture.store()
        for (action, reason) in [("paid", nil), ("confirm", nil), ("no_show", "Sem aviso.")] {
            _ = try #require(try store.act(id, fixture.request(action, reason: reason), requestID: "r").change)
        }
        let history = try history(of: id)
        #expect(history.events.map(\.version) == [2, 3, 4])
        #expect(history.events.map(\.action) == [.paid, .confirm, .noShow])
        #expect(history.events.map(\.reason) == [nil, nil, "Sem aviso."])
        #expect(history.events.map(\.fromStatus) == [.pendingConfirmation, .pendingConfirmation, .confirmed])
        #expect(history.events.map(\.toStatus) == [.pendingConfirmation, .confirmed, .noShow])
        #expect(history.events.map(\.fromPayment) == [.none, .captured, .captured])
        #expect(history.events.map(\.toPayment) == [.captured, .captured, .captured])
        #expect(history.events.allSatisfy { $0.actorID == fixture.professionalUser && $0.actor == .professional })
        #expect(history.messages.map(\.version) == [nil, 2, 2, 3, 3, 3, 4, 4, nil])
        #expect(history.messages.map(\.createdAt) == history.messages.map(\.createdAt).sorted())
        #expect(history.messages.first?.template == "reminder_24h" && history.messages.last?.template == "of_others")
        // The confirmation was overtaken by the no-show before anybody sent it.
        for message in history.messages {
            #expect(message.state == (message.version == 3 ? .superseded : .pending))
            #expect((message.finishedAt == nil) == (message.state == .pending))
        }
    }

    /// Between two statements of a reader, an action can be committed.
    @Test("history: versions above the appointment's are left out")
    func anActionThatTheAppointmentDidNotShowYetIsLeftOut() throws {
        let id = try fixture.appointment()
        let store = try fixture.store()
        for action in ["paid", "confirm"] {
            _ = try #require(try store.act(id, fixture.request(action), requestID: "r").change)
        }
        try database.run("UPDATE appointments SET version = 2 WHERE id = ?", .text(id.description))
        let history = try history(of: id)
        #expect(history.events.map(\.version) == [2])
        #expect(history.messages.map(\.version) == [2, 2])
    }

    @Test("reader: waits for no lock and holds none")
    func aReaderWaitsForNobodyAndHoldsNothing() throws {
        let id = try fixture.appointment()
        let own = try database.connection()
        let reader = AppointmentReader(own)
        try database.connection().transaction { connection throws(StoreError) in
            _ = try connection.query(
                "SELECT version FROM appointments WHERE id = ? FOR UPDATE", [.text(id.description)], operation: "lock")
            try connection.execute(
                "UPDATE appointments SET status = 'cancelled' WHERE id = ?", [.text(id.description)],
                operation: "change")
            // A wait would end as an error, after two seconds.
            #expect(try reader.appointment(id)?.appointment.status == .pendingConfirmation)
            #expect(try reader.history(of: id, wanted)?.events.isEmpty == true)
            try connection.commit()
        }
        #expect(try reader.appointment(id)?.appointment.status == .cancelled)
        let number = try connectionNumber(own)
        #expect(try database.count("information_schema.innodb_trx WHERE trx_mysql_thread_id = \(number)") == 0)
    }

    @Test("reader: a dead connection is replaced")
    func aConnectionThatDiedIsReplaced() throws {
        let id = try fixture.appointment()
        let connection = try database.connection()
        let reader = AppointmentReader(connection)
        for read in [{ try reader.appointment(id) != nil }, { try reader.history(of: id, wanted) != nil }] {
            try database.run("KILL CONNECTION \(connectionNumber(connection))")
            #expect(try read())
        }
    }

    private func connectionNumber(_ connection: Connection) throws -> Int {
        try connection.transaction { connection throws(StoreError) in
            try connection.query("SELECT CONNECTION_ID()", [], operation: "ask")[0].integer(0)
        }
    }
}
