/// Reads settings and collects what is wrong with them, so that an operator sees every problem at once.
struct SettingsReader {
    private let source: SettingsSource
    private var problems: [String] = []

    /// What `read` makes of the settings, or everything that is wrong with those that it reads.
    static func read<Part>(
        _ source: SettingsSource, _ read: (inout SettingsReader) -> Part
    ) throws(SettingsError) -> Part {
        var reader = SettingsReader(source: source)
        let part = read(&reader)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
        return part
    }

    private init(source: SettingsSource) {
        self.source = source
    }

    /// The text of a setting that has a default.
    mutating func text(_ setting: Setting) -> String {
        guard case .value(let fallback) = setting.fallback else { preconditionFailure(setting.name) }
        return optional(setting) ?? fallback
    }

    /// The text of a setting; nil where it has none.
    mutating func optional(_ setting: Setting) -> String? {
        // An empty variable counts here: two places for one secret are a mistake, whichever is filled in.
        if setting.isSecret, source.isSet(setting.name), source.isSet(setting.fileName) {
            problem(setting, "is set, and so is \(setting.fileName); keep one")
        }
        let found = source.find(setting)
        switch found.text {
        case .success(let text): return text.isEmpty ? nil : text
        case .failure(let error):
            problems.append("\(found.origin == .file ? setting.fileName : setting.name): \(error)")
            return nil
        }
    }

    mutating func required(_ setting: Setting, _ why: String) -> String {
        if let value = optional(setting) { return value }
        missing(setting, "is missing: \(why)")
        return ""
    }

    /// The elements without the blanks around them. Empty ones are left out.
    mutating func list(_ setting: Setting) -> [String] {
        (optional(setting) ?? "").split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
    }

    mutating func integer(_ setting: Setting) -> Int {
        guard case .integer(let fallback, let range) = setting.entry.kind else { preconditionFailure(setting.name) }
        guard let text = optional(setting) else { return fallback }
        if let number = Int(digits: text), range.contains(number) { return number }
        problem(setting, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return fallback
    }

    mutating func flag(_ setting: Setting) -> Bool {
        guard case .flag(let fallback) = setting.entry.kind else { preconditionFailure(setting.name) }
        guard let text = optional(setting) else { return fallback }
        if let value = Bool(text) { return value }
        problem(setting, "must be true or false")
        return fallback
    }

    mutating func choice<Value: RawRepresentable<String>>(_ setting: Setting) -> Value {
        guard case .choice(let name, let names) = setting.entry.kind, let fallback = Value(rawValue: name)
        else { preconditionFailure(setting.name) }
        guard let text = optional(setting) else { return fallback }
        if let value = Value(rawValue: text) { return value }
        problem(setting, "must be one of \(names.joined(separator: ", "))")
        return fallback
    }

    /// The content of the file that a setting names; nil where it cannot be read.
    mutating func file(_ path: String, of setting: Setting) -> String? {
        switch source.readFile(path) {
        case .success(let content): return content
        case .failure(let error):
            problem(setting, "\(error)")
            return nil
        }
    }

    mutating func problem(_ setting: Setting, _ what: String) {
        problems.append("\(setting.name): \(what)")
    }

    /// Reports that a setting has no value, unless it was said already why it has none.
    mutating func missing(_ setting: Setting, _ what: String) {
        let isReported = problems.contains { $0.hasPrefix(setting.name + ":") || $0.hasPrefix(setting.fileName + ":") }
        if !isReported { problem(setting, what) }
    }

    /// An address to which secrets go, or from which keys come: whoever is on the way must not read or replace them.
    mutating func checkSecureURL(_ url: String, of setting: Setting, example: String) {
        guard let parts = URLParts(url, schemes: ["https", "http"]) else {
            return problem(setting, "must be an address such as \(example)")
        }
        if parts.scheme == "http", !isLoopback(parts.host) {
            problem(setting, "must begin with https:// unless the host is this one")
        }
    }

    /// What goes into a header or a conversation with a server cannot hold the ends of its lines.
    mutating func checkControlCharacters(_ value: String?, of setting: Setting) {
        if value?.hasControlCharacters == true { problem(setting, "has a control character in it") }
    }

    /// Reports variables that are not UTF-8 and that nothing has read.
    mutating func reportNotUTF8() {
        for name in source.ownNotUTF8 where !problems.contains(where: { $0.hasPrefix(name + ":") }) {
            problems.append("\(name): \(SettingsSource.notText)")
        }
    }
}
