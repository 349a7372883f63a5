/// Reads settings and collects what is wrong with them, so that an operator sees every problem at once.
struct SettingsReader {
    let source: SettingsSource
    private var problems: [String] = []

    /// What `read` makes of the settings, or everything that is wrong with those that it reads.
    static func read<Part>(_ source: SettingsSource, _ read: (inout Self) -> Part) throws(SettingsError) -> Part {
        var reader = SettingsReader(source: source)
        let part = read(&reader)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
        return part
    }

    /// The text of a setting that has a default.
    mutating func text(_ setting: Setting) -> String {
        guard case .value(let fallback) = setting.fallback else { preconditionFailure(setting.name) }
        return optional(setting) ?? fallback
    }

    /// The text of a setting; nil where it has none.
    mutating func optional(_ setting: Setting) -> String? {
        precondition(Setting.names.contains(setting.name), "\(setting.name) is in no section of the catalogue")
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

    /// The elements without the blanks around them. Empty ones are left out.
    mutating func list(_ setting: Setting) -> [String] {
        (optional(setting) ?? "").split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
    }

    mutating func integer(_ setting: Setting) -> Int {
        guard case .integer(let fallback, let range) = setting.kind else { preconditionFailure(setting.name) }
        return value(setting, mustBe: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(digits: text).flatMap { range.contains($0) ? $0 : nil }
        } ?? fallback
    }

    mutating func flag(_ setting: Setting) -> Bool {
        guard case .flag(let fallback) = setting.kind else { preconditionFailure(setting.name) }
        return value(setting, mustBe: "true or false") { Bool($0) } ?? fallback
    }

    mutating func choice<Value: RawRepresentable<String>>(_ setting: Setting) -> Value {
        guard case .choice(let name, let names) = setting.kind, let fallback = Value(rawValue: name)
        else { preconditionFailure(setting.name) }
        return value(setting, mustBe: "one of \(names.joined(separator: ", "))") { Value(rawValue: $0) } ?? fallback
    }

    /// What `parse` makes of the setting's text; nil where there is none, or a wrong one, which is reported.
    mutating func value<Value>(_ setting: Setting, mustBe rule: String, _ parse: (String) -> Value?) -> Value? {
        guard let text = optional(setting) else { return nil }
        let value = parse(text)
        if value == nil { problem(setting, "must be \(rule)") }
        return value
    }

    mutating func problem(_ setting: Setting, _ what: String) { problems.append("\(setting.name): \(what)") }

    /// Reports that a setting has no value, unless it was said already why it has none.
    mutating func missing(_ setting: Setting, _ what: String) {
        if !hasProblem(setting.name), !hasProblem(setting.fileName) { problem(setting, what) }
    }

    private func hasProblem(_ name: String) -> Bool { problems.contains { $0.hasPrefix(name + ":") } }

    /// An address to which secrets go, or from which keys come: whoever is on the way must not read or replace them.
    mutating func checkSecureURL(_ url: String?, of setting: Setting, example: String) {
        guard let url else { return }
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
        problems += source.ownNotUTF8.filter { !hasProblem($0) }.map { "\($0): \(SettingsSource.notText)" }
    }
}
