internal import ArgumentParser
internal import OdysCore
internal import OdysStore

extension Outbox {
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
            if !filter.ids.isEmpty {
                for entry in try admin.list(filter) where entry.emptiedAt != nil {
                    printError("message \(entry.id) was emptied of its recipient and text; it cannot be sent again")
                }
            }
            let change = OutboxAdmin.Change.retry(expiringAfterHours: expireHours)
            try admin.carryOut(change, "retried", filter, apply: apply, output)
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
                [
                    "pending": .array(
                        pending.map { ["channel": JSON($0), "template": .string($1), "count": .integer($2)] })
                ],
                orLines: pending.map { row(10, 30, cells: $0.rawValue, $1, "\($2)") }
                    + ["\(pending.reduce(0) { $0 + $1.count }) would be expired; --apply does it"])
        }
    }
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
                .array(entries.map { $0.json(reveal: false) }),
                orLines: entries.map { $0.line(reveal: false) }
                    + ["\(entries.count) would be \(done); --apply does it"])
        }
        let changed = try apply(change, to: filter, by: operatorName)
        output.show(
            .object([.init(done, .array(changed.map { .integer($0.id) }))]), orLines: ["\(changed.count) \(done)"])
        let left = filter.ids.count - changed.count
        if left > 0 { throw Failure.problem("\(left) not \(done): unknown, or not in a state for it") }
    }
}
