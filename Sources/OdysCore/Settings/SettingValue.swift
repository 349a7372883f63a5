/// What a setting is at the moment, and where that comes from. Never the value of a secret.
public struct SettingValue: Sendable, Equatable {
    public enum Origin: String, Sendable {
        case environment, file, credential
        case fallback = "default"
    }

    public let setting: Setting
    public let origin: Origin
    /// Nil for a secret, and where there is none.
    public let value: String?
    /// For people; in words where there is no value.
    public let text: String

    /// Every setting, in the order of the catalogue. Nothing is judged: `Settings` does that.
    public static func all(_ source: SettingsSource) -> [SettingValue] {
        Setting.allCases.map { SettingValue($0, source) }
    }

    private init(_ setting: Setting, _ source: SettingsSource) {
        self.setting = setting
        let found = source.find(setting)
        origin = found.origin
        switch (found.text, setting.fallback) {
        case (.failure(let error), _): (value, text) = (nil, "(\(error))")
        case (.success(""), .value(let fallback)): (value, text) = (fallback, fallback)
        case (.success(""), _) where setting.isSecret: (value, text) = (nil, "(not set)")
        case (.success(""), let fallback): (value, text) = (nil, "(\(fallback.text.withoutMarkdown))")
        case (.success(let secret), _) where setting.isSecret: (value, text) = (nil, "set (\(secret.utf8.count) bytes)")
        case (.success(let plain), _): (value, text) = (plain.withoutCredentials, plain.withoutCredentials)
        }
    }

    public var json: JSON {
        let members: [JSON.Member] = [
            .init("name", .string(setting.name)), .init("origin", .string(origin.rawValue)),
            .init("value", JSON(value)), .init("secret", .bool(setting.isSecret)),
        ]
        return .object(setting.isSecret ? members + [.init("text", .string(text))] : members)
    }
}

extension String {
    /// An address without what stands before `@` in it: it is refused as a setting, but it must not be shown either.
    fileprivate var withoutCredentials: String {
        guard let scheme = firstRange(of: "://") else { return self }
        let rest = self[scheme.upperBound...]
        guard let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@") else { return self }
        return self[..<scheme.upperBound] + "•••" + rest[at...]
    }

    var withoutMarkdown: String { filter { $0 != "`" } }
}
