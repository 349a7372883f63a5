/// What `odysctl mcp` needs, and nothing more: an assistant's host is no place for the secret that makes anybody's
/// token, or for the providers' keys.
public struct AssistantSettings: Sendable {
    public let database: DatabaseSettings
    /// For links in messages; empty where none is written.
    public let appURL: String
    public let timeZone: String
    public let enforcesStartTime: Bool

    /// - Parameter acts: whether appointments are changed, which writes messages.
    public init(
        _ source: SettingsSource, acts: Bool, timeZoneProblem: (String) -> String?
    ) throws(SettingsError) {
        self = try SettingsReader.read(source) { reader in
            let settings = AssistantSettings(&reader, acts: acts)
            if let problem = timeZoneProblem(settings.timeZone) { reader.problem(.timeZone, problem) }
            return settings
        }
    }

    private init(_ reader: inout SettingsReader, acts: Bool) {
        database = DatabaseSettings(&reader)
        appURL = acts ? MessagingSettings.appURL(&reader) : ""
        timeZone = reader.text(.timeZone)
        enforcesStartTime = acts && reader.flag(.enforcesStartTime)
    }
}
