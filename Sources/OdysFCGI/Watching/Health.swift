internal import OdysCore
internal import OdysStore

/// How the database stands.
enum DatabaseState: Sendable, Equatable {
    case answering(DatabaseSnapshot)
    case failing(StoreError)
    /// It took the question and does not answer.
    case timedOut
}

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
    /// What the last write that the database refused met, if no write has succeeded since; reads do not notice a full
    /// disk or a read-only server.
    var writeFailure: StoreError.Kind?
    var channels: [ChannelState] = []
    var loops: [LoopGroup] = []
    var isDraining = false
    var unknownSettings: [String] = []
}

/// Whether a process can do its work: `fail` when it cannot answer requests, `warn` when somebody should look.
struct HealthReport: Sendable, Equatable {
    enum Status: String, Sendable, CaseIterable, Comparable {
        case pass, warn, fail

        private var rank: Int {
            switch self {
            case .pass: 0
            case .warn: 1
            case .fail: 2
            }
        }

        static func < (left: Status, right: Status) -> Bool { left.rank < right.rank }
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
    }

    let checks: [Check]

    var status: Status { checks.map(\.status).max() ?? .pass }

    /// The checks that do not pass.
    var problems: [Check] { checks.filter { $0.status != .pass } }

    /// As `application/health+json` says it (draft-inadarei-api-health-check).
    func json(version: String, instance: String, at time: Instant) -> JSON {
        .object([
            JSON.Member("status", .string(status.rawValue)),
            JSON.Member("version", .string(version)),
            JSON.Member("instance", .string(instance)),
            JSON.Member(
                "checks",
                .object(
                    checks.map { check in
                        var members = [JSON.Member("status", .string(check.status.rawValue))]
                        if check.observed != .null { members.append(JSON.Member("observedValue", check.observed)) }
                        if let unit = check.unit { members.append(JSON.Member("observedUnit", .string(unit))) }
                        if let output = check.output { members.append(JSON.Member("output", .string(output))) }
                        members.append(JSON.Member("time", .string(time.iso8601)))
                        return JSON.Member(check.name, .array([.object(members)]))
                    })),
        ])
    }
}
