internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// The status page, after php-fpm's: what the process and each of its threads are doing.
struct StatusPage {
    let json: JSON

    init(_ management: ManagementEndpoint, isFull: Bool) {
        let database = management.database.state()
        let workers = management.workers
        let busy = workers.busy
        let idle = workers.threads.count - busy
        var members: [JSON.Member] = [
            JSON.Member("instance", .string(management.settings.instance)), JSON.Member("pid", .integer(Int(getpid()))),
            JSON.Member("version", .string(Product.version)),
            JSON.Member("startedAt", .string(management.startedAt.iso8601)),
            JSON.Member("uptimeSeconds", .integer(Int(Clock.uptime - management.startedUptime))),
            JSON.Member("delivery", JSON(management.settings.delivery)),
            JSON.Member("ready", JSON(management.health(database).status)),
            JSON.Member(
                "threads", ["total": .integer(workers.threads.count), "busy": .integer(busy), "idle": .integer(idle)]),
            JSON.Member("accepted", .integer(management.metrics.connections.count)),
            JSON.Member("slow", .integer(management.metrics.slowRequests.count)),
            JSON.Member("queue", management.queueLength.map(JSON.integer) ?? .null),
            JSON.Member("channels", .array(management.queues.map(Self.channel))),
            JSON.Member("outbox", Self.outbox(database)),
        ]
        if isFull {
            let threads = workers.threads + management.queues.flatMap(\.threads.threads)
            members.append(JSON.Member("perThread", .array(threads.map(Self.thread))))
        }
        json = .object(members)
    }

    private static func channel(_ queue: ChannelQueue) -> JSON {
        [
            "channel": JSON(queue.channel), "senders": .integer(queue.senders), "busy": .integer(queue.threads.busy),
            "breaker": JSON(queue.phase),
        ]
    }

    /// Null while the database does not answer.
    private static func outbox(_ database: DatabaseState) -> JSON {
        guard let snapshot = database.snapshot else { return .null }
        return .object(
            snapshot.outbox.map { outbox in
                let oldest = outbox.oldestDueSeconds.map { JSON.integer(Int($0)) } ?? .null
                return JSON.Member(
                    outbox.channel.rawValue,
                    ["pending": .integer(outbox.pending), "dead": .integer(outbox.dead), "oldestDueSeconds": oldest])
            })
    }

    private static func thread(_ thread: ThreadStatus) -> JSON {
        let work = thread.current
        return [
            "thread": .string(thread.name), "id": .integer(work.threadID), "state": work.isBusy ? "busy" : "idle",
            "sinceSeconds": .integer(Int(Clock.uptime - work.since)), "done": .integer(work.done),
            "last": .string(work.operation),
        ]
    }

    /// The same for a person: one line for each fact, with the path to it in front.
    var text: String {
        let lines = Self.lines(json, "")
        let width = lines.map(\.path.count).max() ?? 0
        return lines.map { "\($0):\(String(repeating: " ", count: width - $0.count + 2))\($1)\n" }.joined()
    }

    private static func lines(_ value: JSON, _ path: String) -> [(path: String, fact: String)] {
        switch value {
        case .object(let members):
            members.flatMap { lines($0.value, path.isEmpty ? $0.name : "\(path) \($0.name)") }
        case .array(let elements):
            elements.compactMap { element in
                guard case .object(let members) = element, let name = members.first?.value.string else { return nil }
                let rest = members.dropFirst().map { "\($0.name) \(plain($0.value))" }
                return ("\(path) \(name)", rest.joined(separator: ", "))
            }
        case .null, .bool, .integer, .number, .string: [(path, plain(value))]
        }
    }

    private static func plain(_ value: JSON) -> String {
        switch value {
        case .string(let text): text
        case .null: "-"
        case .bool, .integer, .number, .array, .object: value.text
        }
    }
}
