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

    private struct WrongType: Error {}

    /// Reads a stored payload; nil when it is not a JSON object or a known key has the wrong type.
    public init?(json: JSON) {
        guard case .object = json else { return nil }
        func text(_ key: PayloadKey) throws(WrongType) -> String? {
            switch json[key.rawValue] {
            case nil, .null: return nil
            case .string(let text): return text
            case .bool, .integer, .number, .array, .object: throw WrongType()
            }
        }
        func instant(_ key: PayloadKey) throws(WrongType) -> Instant? {
            guard let text = try text(key) else { return nil }
            guard let instant = Instant(text: text) else { throw WrongType() }
            return instant
        }
        func flag(_ key: PayloadKey) throws(WrongType) -> Bool {
            switch json[key.rawValue] {
            case nil, .null: return false
            case .bool(let flag): return flag
            // As JSON_OBJECT writes a TINYINT column.
            case .integer(let number) where number == 0 || number == 1: return number == 1
            case .integer, .number, .string, .array, .object: throw WrongType()
            }
        }
        do throws(WrongType) {
            self.init(
                clientName: try text(.clientName), professionalName: try text(.professionalName),
                startsAt: try instant(.startsAt), slug: try text(.slug), reason: try text(.reason),
                invite: try flag(.invite), preview: try text(.preview))
        } catch {
            return nil
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
            if invite { json.member("invite", true) }
            json.member("preview", ifPresent: preview)
        }
        return json.bytes
    }

    /// Whether a key is there. A blank name counts, since it has a fallback; a blank slug leads nowhere, so it does
    /// not.
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
