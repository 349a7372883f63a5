/// A payload made fit to be shown: typed values cleaned, times in the reader's zone, links built.
struct MessageFacts {
    private let traits: TemplateTraits
    private let payload: MessagePayload
    private let setting: MessageSetting

    /// Throws when a key is missing that the template requires.
    init(_ template: Template, _ payload: MessagePayload, _ setting: MessageSetting) throws(MessageError) {
        traits = template.traits
        for key in traits.required where !payload.has(key) { throw .missing(key.rawValue) }
        self.payload = payload
        self.setting = setting
    }

    /// One fact, as a line of its own shows it.
    struct Line: Sendable {
        let label: String
        let value: String
    }

    /// The facts that the template uses, in reading order. Clients find their name in the greeting.
    var lines: [Line] {
        get throws(MessageError) {
            let keys = traits.required + traits.optional
            var lines: [Line] = []
            if traits.audience == .professional { lines.append(Line(label: "Cliente", value: payload.shownClient)) }
            if keys.contains(.startsAt) {
                let time = try civilTime
                lines.append(Line(label: "Data", value: PortugueseDate.long(time)))
                lines.append(Line(label: "Horário", value: PortugueseDate.time(time)))
            }
            if keys.contains(.reason), let reason = payload.shownReason {
                lines.append(Line(label: "Motivo", value: reason))
            }
            if keys.contains(.preview), let preview = payload.shownPreview {
                lines.append(Line(label: "Mensagem", value: preview))
            }
            return lines
        }
    }

    var professional: String { payload.shownProfessional }
    var greeting: String { payload.clientName == nil ? "Olá!" : "Olá, \(payload.shownClient)!" }

    /// Whether the message also carries the invitation to register.
    var isInvited: Bool { payload.invite && traits.optional.contains(.invite) }

    var civilTime: CivilTime {
        get throws(MessageError) {
            guard let startsAt = payload.startsAt else { throw .missing(PayloadKey.startsAt.rawValue) }
            return setting.civilTime(startsAt)
        }
    }

    /// The professional's public page.
    var page: String {
        get throws(MessageError) {
            guard let slug = payload.slug else { throw .missing(PayloadKey.slug.rawValue) }
            return setting.page(slug: slug)
        }
    }

    /// A link into the platform, such as `/dashboard`.
    func link(_ path: String) -> String { setting.appURL + path }

    /// The platform's host, which signs every message to a client.
    var site: String { setting.site }
}
