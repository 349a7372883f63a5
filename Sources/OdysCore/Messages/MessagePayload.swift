/// The keys of a message's payload. Raw values as in the JSON of `outbox.payload`.
public enum PayloadKey: String, Sendable, CaseIterable {
    case clientName, professionalName, startsAt, slug, reason, invite, preview
}

/// What a message says: the facts as they were when it was enqueued, stored as JSON in `outbox.payload`.
///
/// Each property is a JSON key of the same name; docs/MESSAGES.md describes them for those who enqueue messages.
public struct MessagePayload: Sendable, Equatable {
    public var clientName: String?
    public var professionalName: String?
    public var startsAt: Instant?
    public var slug: String?
    public var reason: String?
    public var invite: Bool
    public var preview: String?

    public init(
        clientName: String? = nil, professionalName: String? = nil, startsAt: Instant? = nil, slug: String? = nil,
        reason: String? = nil, invite: Bool = false, preview: String? = nil
    ) {
        self.clientName = clientName
        self.professionalName = professionalName
        self.startsAt = startsAt
        self.slug = slug
        self.reason = reason
        self.invite = invite
        self.preview = preview
    }

    /// Reads a stored payload; nil when it is not a JSON object or a known key has the wrong type.
    public init?(json: JSON) {
        guard case .object = json else { return nil }
        self.init()
        for key in PayloadKey.allCases {
            switch (key, json[key.rawValue]) {
            case (_, nil), (_, .null?): continue
            case (.clientName, .string(let text)?): clientName = text
            case (.professionalName, .string(let text)?): professionalName = text
            case (.startsAt, .string(let text)?):
                guard let instant = Instant(text: text) else { return nil }
                startsAt = instant
            case (.slug, .string(let text)?): slug = text
            case (.reason, .string(let text)?): reason = text
            case (.preview, .string(let text)?): preview = text
            case (.invite, .bool(let flag)?): invite = flag
            // As JSON_OBJECT writes a TINYINT column.
            case (.invite, .integer(let number)?) where number == 0 || number == 1: invite = number == 1
            case (_, .bool?), (_, .integer?), (_, .number?), (_, .string?), (_, .array?), (_, .object?): return nil
            }
        }
    }

    /// The payload as it is stored, as JSON; absent facts are absent keys.
    public var bytes: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("clientName", ifPresent: clientName)
            json.member("professionalName", ifPresent: professionalName)
            if let startsAt { json.member("startsAt", startsAt) }
            json.member("slug", ifPresent: slug)
            json.member("reason", ifPresent: reason)
            if invite { json.member("invite", .bool(true)) }
            json.member("preview", ifPresent: preview)
        }
        return json.bytes
    }

    /// Whether a key is there. A blank name counts, since it has a fallback; an empty slug does not.
    func has(_ key: PayloadKey) -> Bool {
        switch key {
        case .clientName: clientName != nil
        case .professionalName: professionalName != nil
        case .startsAt: startsAt != nil
        case .slug: slug?.isEmpty == false
        case .reason: reason != nil
        case .invite: invite
        case .preview: preview != nil
        }
    }
}

/// Typed values cleaned, as messages show them.
extension MessagePayload {
    var shownClient: String {
        TypedText.inline(clientName ?? "", scalarsMax: Limits.nameScalarsMax, fallback: "Cliente")
    }

    var shownProfessional: String {
        TypedText.inline(professionalName ?? "", scalarsMax: Limits.nameScalarsMax, fallback: "Profissional")
    }

    /// Nil where nothing remains of it.
    var shownReason: String? { MessagePayload.shown(reason, Limits.reasonScalarsMax) }
    var shownPreview: String? { MessagePayload.shown(preview, Limits.previewScalarsMax) }

    private static func shown(_ typed: String?, _ scalarsMax: Int) -> String? {
        let cleaned = TypedText.inline(typed ?? "", scalarsMax: scalarsMax)
        return cleaned.isEmpty ? nil : cleaned
    }
}
