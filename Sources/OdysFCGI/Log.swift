internal import Glibc
internal import Logging
internal import OdysCore
internal import OdysDelivery

/// Writes one line for each event to standard error, where journald collects it: `<6>` and a JSON object, or text for a
/// person. No event holds a name, a phone, an address, a message's text or a token.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    let format: Settings.LogFormat
    let instance: String

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }
        let line: String
        switch format {
        case .json:
            let members = [
                JSON.Member("ts", .string(Clock.now.iso8601Microseconds)),
                JSON.Member("level", .string(event.level.rawValue)),
                JSON.Member("msg", .string("\(event.message)")),
                JSON.Member("instance", .string(instance)),
            ]
            let object = JSON.object(members + facts.map { JSON.Member($0.key, .string("\($0.value)")) })
            line = "<\(event.level.syslogPriority)>\(object.text)\n"
        case .text:
            let details = facts.map { " \($0.key)=\($0.value)" }.joined()
            // What providers say may hold line ends, and must not look like another event.
            let text = "\(event.level.rawValue) \(event.message)\(details)"
            line = "\(Clock.now.iso8601Microseconds) \(text.withoutControls)\n"
        }
        StandardError.write(line)
    }
}

extension String {
    fileprivate var withoutControls: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}

enum StandardError {
    /// One write for one line, so that lines of several threads do not mix.
    static func write(_ line: String) {
        var line = line
        line.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension Logger.Level {
    /// systemd reads the number in front of a line as its priority (sd-daemon(3)).
    fileprivate var syslogPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
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
