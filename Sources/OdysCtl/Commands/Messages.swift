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
            throw Failure(usage: "--to: give a phone, an e-mail address or an id")
        }
        let wanted = state.map { OutboxState(rawValue: $0) }
        if let state, wanted == .some(nil) { throw Failure(usage: "--state: '\(state)' is not one") }
        if let since, since < 1 { throw Failure(usage: "--since: give a number of hours") }
        let store = try Outbox.store()
        let reader = reveal ? Outbox.operatorName : nil
        let entries = try working { () throws(StoreError) in
            try store.messages(
                to: addressee, state: wanted ?? nil, withinHours: since, limit: max(1, limit), revealingTo: reader)
        }
        if output.json {
            print(JSON.array(entries.map { $0.json(reveal: reveal) }).text)
        } else {
            for entry in entries { show(entry) }
        }
        guard !entries.isEmpty else { throw Failure(problem: "there is no message to them") }
    }

    private func show(_ entry: OperatorStore.Entry) {
        let columns = [
            String(entry.id).padded(8), entry.createdAt.forPeople.padded(25), entry.template.padded(30),
            entry.channel.rawValue.padded(10), (reveal ? entry.recipient : entry.recipient.masked).padded(20),
            entry.fate,
        ]
        print(columns.joined())
        if let appointment = entry.appointmentID { print("".padded(8) + "appointment \(appointment)") }
    }
}

extension OperatorStore.Entry {
    /// What became of the message, in a few words.
    var fate: String {
        var words = [state.rawValue]
        if state == .sent, let seconds = secondsToSend { words.append("after \(seconds) s") }
        if attempts > 0 { words.append(attempts == 1 ? "1 attempt" : "\(attempts) attempts") }
        if state == .pending { words.append(isLeased ? "being sent" : "due \(availableAt.forPeople)") }
        if let providerID { words.append("provider \(providerID)") }
        if let lastError { words.append(lastError) }
        return words.joined(separator: ", ")
    }

    /// Seconds from the event until the provider had the message, with three digits; nil where it has not.
    var secondsToSend: String? {
        guard state == .sent, let finishedAt else { return nil }
        let milliseconds = (finishedAt.microseconds - createdAt.microseconds) / 1_000
        let fraction = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: max(0, 3 - fraction.count)) + fraction
    }
}

extension Instant {
    /// UTC, to the millisecond.
    var forPeople: String { String(sql.dropLast(3)) }
}
