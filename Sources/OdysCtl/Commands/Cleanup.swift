internal import ArgumentParser
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct Cleanup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Empties and deletes finished messages past their time, and expired keys and reply contexts.",
        discussion: "Processes that deliver do the same by themselves, a little every minute.")

    @Option(help: "Days for which finished messages are kept.") var retentionDays: Int?
    @Option(help: "Days for which their recipients and payloads are kept.") var payloadDays: Int?
    @OptionGroup var output: OutputOptions

    func run() throws {
        let housekeeping = Housekeeping(try .current())
        let configured = try Retention(.process)
        let days = retentionDays ?? configured.messageDays
        let payloads = payloadDays ?? configured.payloadDays
        guard days >= 1, payloads >= 1 else { throw Failure.usage("a number of days must be at least 1") }
        var sum = Housekeeping.Result()
        while case let batch = try housekeeping.prune(retentionDays: days, payloadDays: payloads), batch.total > 0 {
            sum.messages += batch.messages
            sum.emptied += batch.emptied
            sum.keys += batch.keys
            sum.contexts += batch.contexts
        }
        output.show(
            [
                "messages": .integer(sum.messages), "emptied": .integer(sum.emptied), "keys": .integer(sum.keys),
                "contexts": .integer(sum.contexts),
            ],
            orLines: [
                "deleted \(sum.messages) messages, \(sum.keys) idempotency keys, \(sum.contexts) reply contexts",
                "emptied \(sum.emptied) messages",
            ])
    }
}
