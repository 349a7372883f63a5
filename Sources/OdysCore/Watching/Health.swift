/// What a look at the database saw.
public struct DatabaseLook: Sendable, Equatable {
    /// One channel's unfinished business.
    public struct Outbox: Sendable, Equatable {
        public let channel: Channel
        public let pending: Int
        public let dead: Int
        /// Age of the oldest message that is due and that nobody has in hand; nil where none is.
        public let oldestDueSeconds: Double?

        public init(channel: Channel, pending: Int, dead: Int, oldestDueSeconds: Double?) {
            self.channel = channel
            self.pending = pending
            self.dead = dead
            self.oldestDueSeconds = oldestDueSeconds
        }
    }

    public let schemaVersion: Int
    /// What is wrong with the server's settings, in words for the operator.
    public let durabilityProblems: [String]
    /// Empty where the schema is too old to be asked.
    public let outbox: [Outbox]

    public init(schemaVersion: Int, durabilityProblems: [String], outbox: [Outbox]) {
        self.schemaVersion = schemaVersion
        self.durabilityProblems = durabilityProblems
        self.outbox = outbox
    }
}

/// How the database stands.
public enum DatabaseState: Sendable, Equatable {
    case answering(DatabaseLook)
    case failing(StoreError)
    /// It took the question and does not answer.
    case silent
}

/// What is known of a process, for `HealthReport`.
public struct HealthFacts: Sendable {
    /// A channel that this process delivers for.
    public struct ChannelState: Sendable {
        public let channel: Channel
        public let phase: Breaker.Phase
        /// Why it was paused, as a class such as `misconfigured`; nil where it never was.
        public let pausedBy: DeliveryOutcome.Class?

        public init(channel: Channel, phase: Breaker.Phase, pausedBy: DeliveryOutcome.Class?) {
            self.channel = channel
            self.phase = phase
            self.pausedBy = pausedBy
        }
    }

    public var database: DatabaseState
    public var requiredSchemaVersion: Int
    /// What the last write that the database refused met, if no write has succeeded since; reads do not notice a full
    /// disk or a read-only server.
    public var writeFailure: StoreError.Kind?
    public var channels: [ChannelState]
    public var loops: [LoopGroup]
    public var isDraining: Bool
    public var unknownSettings: [String]

    public init(
        database: DatabaseState, requiredSchemaVersion: Int, writeFailure: StoreError.Kind? = nil,
        channels: [ChannelState] = [], loops: [LoopGroup] = [], isDraining: Bool = false, unknownSettings: [String] = []
    ) {
        self.database = database
        self.requiredSchemaVersion = requiredSchemaVersion
        self.writeFailure = writeFailure
        self.channels = channels
        self.loops = loops
        self.isDraining = isDraining
        self.unknownSettings = unknownSettings
    }
}

/// Whether a process can do its work: `fail` when it cannot answer requests, `warn` when somebody should look.
public struct HealthReport: Sendable, Equatable {
    public enum Status: String, Sendable, CaseIterable, Comparable {
        case pass, warn, fail

        private var rank: Int {
            switch self {
            case .pass: 0
            case .warn: 1
            case .fail: 2
            }
        }

        public static func < (left: Status, right: Status) -> Bool { left.rank < right.rank }
    }

    /// One line of the report, named `component:measurement`.
    public struct Check: Sendable, Equatable {
        public let name: String
        public let status: Status
        public let observed: JSON
        public let unit: String?
        /// What it means, in words for the operator; nil where it passes.
        public let output: String?

        init(_ name: String, _ status: Status, observed: JSON = .null, unit: String? = nil, output: String? = nil) {
            self.name = name
            self.status = status
            self.observed = observed
            self.unit = unit
            self.output = status == .pass ? nil : output
        }
    }

    public let checks: [Check]

    public var status: Status { checks.map(\.status).max() ?? .pass }

    /// The checks that do not pass.
    public var problems: [Check] { checks.filter { $0.status != .pass } }

    /// As `application/health+json` says it (draft-inadarei-api-health-check).
    public func json(version: String, instance: String, at time: Instant) -> JSON {
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
