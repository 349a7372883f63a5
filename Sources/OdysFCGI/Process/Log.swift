internal import Glibc
internal import Logging
internal import OdysCore
internal import OdysHost
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

    /// The one key of the metadata that `RequestFacts` are.
    static let request = "request"

    func log(event: LogEvent) {
        StandardError.write(line(for: event, at: Clock.now))
    }

    func line(for event: LogEvent, at time: Instant) -> [UInt8] {
        let facts = event.metadata ?? [:]
        switch format {
        case .json:
            var line = JSONWriter(after: event.level.syslogPrefix)
            line.object { json in
                json.member("ts", time, microseconds: true)
                json.member("level", event.level.rawValue)
                json.member("msg", event.message.description)
                json.member("instance", instance)
                if case .stringConvertible(let value) = facts[Self.request], let request = value as? RequestFacts {
                    request.write(to: &json)
                } else {
                    for (name, value) in facts.sorted(by: { $0.key < $1.key }) { json.member(named: name, value.json) }
                }
            }
            line.bytes.append(UInt8(ascii: "\n"))
            return line.bytes
        case .text:
            let details = facts.sorted { $0.key < $1.key }
                .map { $0.key == Self.request ? " \($0.value)" : " \($0.key)=\($0.value)" }.joined()
            // What providers say may hold line ends, and must not look like another event.
            let text = "\(event.level.rawValue) \(event.message)\(details)"
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
    static func write(_ line: [UInt8]) {
        writer.withLock { writer in
            guard isReady(waitMilliseconds: writer.droppedSinceLast > 0 ? 0 : Limits.logWaitMilliseconds) else {
                writer.droppedSinceLast += 1
                lost.add()
                return
            }
            if writer.droppedSinceLast > 0 {
                let note = "\(writer.droppedSinceLast) lines of the log were dropped"
                put(Array("<4>{\"level\":\"warning\",\"msg\":\"\(note)\"}\n".utf8))
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
    private static func put(_ line: [UInt8]) -> Bool {
        line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) == $0.count }
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
