internal import OdysCore
internal import OdysStore

// The rules of readiness, in one place. A provider that is away makes no process unready: requests are answered, and
// their messages wait in the outbox.

extension HealthReport {
    init(_ facts: HealthFacts) {
        var checks = [Self.draining(facts)] + Self.database(facts) + [Self.writes(facts)]
        checks += facts.channels.map(Self.breaker)
        checks += facts.loops.map(Self.progress)
        checks.append(Self.settings(facts))
        self.init(checks: checks)
    }

    private static func draining(_ facts: HealthFacts) -> Check {
        Check(
            "process:draining", facts.isDraining ? .fail : .pass, observed: .bool(facts.isDraining),
            output: "it was told to stop and finishes what it took")
    }

    private static func database(_ facts: HealthFacts) -> [Check] {
        switch facts.database {
        case .timedOut:
            return [Check("database:reachable", .fail, output: "MariaDB takes the question and does not answer")]
        case .failing(let error):
            return [Check("database:reachable", .fail, output: "\(error)")]
        case .answering(let look):
            return [Check("database:reachable", .pass), schema(look, facts.requiredSchemaVersion), durability(look)]
                + look.outbox.map(oldestDue)
        }
    }

    private static func schema(_ look: DatabaseSnapshot, _ required: Int) -> Check {
        let name = "database:schemaVersion"
        let observed = JSON.integer(look.schemaVersion)
        if look.schemaVersion < required {
            return Check(
                name, .fail, observed: observed,
                output: "this program needs version \(required); run 'odysctl migrate up'")
        }
        return Check(
            name, look.schemaVersion > required ? .warn : .pass, observed: observed,
            output: "the schema is newer than this program, which knows version \(required); upgrade it")
    }

    private static func durability(_ look: DatabaseSnapshot) -> Check {
        Check(
            "database:durability", look.durabilityProblems.isEmpty ? .pass : .warn,
            output: look.durabilityProblems.joined(separator: "; "))
    }

    private static func oldestDue(_ outbox: DatabaseSnapshot.Outbox) -> Check {
        let seconds = outbox.oldestDueSeconds ?? 0
        return Check(
            "\(outbox.channel.rawValue):oldestDueSeconds", seconds > Limits.oldestDueSecondsMax ? .warn : .pass,
            observed: .integer(Int(seconds)), unit: "s",
            output: "messages wait for longer than \(Int(Limits.oldestDueSecondsMax)) s: see 'odysctl outbox list'")
    }

    private static func writes(_ facts: HealthFacts) -> Check {
        let name = "database:writes"
        guard let failure = facts.writeFailure else { return Check(name, .pass) }
        let observed = JSON.string(failure.rawValue)
        switch failure {
        case .refusing:
            return Check(
                name, .fail, observed: observed,
                output: "MariaDB refuses to write: check disk space, read-only mode and grants")
        case .timeout, .deadlock, .connectionLost, .schema, .unexpected:
            return Check(name, .warn, observed: observed, output: "the last change could not be written; see the log")
        }
    }

    private static func breaker(_ state: HealthFacts.ChannelState) -> Check {
        let why = state.pausedBy.map { ", the last time because of: \($0.rawValue)" } ?? ""
        return Check(
            "\(state.channel.rawValue):breaker", state.phase == .closed ? .pass : .warn,
            observed: .string(state.phase.rawValue), output: "the channel is paused, or recovers\(why)")
    }

    private static func progress(_ loops: LoopGroup) -> Check {
        Check(
            "\(loops.name):progress", loops.isStuck ? .fail : .pass, observed: .integer(Int(loops.silence)), unit: "s",
            output: "none of its threads has got on for longer than \(Int(loops.allowedSeconds)) s")
    }

    private static func settings(_ facts: HealthFacts) -> Check {
        Check(
            "settings:unknown", facts.unknownSettings.isEmpty ? .pass : .warn,
            observed: .integer(facts.unknownSettings.count),
            output: "there is no such setting: \(facts.unknownSettings.joined(separator: ", "))")
    }
}
