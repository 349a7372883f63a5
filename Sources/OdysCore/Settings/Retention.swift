/// How long finished messages are kept.
public struct Retention: Sendable, Equatable {
    /// Days until they are deleted.
    public let messageDays: Int
    /// Days until recipient and payload are emptied. The outcome stays visible.
    public let payloadDays: Int

    public init(_ source: SettingsSource) throws(SettingsError) {
        self = try SettingsReader.read(source) { Retention(&$0) }
    }

    init(_ reader: inout SettingsReader) {
        messageDays = reader.integer(.retentionDays)
        payloadDays = reader.integer(.payloadDays)
    }
}
