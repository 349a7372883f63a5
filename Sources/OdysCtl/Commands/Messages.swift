internal import ArgumentParser
internal import OdysCore
internal import OdysHost
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
        output.show(JSON(entries) { $0.json(reveal: reveal) }, orLines: entries.flatMap(lines))
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

struct Message: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what messages look like.", subcommands: [Preview.self])

    struct Preview: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a message as its reader gets it, with the names given or with samples.",
            discussion: "Templates: " + Template.allCases.map(\.rawValue).joined(separator: ", ") + ".")
        @Argument(help: "The template, as in outbox.template.") var template: String
        @Flag(help: "The e-mail of this name, not the WhatsApp message.") var email = false
        @Flag(help: "With --email: the HTML part.") var html = false
        @Option var clientName = "Mariana Souza"
        @Option var professionalName = "Dra. Helena Prado"
        @Option(help: "ISO 8601, UTC.") var startsAt = "2026-12-01T17:00:00Z"
        @Option var slug = "helena-prado"
        @Option var reason: String?
        @Option(help: "The beginning of a chat message.") var preview = "Oi! Posso chegar dez minutos depois?"
        @Flag(help: "With the invitation to register.") var invite = false
        @OptionGroup var output: OutputOptions

        func run() throws {
            guard let template = Template(rawValue: template) else {
                throw Failure.usage("there is no template '\(template)'; --help lists them")
            }
            guard let instant = Instant(text: startsAt) else {
                throw Failure.usage("--starts-at must look like 2026-12-01T17:00:00Z")
            }
            let payload = MessagePayload(
                clientName: clientName, professionalName: professionalName, startsAt: instant, slug: slug,
                reason: reason, invite: invite, preview: preview)
            // The installation's own address and zone where they are set: the preview shows real links.
            let read = try MessagingSettings.preview(.process)
            try LocalTime.use(zone: read.timeZone)
            let setting = MessageSetting(appURL: read.appURL ?? "https://odys.example", civilTime: LocalTime.civil)
            do throws(MessageError) {
                guard email || html else {
                    let text = try template.whatsAppText(payload, setting)
                    return output.show(["text": .string(text)], orText: text + "\n")
                }
                let mail = try EmailText(template, payload, setting)
                output.show(
                    ["subject": .string(mail.subject), "text": .string(mail.text), "html": .string(mail.html)],
                    orText: (html ? mail.html : "\(mail.subject)\n\n\(mail.text)") + "\n")
            } catch { throw Failure.problem("\(error)") }
        }
    }
}
