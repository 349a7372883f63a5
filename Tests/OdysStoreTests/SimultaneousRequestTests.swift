import Dispatch
import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite("Concurrent requests and foreign locks") struct SimultaneousRequestTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    @Test("deadlock: the victim's transaction runs again as a whole")
    func aDeadlocksVictimRunsAgainAsAWhole() throws {
        let id = try fixture.appointment()
        let disturber = try database.connection(.migration)
        nonisolated(unsafe) let store = try fixture.store()
        let request = fixture.request("confirm")
        let results = Results()
        let group = DispatchGroup()
        let deadlocks = try deadlockCount()
        try disturber.transaction { disturber throws(StoreError) in
            // The server chooses the one that changed less, which is not to be the disturber.
            try disturber.execute(
                "INSERT INTO clients (professional_id, name, phone) SELECT ?, 'x', '1' FROM seq_1_to_500",
                [.text(fixture.professional)], operation: "grow heavy")
            _ = try disturber.query(
                "SELECT id FROM professionals WHERE id = ? FOR UPDATE", [.text(fixture.professional)], operation: "lock"
            )
            DispatchQueue(label: "test.victim").async(group: group) {
                do { results.set(0, try store.act(id, request, requestID: "r")) } catch { Issue.record(error) }
            }
            try disturber.waitUntilSomebodyWaits()
            _ = try disturber.query(
                "SELECT id FROM appointments WHERE id = ? FOR UPDATE", [.text(id.description)], operation: "deadlock")
            try disturber.commit()
        }
        group.wait()
        #expect(results.inOrder.compactMap(\.change).count == 1)
        #expect(try deadlockCount() > deadlocks)
        #expect(try database.count("appointment_events") == 1)
        #expect(try database.count("outbox") == 3)
    }

    @Test("50 concurrent confirms of one appointment: one succeeds")
    func fiftyConfirmsAtOnceChangeTheAppointmentOnce() throws {
        let id = try fixture.appointment()
        let results = try simultaneously(50) { _ in (id, fixture.request("confirm")) }
        #expect(results.compactMap(\.change).count == 1)
        #expect(results.compactMap(\.refusal).count == 49)
        #expect(try database.count("appointment_events") == 1)
        #expect(try database.count("outbox") == 3)
        #expect(try database.count("notifications") == 1)
    }

    @Test("concurrent confirms of overlapping slots: one succeeds")
    func ofOverlappingConfirmsAtOnceOneWins() throws {
        for round in 0..<5 {
            let ids = try (0..<4).map { _ in try fixture.appointment(hour: 20 + round) }
            let results = try simultaneously(4) { (ids[$0], fixture.request("confirm")) }
            #expect(results.compactMap(\.change).count == 1)
            let winner = try #require(results.compactMap(\.change).first).appointment.id
            #expect(results.compactMap(\.refusal) == Array(repeating: .slotConflict(with: winner), count: 3))
        }
    }

    /// The calendar is read after the wait for the lock, not before.
    @Test("slot check: sees what was confirmed during the lock wait")
    func aConfirmSeesWhatWasConfirmedWhileItWaited() throws {
        let (id, other) = (try fixture.appointment(hour: 20), try fixture.appointment(hour: 20))
        let winner = try database.connection(.migration)
        nonisolated(unsafe) let store = try fixture.store()
        let request = fixture.request("confirm")
        let results = Results()
        let group = DispatchGroup()
        try winner.transaction { winner throws(StoreError) in
            _ = try winner.query(
                "SELECT id FROM professionals WHERE id = ? FOR UPDATE", [.text(fixture.professional)], operation: "lock"
            )
            DispatchQueue(label: "test.loser").async(group: group) {
                do { results.set(0, try store.act(id, request, requestID: "r")) } catch { Issue.record(error) }
            }
            try winner.waitUntilSomebodyWaits()
            try winner.execute(
                "UPDATE appointments SET status = 'confirmed' WHERE id = ?", [.text(other.description)],
                operation: "win")
            try winner.commit()
        }
        group.wait()
        #expect(results.inOrder.compactMap(\.refusal) == [.slotConflict(with: other)])
    }

    @Test("concurrent confirm and cancel: a serial outcome")
    func confirmAndCancelAtOnceLeaveASerialOutcome() throws {
        for round in 0..<10 {
            let id = try fixture.appointment(hour: 40 + round)
            let results = try simultaneously(2) { index in
                (id, index == 0 ? fixture.request("confirm") : fixture.request("cancel", by: fixture.clientUser))
            }
            // Cancel applies to both states; confirm only before it.
            #expect(results[1].change != nil)
            let events = try database.rows(
                "SELECT version, to_status FROM appointment_events WHERE appointment_id = ? ORDER BY version",
                .text(id.description))
            #expect(try events.map { try $0.integer(0) } == Array(2..<(2 + events.count)))
            #expect(try events.last?.text(1) == "cancelled")
            #expect(events.count == results.compactMap(\.change).count)
        }
    }

    @Test("lock wait: a held row → timeout, nothing half done")
    func aHeldRowEndsInATimeoutAndNothingIsHalfDone() throws {
        let id = try fixture.appointment()
        let blocker = try database.connection(.migration)
        let failure = try blocker.transaction { blocker throws(StoreError) -> StoreError? in
            _ = try blocker.query(
                "SELECT id FROM appointments WHERE id = ? FOR UPDATE", [.text(id.description)], operation: "block")
            do { _ = try fixture.store().act(id, fixture.request("confirm"), requestID: "r") } catch {
                return error as? StoreError
            }
            return nil
        }
        #expect(failure?.kind == .timeout)
        #expect(failure?.isUnavailability == true)
        #expect(try database.count("appointment_events") == 0)
    }

    private func deadlockCount() throws -> Int {
        try #require(Int(database.rows("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")[0].text(1)))
    }

    /// Runs requests in as many threads, released at the same moment.
    private func simultaneously(
        _ count: Int, _ request: @escaping (Int) throws -> (AppointmentID, ActionRequest)
    ) throws -> [ActResult] {
        let work = try (0..<count).map(request)
        let connections = try work.map { _ in try database.connection() }
        for connection in connections { try connection.connect() }
        let results = Results()
        let ready = DispatchSemaphore(value: 0)
        let go = DispatchSemaphore(value: 0)
        let group = DispatchGroup()
        for (index, (id, request)) in work.enumerated() {
            nonisolated(unsafe) let store = try fixture.store(connections[index])
            DispatchQueue(label: "test.\(index)").async(group: group) {
                ready.signal()
                go.wait()
                do { results.set(index, try store.act(id, request, requestID: "r\(index)")) } catch {
                    Issue.record(error)
                }
            }
        }
        for _ in 0..<count { ready.wait() }
        for _ in 0..<count { go.signal() }
        group.wait()
        return results.inOrder
    }
}

/// What several threads found.
private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var found: [Int: ActResult] = [:]

    func set(_ index: Int, _ result: ActResult) {
        lock.withLock { found[index] = result }
    }

    var inOrder: [ActResult] {
        lock.withLock { found.keys.sorted().compactMap { found[$0] } }
    }
}
