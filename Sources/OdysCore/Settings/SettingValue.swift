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

    /// Every setting, in the order of the catalogue. It judges nothing: `Settings` does.
    public static func all(
        environment: [String: String], readFile: @escaping (String) -> Result<String, SettingsError>
    ) -> [SettingValue] {
        let reader = SettingsReader(environment: environment, readFile: readFile)
        return Setting.all.map { SettingValue($0, reader) }
    }

    private init(_ setting: Setting, _ reader: SettingsReader) {
        self.setting = setting
        if setting.isSecret {
            let found = reader.origin(ofSecret: setting.name)
            origin = found.origin
            switch found.content {
            case .success(let content):
                self.content = content.isEmpty ? .none("not set") : .secret(bytes: content.utf8.count)
            case .failure(let error):
                self.content = .unreadable("\(error)")
            }
        } else if let text = reader.text(setting.name) {
            origin = .environment
            content = .plain(text.withoutCredentials)
        } else {
            origin = .fallback
            if case .value(let text) = setting.fallback {
                content = .plain(text)
            } else {
                content = .none(setting.fallback.text)
            }
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
        var members: [JSON.Member] = [.init("name", .string(setting.name)), .init("origin", .string(origin.rawValue))]
        switch content {
        case .plain(let text): members.append(.init("value", .string(text)))
        case .none, .secret, .unreadable: members.append(.init("value", .null))
        }
        members.append(.init("secret", .bool(setting.isSecret)))
        if setting.isSecret { members.append(.init("text", .string(text))) }
        return .object(members)
    }

    public static func == (left: SettingValue, right: SettingValue) -> Bool {
        left.setting.name == right.setting.name && left.origin == right.origin && left.content == right.content
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
