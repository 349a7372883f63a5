internal import ArgumentParser
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct Cleanup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Empties and deletes finished messages past their time, and expired keys and reply contexts.",
        discussion: """
            Processes that deliver do the same by themselves, a little every minute. Only this command deletes old \
            records of what operators did; it does so as ODYS_DB_MIGRATE_USER.
            """)

    @Option(help: "Days for which finished messages are kept.") var retentionDays: Int?
    @Option(help: "Days for which their recipients and payloads are kept.") var payloadDays: Int?
    @Option(help: "Days for which records of what operators did are kept.") var auditDays: Int?
    @OptionGroup var output: OutputOptions

    func run() throws {
        let housekeeping = Housekeeping(try .current())
        let configured = try Retention(.process)
        let days = retentionDays ?? configured.messageDays
        let payloads = payloadDays ?? configured.payloadDays
        let audit = auditDays ?? configured.auditDays
        guard days >= 1, payloads >= 1, audit >= 1 else { throw Failure.usage("a number of days must be at least 1") }
        var sum = Housekeeping.Result()
        while case let batch = try housekeeping.prune(retentionDays: days, payloadDays: payloads), batch.total > 0 {
            sum.messages += batch.messages
            sum.emptied += batch.emptied
            sum.keys += batch.keys
            sum.contexts += batch.contexts
        }
        let (actions, problem) = try pruneActions(housekeeping, days: audit)
        output.show(
            [
                "messages": .integer(sum.messages), "emptied": .integer(sum.emptied), "keys": .integer(sum.keys),
                "contexts": .integer(sum.contexts), "actions": .integer(actions),
            ],
            orLines: [
                "deleted \(sum.messages) messages, \(sum.keys) idempotency keys, \(sum.contexts) reply contexts",
                "emptied \(sum.emptied) messages", "deleted \(actions) records of what operators did",
            ])
        if let problem { throw problem }
    }

    /// The other account is asked for only where there is something to delete.
    private func pruneActions(_ housekeeping: Housekeeping, days: Int) throws -> (count: Int, problem: StoreError?) {
        guard try housekeeping.hasOldActions(days: days) else { return (0, nil) }
        let owner = Housekeeping(try .current(migrating: true))
        var count = 0
        do throws(StoreError) {
            while case let batch = try owner.pruneActions(days: days), batch > 0 { count += batch }
            return (count, nil)
        } catch { return (count, error) }
    }
}
