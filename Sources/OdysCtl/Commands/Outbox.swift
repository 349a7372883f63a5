internal import ArgumentParser
internal import OdysCore
internal import OdysStore

struct Outbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and changes the queue of messages.",
        subcommands: [List.self, Show.self, Retry.self, Discard.self, Expire.self, Stats.self])

    struct Filters: ParsableArguments {
        @Argument(help: "Ids of messages.") var ids: [Int] = []
        @Option(help: "pending, sent, dead, skipped, expired or superseded.") var state: String?
        @Option(help: "whatsapp or email.") var channel: String?
        @Option(help: "As in outbox.template.") var template: String?
        @Option(help: "The id of an appointment.") var appointment: String?
        @Option(name: [.long, .customLong("hours")], help: "Only messages of the last so many hours.") var since: Int?
        @Option(help: "At most so many messages.") var limit = 50

        func filter() throws -> OutboxAdmin.Filter {
            var filter = OutboxAdmin.Filter()
            filter.ids = ids
            filter.template = template
            filter.withinHours = since
            filter.limit = max(1, limit)
            filter.state = try optionValue(state, "--state", OutboxState.init(rawValue:))
            filter.channel = try optionValue(channel, "--channel", Channel.init(rawValue:))
            filter.appointmentID = try optionValue(appointment, "--appointment") { AppointmentID($0) }
            return filter
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists messages, the newest first.")
        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Flag(help: "Show recipients in full; this is recorded.") var reveal = false

        func run() throws {
            let filter = try filters.filter()
            let entries = try OutboxAdmin(.current()).list(filter, revealingTo: reveal ? operatorName : nil)
            output.show(JSON(entries) { $0.json(reveal: reveal) }, orLines: entries.map { $0.line(reveal: reveal) })
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows everything about messages.")
        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Flag(help: "Show recipients and payloads in full; this is recorded.") var reveal = false

        func run() throws {
            let filter = try filters.filter()
            let entries = try OutboxAdmin(.current()).list(filter, revealingTo: reveal ? operatorName : nil)
            guard !entries.isEmpty else { throw Failure.problem("there is no such message") }
            let values = entries.map { $0.json(reveal: reveal) }
            output.show(.array(values), orLines: values.flatMap(Self.lines))
            let unknown = filters.ids.filter { id in !entries.contains { $0.id == id } }
            if !unknown.isEmpty {
                throw Failure.problem("there is no message " + unknown.map(String.init).joined(separator: ", "))
            }
        }

        private static func lines(_ entry: JSON) -> [String] {
            guard case .object(let members) = entry else { return [] }
            return members.map { "\($0.name): \($0.value.string ?? $0.value.text)" } + [""]
        }
    }

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Counts messages by channel and state.")
        @OptionGroup var output: OutputOptions

        func run() throws {
            let (counts, oldest) = try OutboxAdmin(.current()).stats()
            output.show(
                [
                    "messages": JSON(counts) { ["channel": JSON($0), "state": JSON($1), "count": .integer($2)] },
                    "oldestDueSeconds": .object(oldest.map { .init($0.rawValue, .number($1)) }),
                ],
                orLines: counts.map { row(10, 12, cells: $0.rawValue, $1.rawValue, "\($2)") }
                    + oldest.map { "\($0.rawValue): the oldest due waits \(Int($1)) s" })
        }
    }

    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes dead, skipped, expired or superseded messages due again.",
            discussion: "Without ids it only shows what it would do; --apply does it. The message keeps its identity.")
        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Option(help: "Hours until they expire again.") var expireHours = 24
        @Flag(help: "Do it, for messages that are not named one by one.") var apply = false

        func run() throws {
            let filter = try filters.filter()
            let admin = try OutboxAdmin(.current())
            let named = filter.ids.isEmpty ? [] : try admin.list(filter)
            for entry in named where entry.emptiedAt != nil {
                printError("message \(entry.id) was emptied of its recipient and text; it cannot be sent again")
            }
            try admin.carryOut(.retry(expiringAfterHours: expireHours), "retried", filter, apply: apply, output)
        }
    }

    struct Discard: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives pending messages up.",
            discussion: "Without ids it only shows what it would do; --apply does it. Messages being sent stay.")
        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Option(help: "Why; kept with the record of what was done.") var reason: String
        @Flag(help: "Do it, for messages that are not named one by one.") var apply = false

        func run() throws {
            let filter = try filters.filter()
            try OutboxAdmin(.current()).carryOut(.discard(reason: reason), "discarded", filter, apply: apply, output)
        }
    }

    struct Expire: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives up all pending messages made before a time; for a restored database.",
            discussion: """
                It only shows how many; --apply does it. Run it before the responders start: what was pending when the \
                backup was made may have been sent since. `outbox retry` sends single ones after all.
                """)
        @Option(help: "A time in UTC such as 2026-12-01T17:00:00Z, or now.") var before: String
        @OptionGroup var output: OutputOptions
        @Flag(help: "Do it.") var apply = false

        func run() throws {
            let given = Instant(text: before)
            guard given != nil || before == "now" else {
                throw Failure.usage("--before: '\(before)' is no time such as 2026-12-01T17:00:00Z")
            }
            let expiry = try OutboxAdmin(.current(limits: .migration))
            let time = try given ?? expiry.now()
            guard !apply else {
                let count = try expiry.expire(before: time, by: operatorName)
                return output.show(["expired": .integer(count)], orLines: ["\(count) expired"])
            }
            let pending = try expiry.pending(before: time)
            output.show(
                ["pending": JSON(pending) { ["channel": JSON($0), "template": .string($1), "count": .integer($2)] }],
                orLines: pending.map { row(10, 30, cells: $0.rawValue, $1, "\($2)") }
                    + ["\(pending.reduce(0) { $0 + $1.count }) would be expired; --apply does it"])
        }
    }
}

/// Reads the value of an option; nil where it is not given.
func optionValue<Value>(_ text: String?, _ option: String, _ read: (String) -> Value?) throws(Failure) -> Value? {
    guard let text else { return nil }
    guard let value = read(text) else { throw .usage("\(option): '\(text)' is not one") }
    return value
}

extension OutboxAdmin {
    /// Makes a change to messages that are named by ids, or with `apply`; else shows the messages that it would change.
    ///
    /// - Parameter done: the change in one word, such as "retried".
    fileprivate func carryOut(
        _ change: Change, _ done: String, _ filter: Filter, apply isConfirmed: Bool, _ output: OutputOptions
    ) throws {
        guard isConfirmed || !filter.ids.isEmpty else {
            let entries = try selection(for: change, filter)
            return output.show(
                JSON(entries) { $0.json(reveal: false) },
                orLines: entries.map { $0.line(reveal: false) }
                    + ["\(entries.count) would be \(done); --apply does it"])
        }
        let changed = try apply(change, to: filter, by: operatorName)
        output.show(.object([.init(done, JSON(changed) { .integer($0.id) })]), orLines: ["\(changed.count) \(done)"])
        let left = filter.ids.count - changed.count
        if left > 0 { throw Failure.problem("\(left) not \(done): unknown, or not in a state for it") }
    }
}
