internal import OdysCore
internal import OdysStore

// The rules of readiness, in one place. A provider that is away makes no process unready: requests are answered, and
// their messages wait in the outbox.

extension HealthReport {
    init(_ facts: HealthFacts) {
        let draining = Check(
            "process:draining", facts.isDraining ? .fail : .pass, observed: .bool(facts.isDraining),
            output: "it was told to stop and finishes what it took")
        let settings = Check(
            "settings:unknown", facts.unknownSettings.isEmpty ? .pass : .warn,
            observed: .integer(facts.unknownSettings.count),
            output: "there is no such setting: \(facts.unknownSettings.joined(separator: ", "))")
        var checks = [draining] + Self.database(facts) + [Self.writes(facts)]
        checks += facts.channels.map(Self.breaker)
        checks += facts.loops.map(Self.progress)
        self.init(checks: checks + [settings])
    }

    private static func database(_ facts: HealthFacts) -> [Check] {
        switch facts.database {
        case .timedOut:
            return [Check("database:reachable", .fail, output: "MariaDB takes the question and does not answer")]
        case .failing(let error): return [Check("database:reachable", .fail, output: "\(error); \(error.remedy)")]
        case .answering(let look):
            let durability = Check(
                "database:durability", look.durabilityProblems.isEmpty ? .pass : .warn,
                output: look.durabilityProblems.joined(separator: "; "))
            return [
                Check("database:reachable", .pass), schema(look.schemaVersion, facts.requiredSchemaVersion), durability,
            ] + look.outbox.map(oldestDue)
        }
    }

    private static func schema(_ version: Int, _ required: Int) -> Check {
        let name = "database:schemaVersion"
        guard version >= required else {
            return Check(
                name, .fail, observed: .integer(version),
                output: "this program needs version \(required); run 'odysctl migrate up'")
        }
        return Check(
            name, version > required ? .warn : .pass, observed: .integer(version),
            output: "the schema is newer than this program, which knows version \(required); upgrade it")
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
        if let obstacles = facts.database.snapshot?.obstacles, !obstacles.isEmpty {
            return Check(name, .fail, output: obstacles.joined(separator: "; "))
        }
        guard let failure = facts.writeFailure else { return Check(name, .pass) }
        return Check(
            name, failure.kind == .refusing ? .fail : .warn, observed: JSON(failure.kind),
            output: "the last change could not be written: \(failure); \(failure.remedy)")
    }

    private static func breaker(_ state: HealthFacts.ChannelState) -> Check {
        let why = state.pausedBy.map { ", the last time because of: \($0.rawValue)" } ?? ""
        return Check(
            "\(state.channel.rawValue):breaker", state.phase == .closed ? .pass : .warn, observed: JSON(state.phase),
            output: "the channel is paused, or recovers\(why)")
    }

    private static func progress(_ loops: LoopGroup) -> Check {
        Check(
            "\(loops.name):progress", loops.isStuck ? .fail : .pass, observed: .integer(Int(loops.silence)), unit: "s",
            output: "none of its threads has got on for longer than \(Int(loops.allowedSeconds)) s")
    }
}
