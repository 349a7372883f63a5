/// What a setting is at the moment, and where that comes from. Never the value of a secret.
public struct SettingValue: Sendable, Equatable {
    public enum Origin: String, Sendable {
        case environment, file, credential
        case fallback = "default"
    }

    public enum Content: Sendable, Equatable {
        case plain(String)
        /// No value; in words, what holds then.
        case none(String)
        /// A secret, and how many bytes it has.
        case secret(bytes: Int)
        case unreadable(String)
    }

    public let setting: Setting
    public let origin: Origin
    public let content: Content

    /// Every setting, in the order of the catalogue. Nothing is judged: `Settings` does that.
    public static func all(_ source: SettingsSource) -> [SettingValue] {
        Setting.allCases.map { SettingValue($0, source) }
    }

    private init(_ setting: Setting, _ source: SettingsSource) {
        self.setting = setting
        let found = source.find(setting)
        origin = found.origin
        switch (found.text, setting.fallback) {
        case (.failure(let error), _): content = .unreadable("\(error)")
        case (.success(""), .value(let text)): content = .plain(text)
        case (.success(""), _): content = .none(setting.isSecret ? "not set" : setting.fallback.text)
        case (.success(let text), _):
            content = setting.isSecret ? .secret(bytes: text.utf8.count) : .plain(text.withoutCredentials)
        }
    }

    /// For people.
    public var text: String {
        switch content {
        case .plain(let text): text
        case .none(let words): "(\(words.withoutMarkdown))"
        case .secret(let bytes): "set (\(bytes) bytes)"
        case .unreadable(let why): "(\(why))"
        }
    }

    public var json: JSON {
        var value: JSON = .null
        if case .plain(let text) = content { value = .string(text) }
        var members: [JSON.Member] = [
            .init("name", .string(setting.name)), .init("origin", .string(origin.rawValue)), .init("value", value),
            .init("secret", .bool(setting.isSecret)),
        ]
        if setting.isSecret { members.append(.init("text", .string(text))) }
        return .object(members)
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

    /// The words of a Markdown text.
    var withoutMarkdown: String { filter { $0 != "`" } }
}
