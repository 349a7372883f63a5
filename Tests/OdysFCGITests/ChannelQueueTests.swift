import Dispatch
import OdysCore
import OdysHost
import OdysStore
import Synchronization
import Testing

@testable import OdysFCGI

@Suite("channel queue") struct ChannelQueueTests {
    private static func message(to recipient: String) -> ClaimedMessage {
        ClaimedMessage(
            id: 1, uid: "u", channel: .whatsapp, role: .client, recipient: recipient, template: "t", payload: "{}",
            appointmentID: nil, attempts: 1, unclear: 0, lostClaims: 0, isExpired: false, leaseToken: [])
    }

    @Test("claim: a database that does not answer one sender does not keep the others from stopping")
    func stopEndsTheWaitForATurn() {
        let queue = ChannelQueue(.whatsapp, senders: 8, pace: .standard)
        let (frozen, hasFrozen) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let group = DispatchGroup()
        let stopped = Mutex(0)
        for number in 0..<8 {
            DispatchQueue(label: "sender \(number)").async(group: group) {
                let claim = try? queue.claim { _ in
                    hasFrozen.signal()
                    frozen.wait()
                    return .nothingDue
                }
                if case nil = claim { stopped.withLock { $0 += 1 } }
            }
        }
        hasFrozen.wait()
        queue.stop()
        let deadline = Clock.uptime + 5
        while stopped.withLock({ $0 }) < 7, Clock.uptime < deadline { Clock.pause(milliseconds: 1) }
        #expect(stopped.withLock { $0 } == 7)
        frozen.signal()
        group.wait()
    }

    @Test("claim: each claim sees the recipients that are in flight, until they are released")
    func claimsSeeWhatIsInFlight() throws {
        let queue = ChannelQueue(.whatsapp, senders: 3, pace: .standard)
        for (recipient, expected) in [("a", []), ("b", ["a"]), ("c", ["a", "b"])] as [(String, [String])] {
            _ = try queue.claim { inFlight in
                #expect(inFlight == expected)
                return .claimed(Self.message(to: recipient))
            }
        }
        queue.release("b")
        _ = try queue.claim { inFlight in
            #expect(inFlight == ["a", "c"])
            return .nothingDue
        }
    }
}

@Suite("metrics") struct MetricsTests {
    @Test("write failure: one that is noted while a success clears the last is cleared by the next success")
    func aFailureKeepsItsFlag() {
        let metrics = Metrics()
        let error = StoreError(kind: .refusing, operation: "write")
        for _ in 0..<20_000 {
            metrics.note(error, isWrite: true)
            let start = DispatchSemaphore(value: 0)
            let group = DispatchGroup()
            DispatchQueue.global().async(group: group) {
                start.signal()
                metrics.note(error, isWrite: true)
            }
            start.wait()
            metrics.noteWrite()
            group.wait()
            metrics.noteWrite()
            guard metrics.recentWriteFailure == nil else {
                Issue.record("a success did not clear the failure")
                return
            }
        }
    }
}
