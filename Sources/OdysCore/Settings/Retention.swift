/// How long finished messages are kept.
public struct Retention: Sendable, Equatable {
    /// Days until they are deleted.
    public let messageDays: Int
    /// Days until their recipient and payload are emptied; what became of them can still be seen.
    public let payloadDays: Int

    /// Reads only these settings: for the command that needs nothing else.
    public init(
        environment: [String: String], readFile: @escaping (String) -> Result<String, SettingsError>
    ) throws(SettingsError) {
        var reader = SettingsReader(environment: environment, readFile: readFile)
        self.init(&reader)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
    }

    init(_ reader: inout SettingsReader) {
        messageDays = reader.integer("ODYS_RETENTION_DAYS", default: 90, in: 1...3_650)
        payloadDays = reader.integer("ODYS_PAYLOAD_DAYS", default: 30, in: 1...3_650)
    }
}
