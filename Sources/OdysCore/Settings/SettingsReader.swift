/// Reads settings and collects what is wrong with them, so that an operator sees every problem at once.
struct SettingsReader {
    let source: SettingsSource
    private var problems: [String] = []
    /// Settings with a character that nobody sees. What else is wrong with them comes of it.
    private var unclean: Set<Setting> = []

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
        case .success(let text):
            checkCharacters(text, of: setting)
            // Blanks around a secret may belong to it.
            let value = if case .text = setting.kind { text.trimmed } else { text }
            return value.isEmpty ? nil : value
        case .failure(let error):
            problems.append("\(found.origin == .file ? setting.fileName : setting.name): \(error)")
            return nil
        }
    }

    /// The elements without the blanks around them, each once. Empty ones are left out.
    mutating func list(_ setting: Setting) -> [String] {
        (optional(setting) ?? "").split(separator: ",").map(\.trimmed).reduce(into: []) { list, element in
            if !element.isEmpty, !list.contains(element) { list.append(element) }
        }
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

    mutating func problem(_ setting: Setting, _ what: String) {
        if !unclean.contains(setting) { problems.append("\(setting.name): \(what)") }
    }

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

    /// No setting has a character that nobody sees: a carriage return is part of a secret, or ends the line of a
    /// header.
    private mutating func checkCharacters(_ text: String, of setting: Setting) {
        guard let scalar = text.unicodeScalars.first(where: \.isInvisible) else { return }
        let (what, remedy) =
            switch scalar {
            case "\r": ("a carriage return", "save the file with Unix line ends")
            case "\n": ("a line feed", "keep it on one line, with one line end behind it")
            case "\u{FEFF}": ("a byte order mark", "save the file as UTF-8 without one")
            default: ("the invisible character \(String(scalar).shown)", "type it again")
            }
        problem(setting, "has \(what) in it: \(remedy)")
        unclean.insert(setting)
    }

    mutating func checkLength(_ text: String, of setting: Setting, _ scalarsMax: Int) {
        if text.unicodeScalars.count > scalarsMax { problem(setting, "is longer than \(scalarsMax) characters") }
    }

    /// Not whether there is a socket: the server may start later.
    mutating func checkSocketPath(_ path: String, of setting: Setting) {
        // sockaddr_un.sun_path holds 108 bytes, the last of them a NUL.
        if path.utf8.count > 107 {
            problem(setting, "the path is longer than the 107 bytes that a Unix socket's may have")
        }
    }

    /// A file of certificates that cannot be read would only be noticed by connections that fail.
    mutating func checkCertificates(_ path: String, of setting: Setting) {
        switch source.readFile(path) {
        case .failure(let error): problem(setting, "\(error)")
        case .success(let text):
            if !text.contains("-----BEGIN ") { problem(setting, "\(path) holds no certificate in PEM form") }
        }
    }

    /// Reports variables that are not UTF-8 and that nothing has read.
    mutating func reportNotUTF8() {
        problems += source.ownNotUTF8.filter { !hasProblem($0) }.map { "\($0): \(SettingsSource.notText)" }
    }
}
