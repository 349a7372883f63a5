internal import Logging
internal import OdysCore
internal import OdysHost

/// Writes one line for each event to standard error, where journald collects it: `<6>` and a JSON object, or text for
/// a person. No event holds a name, a phone, an address, a message's text or a token.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    let format: Settings.LogFormat
    let instance: String

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// The one key of the metadata of a `RequestLogLine`.
    static let request = "request"

    func log(event: LogEvent) {
        let now = Clock.now
        StandardError.write(line(for: event, at: now)) { note(onDropped: $0, at: now) }
    }

    func note(onDropped lines: Int, at time: Instant) -> [UInt8] {
        line(.warning, "\(lines) lines of the log were dropped", [:], at: time)
    }

    func line(for event: LogEvent, at time: Instant) -> [UInt8] {
        line(event.level, event.message.description, merged(event.metadata ?? [:]), at: time)
    }

    private func merged(_ own: Logger.Metadata) -> Logger.Metadata {
        guard !metadata.isEmpty || metadataProvider != nil else { return own }
        // As swift-log's own handlers: the event's over the provider's over the logger's.
        return metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(own) { $1 }
    }

    private func line(
        _ level: Logger.Level, _ message: String, _ facts: Logger.Metadata, at time: Instant
    ) -> [UInt8] {
        switch format {
        case .json:
            var line = JSONWriter(after: level.syslogPrefix)
            line.object { json in
                json.member("ts", time, microseconds: true)
                json.member("level", level.rawValue)
                json.member("msg", message)
                json.member("instance", instance)
                for (name, value) in facts.sorted(by: { $0.key < $1.key }) {
                    if case .stringConvertible(let value) = value, let request = value as? RequestLogLine {
                        request.write(to: &json)
                    } else {
                        json.member(named: name, value.json)
                    }
                }
            }
            line.bytes.append(UInt8(ascii: "\n"))
            return line.bytes
        case .text:
            let details = facts.sorted { $0.key < $1.key }
                .map { $0.key == Self.request ? " \($0.value)" : " \($0.key)=\($0.value)" }.joined()
            // A provider's words may hold line ends, and must not look like another event.
            let text = "\(level.rawValue) \(message)\(details)"
            return Array("\(time.iso8601Microseconds) \(text.withoutControls)\n".utf8)
        }
    }
}

extension Logger.MetadataValue {
    /// A number stays one, so that a reader can compare it.
    fileprivate var json: JSON {
        switch self {
        case .string(let text): return .string(text)
        case .stringConvertible(let value):
            if let number = value as? Int { return .integer(number) }
            return .string(value.description)
        case .array, .dictionary: return .string(description)
        }
    }
}

extension String {
    fileprivate var withoutControls: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isControl ? " " : $0 }))
    }
}

extension Logger.Level {
    /// systemd reads the number in front of a line as its priority (sd-daemon(3)).
    fileprivate var syslogPrefix: StaticString {
        switch self {
        case .trace, .debug: "<7>"
        case .info: "<6>"
        case .notice: "<5>"
        case .warning: "<4>"
        case .error: "<3>"
        case .critical: "<2>"
        }
    }

    init(_ level: Settings.LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
