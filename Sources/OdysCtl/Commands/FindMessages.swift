internal import ArgumentParser
internal import OdysCore
internal import OdysStore

struct Messages: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what was sent, or was to be sent, to somebody; the newest first.",
        discussion: """
            --to takes a phone in any form, an e-mail address, or the id of a client, professional, user, appointment \
            or message. Phones and addresses are compared with those that the messages were addressed to; by an id, \
            messages are found whose recipient was changed or removed, too.
            """)

    @Option(help: "A phone, an e-mail address or an id.") var to: String
    @Option(help: "pending, sent, dead, skipped, expired or superseded.") var state: String?
    @Option(help: "Only messages of the last so many hours.") var since: Int?
    @Option(help: "At most so many messages.") var limit = 50
    @Flag(help: "Show recipients and payloads in full; this is recorded.") var reveal = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        guard let addressee = Addressee(typed: to) else {
            throw Failure.usage("--to: give a phone, an e-mail address or an id")
        }
        let state = try optionValue(state, "--state", OutboxState.init(rawValue:))
        if let since, since < 1 { throw Failure.usage("--since: give a number of hours") }
        let entries = try OutboxAdmin(.current()).messages(
            to: addressee, state: state, withinHours: since, limit: max(1, limit),
            revealingTo: reveal ? operatorName : nil)
        output.show(.array(entries.map { $0.json(reveal: reveal) }), orLines: entries.flatMap(lines))
        guard !entries.isEmpty else { throw Failure.problem("there is no message to them") }
    }

    private func lines(_ entry: OutboxEntry) -> [String] {
        let line = row(
            8, 25, 30, 10, 20,
            cells: "\(entry.id)", entry.createdAt.displayText, entry.template, entry.channel.rawValue,
            entry.recipient(reveal: reveal), entry.summary)
        return [line] + (entry.appointmentID.map { ["".padded(8) + "appointment \($0)"] } ?? [])
    }
}
