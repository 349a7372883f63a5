internal import ArgumentParser
internal import OdysCore
internal import OdysStore

struct TimelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline",
        abstract: "Tells an appointment's story: who did what and when, and what became of each message.",
        discussion: "Names, phones and addresses are not shown; 'odysctl messages --reveal' shows them.")

    @Argument(help: "The id of an appointment.") var id: String
    @Option(help: "Only what is older than this version. Of each list the newest \(Limits.historyRowsMax) are shown.")
    var before: Int?
    @OptionGroup var output: OutputOptions

    func run() throws {
        guard let id = AppointmentID(id) else { throw Failure.usage("'\(id)' is not the id of an appointment") }
        guard let timeline = try Timeline.read(id, before: before, .current()) else {
            throw Failure.problem("there is no appointment \(id)")
        }
        output.show(timeline.json, orLines: timeline.lines)
    }
}

extension Timeline {
    fileprivate var json: JSON {
        [
            "appointment": [
                "id": .string(id.description), "status": JSON(status), "paymentStatus": JSON(paymentStatus),
                "version": .integer(version), "startsAt": .string(startsAt.iso8601), "endsAt": .string(endsAt.iso8601),
                "createdAt": JSON(createdAt),
            ],
            "events": JSON(events) { $0.json(for: .professional).with(["actorUserId": .string($0.actorID.text)]) },
            "messages": JSON(messages, each: \.timelineJSON),
            "operatorActions": JSON(operatorActions) { action in
                [
                    "operator": .string(action.operatorName), "action": .string(action.action),
                    "messageId": .integer(action.messageID), "detail": JSON(action.detail), "at": JSON(action.at),
                ]
            },
            "more": .bool(hasMore),
        ]
    }

    /// What happened, in order, and under each event the messages that it made.
    fileprivate var lines: [String] {
        var chapters: [(at: Instant, lines: [String])] = [(createdAt, ["created"])]
        chapters += events.map { event in
            (event.at, [event.line] + messages.filter { $0.version == event.version }.map(\.line))
        }
        let versions = Set(events.map(\.version))
        for message in messages where message.version.map({ !versions.contains($0) }) ?? true {
            chapters.append((message.createdAt, ["a message that no action here made", message.line]))
        }
        chapters += operatorActions.map { ($0.at, [$0.line]) }
        let head = [
            "appointment \(id)", "  \(status.rawValue), payment \(paymentStatus.rawValue), version \(version)",
            "  from \(startsAt.displayText.prefix(16)) to \(endsAt.displayText.prefix(16)) UTC",
        ]
        let left = hasMore ? ["", "there is more, before this; --before VERSION shows it"] : []
        return head + left
            + chapters.sorted { $0.at < $1.at }.flatMap { chapter in
                ["", chapter.at.displayText.padded(25) + (chapter.lines.first ?? "")] + chapter.lines.dropFirst()
            }
    }
}

extension HistoryEvent {
    fileprivate var line: String {
        func change(_ old: String, _ new: String) -> String { old == new ? new : "\(old) → \(new)" }
        return "\(action.rawValue) by the \(actor.rawValue) (\(actorID.text)), version \(version): "
            + change(fromStatus.rawValue, toStatus.rawValue)
            + ", payment " + change(fromPayment.rawValue, toPayment.rawValue)
            + (reason.map { ", because: \($0)" } ?? "")
    }
}

extension OutboxEntry {
    fileprivate var timelineJSON: JSON {
        [
            "id": .integer(id), "uid": .string(uid), "version": JSON(version), "to": JSON(role),
            "channel": JSON(channel), "template": .string(template), "state": JSON(state),
            "attempts": .integer(attempts), "createdAt": JSON(createdAt), "finishedAt": JSON(finishedAt),
            "secondsToSend": secondsToSend.flatMap(Double.init).map(JSON.number) ?? .null,
            "providerId": JSON(providerID), "error": JSON(lastError),
        ]
    }

    fileprivate var line: String {
        "    " + row(8, 10, 21, 30, cells: "\(id)", channel.rawValue, "to the \(role.rawValue)", template, summary)
    }
}

extension OperatorAction {
    fileprivate var line: String {
        "\(action) of message \(messageID) by the operator \(operatorName)" + (detail.map { ": \($0)" } ?? "")
    }
}
