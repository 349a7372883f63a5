/// Everything that is wrong with the settings. Each problem begins with the variable's name.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    public let problems: [String]

    public init(problems: [String]) { self.problems = problems }
    public var description: String { problems.joined(separator: "\n") }
}

/// Why a file or a variable has no text. The description quotes nothing of it.
public struct ReadError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
    /// There is no such file.
    public let isMissing: Bool

    public init(_ description: String, isMissing: Bool = false) {
        self.description = description
        self.isMissing = isMissing
    }
}

/// Where settings come from: environment variables, and the files that they name.
public struct SettingsSource {
    public let variables: [String: String]
    /// Variables that are set to bytes which are not UTF-8.
    let notUTF8: Set<String>
    let readFile: (String) -> Result<String, ReadError>

    public init(
        variables: [String: String], notUTF8: Set<String> = [],
        readFile: @escaping (String) -> Result<String, ReadError>
    ) {
        self.variables = variables
        self.notUTF8 = notUTF8
        self.readFile = readFile
    }

    /// The text of a setting, empty where it has none. A secret comes from its variable, else from the file that
    /// `NAME_FILE` names, else from the systemd credential of the same name in lower case with dashes.
    func find(_ setting: Setting) -> (origin: SettingValue.Origin, text: Result<String, ReadError>) {
        if let text = variable(setting.name) { return (.environment, text) }
        guard setting.isSecret else { return (.fallback, .success("")) }
        if let path = variable(setting.fileName) { return (.file, path.flatMap(readFile).map(\.withoutLineEnd)) }
        guard let directory = variables[Self.credentials], !directory.isEmpty else { return (.fallback, .success("")) }
        let text = readFile(directory + "/" + setting.name.lowercased().replacing("_", with: "-"))
        // A credential is optional; one that cannot be read is a problem.
        if case .failure(let error) = text, error.isMissing { return (.fallback, .success("")) }
        return (.credential, text.map(\.withoutLineEnd))
    }

    /// Whether the variable is there, be it empty.
    func isSet(_ name: String) -> Bool { variables[name] != nil || notUTF8.contains(name) }

    /// Nil for a variable that is not set or empty.
    private func variable(_ name: String) -> Result<String, ReadError>? {
        if notUTF8.contains(name) { return .failure(Self.notText) }
        return variables[name].flatMap { $0.isEmpty ? nil : .success($0) }
    }

    /// The files that variables name for secrets.
    public var secretFiles: [String] {
        Setting.allCases.filter(\.isSecret).compactMap { variables[$0.fileName] }.filter { !$0.isEmpty }
    }

    static let notText = ReadError("is not UTF-8 text")
    private static let credentials = "CREDENTIALS_DIRECTORY"

    /// Variables of ours that are not UTF-8, whoever reads them.
    var ownNotUTF8: [String] {
        notUTF8.filter { $0.hasPrefix("ODYS_") || $0.hasPrefix("EVOLUTION_") || $0 == Self.credentials }.sorted()
    }

    /// Variables that begin with `ODYS_` and are in no catalogue: most often misspelt.
    var unknown: [String] { variables.keys.filter { $0.hasPrefix("ODYS_") && !Setting.names.contains($0) }.sorted() }
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
