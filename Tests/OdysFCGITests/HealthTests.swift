import OdysCore
import Testing

@testable import OdysFCGI
@testable import OdysStore

@Suite struct HealthTests {
    private static let good = DatabaseSnapshot(
        schemaVersion: 3, durabilityProblems: [],
        outbox: Channel.allCases.map {
            DatabaseSnapshot.Outbox(channel: $0, pending: 0, dead: 0, oldestDueSeconds: nil)
        })

    private func report(
        _ database: DatabaseState = .answering(good), _ change: (inout HealthFacts) -> Void = { _ in }
    ) -> HealthReport {
        var facts = HealthFacts(database: database, requiredSchemaVersion: 3)
        change(&facts)
        return HealthReport(facts)
    }

    private func look(version: Int = 3, durability: [String] = [], oldestDue: Double? = nil) -> DatabaseState {
        .answering(
            DatabaseSnapshot(
                schemaVersion: version, durabilityProblems: durability,
                outbox: [DatabaseSnapshot.Outbox(channel: .email, pending: 1, dead: 0, oldestDueSeconds: oldestDue)]))
    }

    @Test("health: nothing wrong → pass")
    func nothingWrongPasses() {
        #expect(report().status == .pass)
        #expect(report().problems == [])
    }

    @Test("health: database unreachable, failing or with an old schema → fail")
    func aDatabaseThatCannotBeUsedFails() {
        let gone = StoreError(kind: .connectionLost, code: 2002, sqlState: "HY000", operation: "connect")
        for state in [DatabaseState.timedOut, .failing(gone), look(version: 2)] {
            #expect(report(state).status == .fail)
            #expect(report(state).problems.allSatisfy { $0.output != nil })
        }
    }

    @Test("health: newer schema, durability, backlog, unknown settings → warn")
    func whatSomebodyShouldLookAtWarns() {
        #expect(report(look(version: 4)).status == .warn)
        #expect(report(look(durability: ["set x"])).problems.map(\.output) == ["set x"])
        #expect(report(look(oldestDue: 300)).status == .pass)
        #expect(report(look(oldestDue: 300.5)).problems.map(\.name) == ["email:oldestDueSeconds"])
        #expect(report { $0.unknownSettings = ["ODYS_X"] }.status == .warn)
    }

    @Test("health: a failed write → warn, refused by the server → fail")
    func aWriteThatFailedShows() {
        for kind in StoreError.Kind.allCases {
            let failure = StoreError(kind: kind, operation: "write")
            #expect(report { $0.writeFailure = failure }.status == (kind == .refusing ? .fail : .warn), "\(kind)")
        }
    }

    @Test("health: settings of the server that prevent changes → fail, named")
    func obstaclesOfTheServerFail() {
        var look = Self.good
        look.obstacles = ["set y"]
        #expect(report(.answering(look)).status == .fail)
        #expect(report(.answering(look)).problems.map(\.output) == ["set y"])
    }

    @Test("health: a paused channel → warn, never fail")
    func aPausedChannelWarnsAndNeverFails() {
        for phase in Breaker.Phase.allCases {
            let report = report {
                $0.channels = [.init(channel: .whatsapp, phase: phase, pausedBy: .misconfigured)]
            }
            #expect(report.status == (phase == .closed ? .pass : .warn), "\(phase)")
        }
    }

    @Test("health: draining or stuck → fail")
    func aProcessThatStopsOrIsStuckFails() {
        #expect(report { $0.isDraining = true }.status == .fail)
        #expect(report { $0.loops = [LoopGroup(name: "requests", allowedSeconds: 5, silences: [6])] }.status == .fail)
    }

    @Test("health: the JSON of the health+json draft")
    func theDocumentHasTheFormOfTheDraft() throws {
        let json = report(.timedOut).json(version: "1", instance: "2", at: Instant(microseconds: 0))
        #expect(json["status"]?.string == "fail" && json["instance"]?.string == "2")
        let check = try #require(json["checks"]?["database:reachable"]?.array?.first)
        #expect(check["status"]?.string == "fail" && check["output"]?.string != nil)
        #expect(check["time"]?.string == "1970-01-01T00:00:00Z")
    }
}

@Suite struct ProgressTests {
    private func group(_ silences: [Double]) -> LoopGroup {
        LoopGroup(name: "requests", allowedSeconds: 25, silences: silences)
    }

    @Test("progress: one loop that beats is enough")
    func oneThatGetsOnIsEnough() {
        #expect(!group([0, 0]).isStuck)
        #expect(!group([1_000, 25]).isStuck)
        #expect(group([1_000, 25.1]).isStuck)
        #expect(group([30, 26]).silence == 26)
    }

    /// A silent database must not look like stuck threads.
    @Test("progress: silence limits are above every deadline of the work")
    func theLimitsAreAboveEveryDeadlineOfTheirWork() {
        // The last host of several is tried just before the time for that is over.
        let connect = Limits.connectHostsSeconds + Limits.connectSeconds
        let database = Limits.requestSeconds + Limits.statementSeconds + 1 + connect
        #expect(Limits.workerSilenceSeconds > 2 * Limits.frontSeconds + Double(database))
        for channel in Channel.allCases {
            #expect(Pace.standard.senderSilence(channel) > Pace.standard.longestSend(channel))
            #expect(Pace.standard.senderSilence(channel) < Double(Limits.leaseSeconds))
        }
        #expect(Limits.lookWaitSeconds + 1 < 5)
    }
}
