/// What a message needs to know besides its payload.
public struct MessageSetting: Sendable {
    /// The platform's web address, such as `https://odys.com.br`; a slash at its end does not matter.
    public let appURL: String
    /// Turns a point in time into the wall-clock time of the zone that messages are shown in.
    public let civilTime: @Sendable (Instant) -> CivilTime

    public init(appURL: String, civilTime: @escaping @Sendable (Instant) -> CivilTime) {
        self.appURL = appURL.withoutTrailingSlashes
        self.civilTime = civilTime
    }

    /// The host of `appURL`, as messages sign with it.
    var site: String { URLParts(appURL, schemes: ["https", "http"])?.host ?? appURL }

    /// The professional's public page.
    ///
    /// Everything but ASCII letters, digits and hyphens is percent-encoded, so that nothing in it means anything to
    /// WhatsApp, to a link detector or to HTML. A slug too long for a link leads to the platform's first page.
    func page(slug: String) -> String {
        let encoded = slug.percentEncoded(keeping: "-")
        return encoded.utf8.count <= Limits.slugLinkBytesMax ? "\(appURL)/p/\(encoded)" : appURL
    }

    static let brand = "Odys"
    static let tagline = "Sua agenda inteligente"
}

/// Why a message cannot be written. It holds no personal data, so it is safe to log and to store.
public enum MessageError: Error, Equatable, CustomStringConvertible {
    /// The payload lacks a key that the template needs.
    case missing(String)
    /// The template exists for WhatsApp only.
    case notAnEmail

    public var description: String {
        switch self {
        case .missing(let key): "payload_missing: \(key)"
        case .notAnEmail: "template_not_an_email"
        }
    }
}
