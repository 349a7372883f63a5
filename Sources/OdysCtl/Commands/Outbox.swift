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
            output.show(
                .array(entries.map { $0.json(reveal: reveal) }), orLines: entries.map { $0.line(reveal: reveal) })
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
                    "messages": .array(
                        counts.map { ["channel": JSON($0), "state": JSON($1), "count": .integer($2)] }),
                    "oldestDueSeconds": .object(oldest.map { .init($0.rawValue, .number($1)) }),
                ],
                orLines: counts.map { row(10, 12, cells: $0.rawValue, $1.rawValue, "\($2)") }
                    + oldest.map { "\($0.rawValue): the oldest due waits \(Int($1)) s" })
        }
    }
}

/// Reads the value of an option; nil where it is not given.
func optionValue<Value>(_ text: String?, _ option: String, _ read: (String) -> Value?) throws(Failure) -> Value? {
    guard let text else { return nil }
    guard let value = read(text) else { throw .usage("\(option): '\(text)' is not one") }
    return value
}
