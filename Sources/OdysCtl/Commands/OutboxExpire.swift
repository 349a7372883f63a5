internal import ArgumentParser
internal import OdysCore
internal import OdysStore

extension Outbox {
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
                throw Failure(usage: "--before: '\(before)' is no time such as 2026-12-01T17:00:00Z")
            }
            // The limit on a request's statements is not meant for a table full of messages.
            let store = try Outbox.store(limits: .migration)
            let time = try working { () throws(StoreError) in
                if let given { given } else { try store.now() }
            }
            if apply {
                let count = try working { () throws(StoreError) in
                    try store.expire(before: time, by: Outbox.operatorName)
                }
                print(output.json ? JSON.object([.init("expired", .integer(count))]).text : "\(count) expired")
                return
            }
            let pending = try working { () throws(StoreError) in try store.pending(before: time) }
            if output.json {
                let rows = pending.map { group -> JSON in
                    [
                        "channel": .string(group.channel.rawValue), "template": .string(group.template),
                        "count": .integer(group.count),
                    ]
                }
                print(JSON.object([.init("pending", .array(rows))]).text)
                return
            }
            for group in pending {
                print("\(group.channel.rawValue.padded(10))\(group.template.padded(30))\(group.count)")
            }
            print("\(pending.reduce(0) { $0 + $1.count }) would be expired; --apply does it")
        }
    }
}
