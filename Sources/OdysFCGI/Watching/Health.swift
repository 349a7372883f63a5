internal import OdysCore
internal import OdysStore

/// What is known of a process, for `HealthReport`.
struct HealthFacts: Sendable {
    /// A channel that this process delivers for.
    struct ChannelState: Sendable {
        let channel: Channel
        let phase: Breaker.Phase
        /// Why it was paused, as a class such as `misconfigured`; nil where it never was.
        let pausedBy: DeliveryOutcome.Class?
    }

    var database: DatabaseState
    var requiredSchemaVersion: Int
    /// Why the last write failed, if none has succeeded since; reads do not notice a full disk or a read-only server.
    var writeFailure: StoreError?
    var channels: [ChannelState] = []
    var loops: [LoopGroup] = []
    var isDraining = false
    var unknownSettings: [String] = []
}

/// Whether a process can do its work: `fail` when it cannot answer requests, `warn` when somebody should look.
struct HealthReport: Sendable, Equatable {
    /// From good to bad.
    enum Status: String, Sendable, CaseIterable {
        case pass, warn, fail
    }

    /// One line of the report, named `component:measurement`.
    struct Check: Sendable, Equatable {
        let name: String
        let status: Status
        let observed: JSON
        let unit: String?
        /// What it means, in words for the operator; nil where it passes.
        let output: String?

        init(_ name: String, _ status: Status, observed: JSON = .null, unit: String? = nil, output: String? = nil) {
            self.name = name
            self.status = status
            self.observed = observed
            self.unit = unit
            self.output = status == .pass ? nil : output
        }

        fileprivate func json(at time: Instant) -> JSON {
            let members = [
                JSON.Member("status", JSON(status)), JSON.Member("observedValue", observed),
                JSON.Member("observedUnit", JSON(unit)), JSON.Member("output", JSON(output)),
                JSON.Member("time", .string(time.iso8601)),
            ]
            return .object(members.filter { $0.value != .null })
        }
    }

    let checks: [Check]

    /// The worst status of any check.
    var status: Status { Status.allCases.last { status in checks.contains { $0.status == status } } ?? .pass }

    /// The checks that do not pass.
    var problems: [Check] { checks.filter { $0.status != .pass } }

    /// The format is `application/health+json` (draft-inadarei-api-health-check).
    func json(version: String, instance: String, at time: Instant) -> JSON {
        [
            "status": JSON(status), "version": .string(version), "instance": .string(instance),
            "checks": .object(checks.map { JSON.Member($0.name, .array([$0.json(at: time)])) }),
        ]
    }
}
