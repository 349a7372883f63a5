/// Everything that is wrong with the settings, each problem beginning with the variable's name.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    public let problems: [String]

    public init(problems: [String]) {
        self.problems = problems
    }

    public var description: String { problems.joined(separator: "\n") }
}

/// Reads variables and gathers what is wrong with them, so that an operator sees every problem at once.
struct SettingsReader {
    private let environment: [String: String]
    /// The content of a file, or why it cannot be read.
    private let readFile: (String) -> Result<String, SettingsError>
    private(set) var problems: [String] = []

    init(environment: [String: String], readFile: @escaping (String) -> Result<String, SettingsError>) {
        self.environment = environment
        self.readFile = readFile
    }

    mutating func problem(_ name: String, _ what: String) {
        problems.append("\(name): \(what)")
    }

    func hasProblem(_ name: String) -> Bool { problems.contains { $0.hasPrefix(name + ":") } }

    /// Whether the variable is there; the empty string counts.
    func isSet(_ name: String) -> Bool { variable(name) != nil }

    /// The value, or nil where it is not set or empty.
    func text(_ name: String) -> String? {
        variable(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What is read must be in the catalogue, or nobody would learn of it, and its variable would be called unknown.
    private func variable(_ name: String) -> String? {
        assert(Setting.names.contains(name), "\(name) is not in the catalogue of settings")
        return environment[name]
    }

    mutating func required(_ name: String, _ why: String) -> String {
        if let value = text(name) { return value }
        problem(name, "is missing: \(why)")
        return ""
    }

    /// A comma-separated list without empty elements or surrounding spaces.
    func list(_ name: String) -> [String] {
        (text(name) ?? "").split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
    }

    mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        guard let value = text(name) else { return fallback }
        guard let number = Int(digits: value), range.contains(number) else {
            problem(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return number
    }

    mutating func flag(_ name: String, default fallback: Bool) -> Bool {
        switch text(name) {
        case nil: return fallback
        case "true": return true
        case "false": return false
        case .some:
            problem(name, "must be true or false")
            return fallback
        }
    }

    mutating func choice<Value: RawRepresentable & CaseIterable>(_ name: String, default fallback: Value) -> Value
    where Value.RawValue == String {
        guard let text = text(name) else { return fallback }
        guard let value = Value(rawValue: text) else {
            problem(name, "must be one of " + Value.allCases.map(\.rawValue).joined(separator: ", "))
            return fallback
        }
        return value
    }

    /// A secret: the variable itself, else the file that `NAME_FILE` names, else the systemd credential of the same
    /// name in lower case with dashes. A file's last newline does not belong to it.
    mutating func secret(_ name: String) -> String? {
        if isSet(name), isSet(name + "_FILE") { problem(name, "is set, and so is \(name)_FILE; keep one") }
        let found = origin(ofSecret: name)
        switch found.content {
        case .success(let content):
            return content.isEmpty ? nil : content
        case .failure(let error):
            problem(name + "_FILE", "\(error)")
            return nil
        }
    }

    /// Where a secret comes from, and what it is there; empty where it is nowhere.
    func origin(ofSecret name: String) -> (origin: SettingValue.Origin, content: Result<String, SettingsError>) {
        if let value = variable(name) { return (.environment, .success(value)) }
        if let path = text(name + "_FILE") { return (.file, readFile(path).map(\.withoutLineEnd)) }
        if let directory = environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty,
            // A credential is optional; a file that the operator named is not.
            case .success(let content) = readFile(
                directory + "/" + name.lowercased().map { $0 == "_" ? "-" : String($0) }.joined())
        {
            return (.credential, .success(content.withoutLineEnd))
        }
        return (.fallback, .success(""))
    }

    /// The content of the file that a variable names; nil where the variable is not set or the file cannot be read.
    mutating func file(_ name: String) -> String? {
        guard let path = text(name) else { return nil }
        switch readFile(path) {
        case .success(let content): return content
        case .failure(let error):
            problem(name, "\(error)")
            return nil
        }
    }

    /// Variables of ours that nobody reads: most often a misspelt name.
    func unknown(known: Set<String>) -> [String] {
        environment.keys.filter { $0.hasPrefix("ODYS_") && !known.contains($0) }.sorted()
    }
}

extension String {
    /// Without the line end that editors put at the end of a file. Not by `hasSuffix`: CR LF is one character.
    fileprivate var withoutLineEnd: String {
        var scalars = unicodeScalars[...]
        if scalars.last == "\n" { scalars.removeLast() }
        if scalars.last == "\r" { scalars.removeLast() }
        return String(scalars)
    }
}
