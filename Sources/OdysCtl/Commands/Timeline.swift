internal import ArgumentParser
internal import OdysCore
internal import OdysStore

struct TimelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline",
        abstract: "Tells an appointment's story: who did what and when, and what became of each message.",
        discussion: "Names, phones and addresses are not shown; 'odysctl messages --reveal' shows them.")

    @Argument(help: "The id of an appointment.") var id: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        guard let id = AppointmentID(id) else { throw Failure.usage("'\(id)' is not the id of an appointment") }
        guard let timeline = try Timeline.read(id, .current()) else {
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
            "events": .array(
                events.map { event in
                    guard case .object(let members) = event.json(for: .professional) else { return .null }
                    return .object(members + [.init("actorUserId", .string(event.actorID.text))])
                }),
            "messages": .array(
                messages.map { message in
                    [
                        "id": .integer(message.id), "uid": .string(message.uid),
                        "version": message.version.map(JSON.integer) ?? .null,
                        "to": JSON(message.role), "channel": JSON(message.channel),
                        "template": .string(message.template), "state": JSON(message.state),
                        "attempts": .integer(message.attempts), "createdAt": JSON(message.createdAt),
                        "finishedAt": JSON(message.finishedAt),
                        "secondsToSend": message.secondsToSend.flatMap(Double.init).map(JSON.number) ?? .null,
                        "providerId": JSON(message.providerID), "error": JSON(message.lastError),
                    ]
                }),
            "operatorActions": .array(
                operatorActions.map { action in
                    [
                        "operator": .string(action.operatorName), "action": .string(action.action),
                        "messageId": .integer(action.messageID), "detail": JSON(action.detail),
                        "at": JSON(action.at),
                    ]
                }),
        ]
    }

    /// What happened, in order, and under each event the messages that it made.
    fileprivate var lines: [String] {
        var chapters: [(at: Instant, lines: [String])] = [(createdAt, ["created"])]
        for event in events {
            let made = messages.filter { $0.version == event.version }
            chapters.append((event.at, [event.line] + made.map(\.line)))
        }
        let versions = Set(events.map(\.version))
        for message in messages where message.version.map({ !versions.contains($0) }) ?? true {
            chapters.append((message.createdAt, ["a message that no action here made", message.line]))
        }
        for action in operatorActions { chapters.append((action.at, [action.line])) }

        let head = [
            "appointment \(id)",
            "  \(status.rawValue), payment \(paymentStatus.rawValue), version \(version)",
            "  from \(startsAt.displayText.prefix(16)) to \(endsAt.displayText.prefix(16)) UTC",
        ]
        return head
            + chapters.sorted { $0.at < $1.at }.flatMap { chapter in
                ["", chapter.at.displayText.padded(25) + (chapter.lines.first ?? "")] + chapter.lines.dropFirst()
            }
    }
}

extension HistoryEvent {
    fileprivate var line: String {
        var line = "\(action.rawValue) by the \(actor.rawValue) (\(actorID.text)), version \(version): "
        line += fromStatus == toStatus ? toStatus.rawValue : "\(fromStatus.rawValue) → \(toStatus.rawValue)"
        line += ", payment "
        line += fromPayment == toPayment ? toPayment.rawValue : "\(fromPayment.rawValue) → \(toPayment.rawValue)"
        return line + (reason.map { ", because: \($0)" } ?? "")
    }
}

extension OutboxEntry {
    fileprivate var line: String {
        "    "
            + row(
                8, 10, 21, 30, cells: "\(id)", channel.rawValue, "to the \(role.rawValue)", template, summary)
    }
}

extension OperatorAction {
    fileprivate var line: String {
        "\(action) of message \(messageID) by the operator \(operatorName)" + (detail.map { ": \($0)" } ?? "")
    }
}
