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

    func log(event: LogEvent) {
        let now = Clock.now
        StandardError.write(line(for: event, at: now)) { note(onDropped: $0, at: now) }
    }

    func log(_ level: Logger.Level, _ message: String, _ request: RequestLogLine) {
        let now = Clock.now
        StandardError.write(line(level, message, request, at: now)) { note(onDropped: $0, at: now) }
    }

    func note(onDropped lines: Int, at time: Instant) -> [UInt8] {
        line(.warning, "\(lines) lines of the log were dropped", at: time, { _ in }, text: { "" })
    }

    func line(for event: LogEvent, at time: Instant) -> [UInt8] {
        // As in swift-log's own handlers, the event's facts win over the provider's, and those over the logger's.
        let facts = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
            .sorted { $0.key < $1.key }
        return line(event.level, "\(event.message)", at: time) { json in
            for (name, value) in facts { json.member(named: name, value.json) }
        } text: {
            facts.map { " \($0.key)=\($0.value)" }.joined()
        }
    }

    func line(_ level: Logger.Level, _ message: String, _ request: RequestLogLine, at time: Instant) -> [UInt8] {
        // All of it is ours: the method is cleaned where the line is made.
        line(level, message, at: time, isOurs: true, request.write, text: { " \(request)" })
    }

    private func line(
        _ level: Logger.Level, _ message: String, at time: Instant, isOurs: Bool = false,
        _ members: (inout JSONWriter) -> Void, text details: () -> String
    ) -> [UInt8] {
        switch format {
        case .json:
            var line = JSONWriter(after: level.syslogPrefix)
            line.object { json in
                json.member("ts", time, microseconds: true)
                json.member("level", level.rawValue)
                json.member("msg", message)
                json.member("instance", instance)
                members(&json)
            }
            // Most lines are plain.
            if !isOurs, line.bytes.mayAct {
                line.bytes = Array(String(decoding: line.bytes, as: UTF8.self).shownJSON.utf8)
            }
            line.bytes.append(UInt8(ascii: "\n"))
            return line.bytes
        case .text:
            // A provider's words may hold line ends, and must not look like another event.
            let text = "\(level.rawValue) \(message)\(details())".shown
            return Array("\(time.iso8601Microseconds) \(text)\n".utf8)
        }
    }
}

extension LineLogHandler {
    init(_ settings: Settings) {
        self.init(
            logLevel: Logger.Level(rawValue: settings.logLevel.rawValue) ?? .info, format: settings.logFormat,
            instance: settings.instance)
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
}
