internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// The status page, after php-fpm's: what the process and each of its threads are doing.
struct StatusPage {
    let json: JSON

    init(_ management: ManagementEndpoint, isFull: Bool) {
        let database = management.database.state()
        let settings = management.settings
        let metrics = management.metrics
        let workers = management.workers
        let busy = workers.busy
        var members: [JSON.Member] = [
            JSON.Member("instance", .string(settings.instance)),
            JSON.Member("pid", .integer(Int(getpid()))),
            JSON.Member("version", .string(Product.version)),
            JSON.Member("startedAt", .string(management.startedAt.iso8601)),
            JSON.Member("uptimeSeconds", .integer(Int(Clock.uptime - management.startedUptime))),
            JSON.Member("delivery", .string(settings.delivery.rawValue)),
            JSON.Member("ready", .string(management.health(database).status.rawValue)),
            JSON.Member(
                "threads",
                [
                    "total": .integer(workers.threads.count), "busy": .integer(busy),
                    "idle": .integer(workers.threads.count - busy),
                ]),
            JSON.Member("accepted", .integer(metrics.connections.count)),
            JSON.Member("slow", .integer(metrics.slowRequests.count)),
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
            "channel": .string(queue.channel.rawValue), "senders": .integer(queue.senders),
            "busy": .integer(queue.threads.busy), "breaker": .string(queue.phase.rawValue),
        ]
    }

    /// Null while the database does not answer.
    private static func outbox(_ database: DatabaseState) -> JSON {
        guard case .answering(let look) = database else { return .null }
        return .object(
            look.outbox.map { outbox in
                JSON.Member(
                    outbox.channel.rawValue,
                    [
                        "pending": .integer(outbox.pending), "dead": .integer(outbox.dead),
                        "oldestDueSeconds": outbox.oldestDueSeconds.map { .integer(Int($0)) } ?? .null,
                    ])
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
        var lines: [(String, String)] = []
        Self.lines(json, "", &lines)
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { "\($0.0):\(String(repeating: " ", count: width - $0.0.count + 2))\($0.1)\n" }.joined()
    }

    private static func lines(_ value: JSON, _ path: String, _ out: inout [(String, String)]) {
        switch value {
        case .object(let members):
            for member in members { lines(member.value, path.isEmpty ? member.name : "\(path) \(member.name)", &out) }
        case .array(let elements):
            for element in elements {
                guard case .object(let members) = element, let name = members.first?.value.string else { continue }
                let rest = members.dropFirst().map { "\($0.name) \(plain($0.value))" }.joined(separator: ", ")
                out.append(("\(path) \(name)", rest))
            }
        case .null, .bool, .integer, .number, .string: out.append((path, plain(value)))
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
