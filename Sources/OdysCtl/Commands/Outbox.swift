internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct Outbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and mends the queue of messages.",
        subcommands: [List.self, Show.self, Retry.self, Discard.self, Expire.self, Stats.self])

    static func store(limits: SessionLimits = .request) throws -> OperatorStore {
        let settings = try reading { () throws(SettingsError) in
            try DatabaseSettings(.process)
        }
        return OperatorStore(Connection(settings, limits: limits))
    }

    /// The login name, for the record of what operators did.
    static var operatorName: String {
        getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid \(getuid())"
    }

    struct Filters: ParsableArguments {
        @Argument(help: "Ids of messages.") var ids: [Int] = []
        @Option(help: "pending, sent, dead, skipped, expired or superseded.") var state: String?
        @Option(help: "whatsapp or email.") var channel: String?
        @Option(help: "As in outbox.template.") var template: String?
        @Option(help: "The id of an appointment.") var appointment: String?
        @Option(help: "Only messages of the last so many hours.") var hours: Int?
        @Option(help: "At most so many messages.") var limit = 50

        func filter() throws -> OperatorStore.Filter {
            var filter = OperatorStore.Filter()
            filter.ids = ids
            filter.template = template
            filter.withinHours = hours
            filter.limit = max(1, limit)
            filter.state = try value(state, "--state", OutboxState.init(rawValue:))
            filter.channel = try value(channel, "--channel", Channel.init(rawValue:))
            filter.appointmentID = try value(appointment, "--appointment") { AppointmentID($0) }
            return filter
        }

        /// Whether the ids alone say which messages are meant.
        var namesMessages: Bool { !ids.isEmpty }

        private func value<Value>(_ text: String?, _ name: String, _ read: (String) -> Value?) throws -> Value? {
            guard let text else { return nil }
            guard let value = read(text) else { throw Failure(usage: "\(name): '\(text)' is not one") }
            return value
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists messages, the newest first.")

        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Flag(help: "Show recipients in full; this is recorded.") var reveal = false

        func run() throws {
            let filter = try filters.filter()
            let store = try Outbox.store()
            let reader = reveal ? Outbox.operatorName : nil
            let entries = try working { () throws(StoreError) in try store.list(filter, revealingTo: reader) }
            show(entries, json: output.json, reveal: reveal)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows everything about messages.")

        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Flag(help: "Show recipients and payloads in full; this is recorded.") var reveal = false

        func run() throws {
            let filter = try filters.filter()
            let store = try Outbox.store()
            let reader = reveal ? Outbox.operatorName : nil
            let entries = try working { () throws(StoreError) in try store.list(filter, revealingTo: reader) }
            guard !entries.isEmpty else { throw Failure(problem: "there is no such message") }
            if output.json {
                show(entries, json: true, reveal: reveal)
            } else {
                for entry in entries {
                    guard case .object(let members) = entry.json(reveal: reveal) else { continue }
                    for member in members { print("\(member.name): \(member.value.string ?? member.value.text)") }
                    print("")
                }
            }
            let unknown = filters.ids.filter { id in !entries.contains { $0.id == id } }
            if !unknown.isEmpty {
                throw Failure(problem: "there is no message " + unknown.map(String.init).joined(separator: ", "))
            }
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
            let store = try Outbox.store()
            guard filters.namesMessages || apply else { return try dryRun(store, filter, "retried", output.json) }
            let changed = try working { () throws(StoreError) in
                try store.retry(filter, by: Outbox.operatorName, hours: expireHours)
            }
            let emptied = try working { () throws(StoreError) in
                filters.namesMessages ? try store.list(filter).filter { $0.emptiedAt != nil } : []
            }
            for entry in emptied {
                complain("message \(entry.id) was emptied of its recipient and text; it cannot be sent again")
            }
            try report(changed, "retried", filters, output.json)
        }
    }

    struct Discard: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives pending messages up.",
            discussion: "Without ids it only shows what it would do; --apply does it. What a sender has in hand stays.")

        @OptionGroup var filters: Filters
        @OptionGroup var output: OutputOptions
        @Option(help: "Why; kept with the record of what was done.") var reason: String
        @Flag(help: "Do it, for messages that are not named one by one.") var apply = false

        func run() throws {
            let filter = try filters.filter()
            let store = try Outbox.store()
            guard filters.namesMessages || apply else { return try dryRun(store, filter, "discarded", output.json) }
            let changed = try working { () throws(StoreError) in
                try store.discard(filter, by: Outbox.operatorName, reason: reason)
            }
            try report(changed, "discarded", filters, output.json)
        }
    }

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Counts messages by channel and state.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            let store = try Outbox.store()
            let (counts, oldest) = try working { () throws(StoreError) in try store.stats() }
            if output.json {
                let rows = counts.map { channel, state, count -> JSON in
                    ["channel": .string(channel.rawValue), "state": .string(state.rawValue), "count": .integer(count)]
                }
                let due = oldest.map { JSON.Member($0.rawValue, .number($1)) }
                print(JSON.object([.init("messages", .array(rows)), .init("oldestDueSeconds", .object(due))]).text)
                return
            }
            for (channel, state, count) in counts {
                print("\(channel.rawValue.padded(10))\(state.rawValue.padded(12))\(count)")
            }
            for (channel, seconds) in oldest { print("\(channel.rawValue): the oldest due waits \(Int(seconds)) s") }
        }
    }
}

private func dryRun(_ store: OperatorStore, _ filter: OperatorStore.Filter, _ what: String, _ json: Bool) throws {
    let entries = try working { () throws(StoreError) in try store.list(filter) }
    show(entries, json: json, reveal: false)
    if !json { print("these would be looked at, and \(what) where their state allows it; --apply does it") }
}

private func report(
    _ changed: [OperatorStore.Entry], _ what: String, _ filters: Outbox.Filters, _ json: Bool
) throws {
    if json {
        print(JSON.object([.init(what, .array(changed.map { .integer($0.id) }))]).text)
    } else {
        print("\(changed.count) \(what)")
    }
    if filters.namesMessages, changed.count < filters.ids.count {
        throw Failure(problem: "\(filters.ids.count - changed.count) not \(what): unknown, or not in a state for it")
    }
}

private func show(_ entries: [OperatorStore.Entry], json: Bool, reveal: Bool) {
    if json {
        print(JSON.array(entries.map { $0.json(reveal: reveal) }).text)
        return
    }
    for entry in entries {
        let columns = [
            String(entry.id).padded(9), entry.state.rawValue.padded(12), entry.channel.rawValue.padded(10),
            entry.role.rawValue.padded(14), entry.template.padded(30), String(entry.attempts).padded(4),
            (reveal ? entry.recipient : entry.recipient.masked).padded(22), entry.lastError ?? "",
        ]
        print(columns.joined())
    }
}

extension OperatorStore.Entry {
    func json(reveal: Bool) -> JSON {
        [
            "id": .integer(id), "uid": .string(uid), "appointmentId": JSON(appointmentID),
            "version": version.map(JSON.integer) ?? .null, "channel": .string(channel.rawValue),
            "to": .string(role.rawValue), "recipient": .string(reveal ? recipient : recipient.masked),
            "template": .string(template), "state": .string(state.rawValue), "attempts": .integer(attempts),
            "createdAt": .string(createdAt.iso8601Microseconds),
            "availableAt": .string(availableAt.iso8601Microseconds),
            "expiresAt": .string(expiresAt.iso8601Microseconds),
            "finishedAt": JSON(finishedAt?.iso8601Microseconds), "providerId": JSON(providerID),
            "error": JSON(lastError), "emptiedAt": JSON(emptiedAt?.iso8601Microseconds), "leased": .bool(isLeased),
            "payload": reveal ? .string(payload) : .null,
        ]
    }
}

extension String {
    /// A phone or an address of which only so much is left that one can tell two apart.
    var masked: String {
        if let at = firstIndex(of: "@") { return String(prefix(1)) + "•••" + String(self[at...]) }
        return count > 4 ? "•••••" + String(suffix(4)) : "•••••"
    }
}
