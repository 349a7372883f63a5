internal import ArgumentParser
internal import OdysCore
internal import OdysHost

struct Message: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what messages look like.",
        subcommands: [Preview.self])

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
            let setting = try setting()
            do throws(MessageError) {
                if email || html {
                    show(try EmailText(template, payload, setting))
                } else {
                    let text = try template.whatsAppText(payload, setting)
                    output.show(["text": .string(text)], orLines: [text])
                }
            } catch {
                throw Failure.problem("\(error)")
            }
        }

        /// The installation's own address and zone where they are set, so that the preview shows real links.
        private func setting() throws(SettingsError) -> MessageSetting {
            let read = try MessagingSettings.preview(.process)
            try LocalTime.use(zone: read.timeZone)
            return MessageSetting(appURL: read.appURL ?? "https://odys.example", civilTime: LocalTime.civil)
        }

        private func show(_ email: EmailText) {
            output.show(
                ["subject": .string(email.subject), "text": .string(email.text), "html": .string(email.html)],
                orLines: [html ? email.html : "\(email.subject)\n\n\(email.text)"])
        }
    }
}
