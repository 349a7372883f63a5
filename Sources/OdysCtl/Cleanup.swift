internal import ArgumentParser
internal import OdysCore
internal import OdysDelivery
internal import OdysStore

struct Cleanup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes finished messages past their retention, and expired keys and reply contexts.",
        discussion: "Processes that deliver do the same by themselves, a little every minute.")

    @Option(help: "Days for which finished messages are kept.")
    var retentionDays: Int?
    @OptionGroup var output: OutputOptions

    func run() throws {
        let variables = Environment.variables
        let database = try reading { () throws(SettingsError) in
            try DatabaseSettings(environment: variables, migrating: false, readFile: Environment.readFile)
        }
        let configured = try reading { () throws(SettingsError) in
            try Settings.retentionDays(environment: variables, readFile: Environment.readFile)
        }
        let days = retentionDays ?? configured
        guard days >= 1 else { throw Failure(usage: "--retention-days must be at least 1") }
        let housekeeping = Housekeeping(Connection(database))
        var sum = Housekeeping.Result()
        while true {
            let batch = try working { () throws(StoreError) in try housekeeping.prune(retentionDays: days) }
            guard batch.total > 0 else { break }
            sum.messages += batch.messages
            sum.keys += batch.keys
            sum.contexts += batch.contexts
        }
        if output.json {
            let object: JSON = [
                "messages": .integer(sum.messages), "keys": .integer(sum.keys), "contexts": .integer(sum.contexts),
            ]
            print(object.text)
        } else {
            print("deleted \(sum.messages) messages, \(sum.keys) idempotency keys, \(sum.contexts) reply contexts")
        }
    }
}
