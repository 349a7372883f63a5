/// The subject and the two parts of an e-mail to a client. Values are cleaned, not yet escaped.
///
/// The parts end their lines with `\n`; the sender turns that into CRLF and encodes the parts, since a line of them
/// can be longer than SMTP's 998 bytes. The subject is one line; `MailHeader.encoded` makes it fit for the wire.
public struct EmailText: Sendable {
    public let subject: String
    let heading: String
    let summary: String
    let greeting: String
    let opening: String
    let lines: [MessageFacts.Line]
    let closing: String
    let button: Button?
    let site: String
    let siteURL: String

    /// A link with a label of its own, and the sentence before it where it needs one.
    struct Button: Sendable {
        let sentence: String?
        let label: String
        let url: String
    }

    /// Throws where the template is no e-mail, or a required key is missing.
    public init(_ template: Template, _ payload: MessagePayload, _ setting: MessageSetting) throws(MessageError) {
        guard template.isEmail else { throw .notAnEmail }
        let facts = try MessageFacts(template, payload, setting)
        let wording = try template.wording(facts)
        let time = try facts.civilTime
        let date = "\(PortugueseDate.short(time)) – \(PortugueseDate.time(time))"
        subject = "\(template.traits.label): \(date) · \(facts.professional)"
        heading = template.traits.label
        summary = "\(PortugueseDate.long(time)), \(PortugueseDate.time(time))"
        greeting = facts.greeting
        opening = wording.opening ?? ""
        lines = [MessageFacts.Line(label: "Profissional", value: facts.professional)] + (try facts.lines)
        closing = wording.closing ?? ""
        if let url = wording.link {
            button = Button(sentence: nil, label: "Ver horários disponíveis", url: url)
        } else if facts.isInvited, let url = facts.invitation.link {
            button = Button(sentence: facts.invitation.closing, label: "Criar minha conta", url: url)
        } else {
            button = nil
        }
        site = facts.site
        siteURL = facts.link("")
    }

    /// The plain part.
    public var text: String {
        var paragraphs = [
            greeting, opening, lines.map { "\($0.label): \($0.value)" }.joined(separator: "\n"), closing,
        ]
        if let button {
            if let sentence = button.sentence { paragraphs.append(sentence) }
            paragraphs.append(button.url)
        }
        paragraphs.append("\(MessageSetting.brand) · \(MessageSetting.tagline)\n\(siteURL)")
        return paragraphs.joined(separator: "\n\n") + "\n"
    }
}
