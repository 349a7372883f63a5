internal import Glibc
internal import Logging
internal import OdysCore
internal import OdysDelivery
internal import Synchronization

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
        let facts = event.metadata ?? [:]
        let line: String
        switch format {
        case .json:
            var members = [
                JSON.Member("ts", .string(Clock.now.iso8601Microseconds)),
                JSON.Member("level", .string(event.level.rawValue)),
                JSON.Member("msg", .string(event.message.description)),
                JSON.Member("instance", .string(instance)),
            ]
            members += facts.map { JSON.Member($0.key, $0.value.json) }.sorted { $0.name < $1.name }
            line = "<\(event.level.syslogPriority)>\(JSON.object(members).text)\n"
        case .text:
            let details = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            // What providers say may hold line ends, and must not look like another event.
            let text = "\(event.level.rawValue) \(event.message)\(details)"
            line = "\(Clock.now.iso8601Microseconds) \(text.withoutControls)\n"
        }
        StandardError.write(line)
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

/// Where the log goes. A reader that has stopped reading must not stop us: a line waits for it for a moment, then it is
/// dropped and counted, and the next ones do not wait at all until it reads again.
enum StandardError {
    private struct Writer {
        var droppedSinceLast = 0
    }

    private static let writer = Mutex(Writer())
    private static let lost = Counter()

    /// Lines that were dropped.
    static var dropped: Int { lost.count }

    /// One write for one line, by one thread at a time, so that lines of several threads do not mix.
    static func write(_ line: String) {
        writer.withLock { writer in
            guard isReady(waitMilliseconds: writer.droppedSinceLast > 0 ? 0 : Limits.logWaitMilliseconds) else {
                writer.droppedSinceLast += 1
                lost.add()
                return
            }
            if writer.droppedSinceLast > 0 {
                put("<4>{\"level\":\"warning\",\"msg\":\"\(writer.droppedSinceLast) lines of the log were dropped\"}\n")
                writer.droppedSinceLast = 0
                guard isReady(waitMilliseconds: 0) else {
                    writer.droppedSinceLast = 1
                    lost.add()
                    return
                }
            }
            if !put(line) { lost.add() }
        }
    }

    /// poll(2): a pipe or a socket that is ready takes a line of this length (below PIPE_BUF) without waiting.
    private static func isReady(waitMilliseconds: Int) -> Bool {
        var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        return poll(&descriptor, 1, Int32(waitMilliseconds)) == 1
    }

    /// - Returns: false when the line could not be written, such as to a full disk.
    @discardableResult
    private static func put(_ line: String) -> Bool {
        var line = line
        return line.withUTF8 { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) == $0.count }
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
