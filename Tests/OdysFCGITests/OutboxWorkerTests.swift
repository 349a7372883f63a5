import Dispatch
import Logging
import OdysCore
import OdysHost
import Synchronization
import Testing

@testable import OdysFCGI

/// A sender whose database does not exist.
@Suite("sender") struct OutboxWorkerTests {
    /// Keeps the lines of a logger.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.message)") }
    }

    @Test("log: a paused channel does not ask the database, and so does not say that it answers again")
    func aPausedChannelSaysNothingOfTheDatabase() throws {
        let settings = try Settings(
            SettingsSource(variables: [
                "ODYS_DB_SOCKET": "/nonexistent/socket", "ODYS_APP_URL": "https://app.example",
                "ODYS_JWT_SECRET": String(repeating: "s", count: 32),
            ]) { _ in .success("") })
        let lines = Lines()
        let queue = ChannelQueue(.whatsapp, senders: 1, pace: .standard)
        let group = DispatchGroup()
        OutboxWorker(
            status: queue.threads.threads[0], queue: queue, live: LiveSettings(settings), ratePerSecond: 0,
            pace: .standard, makeDeliver: { { _ in .skipped(.channelOff) } }, metrics: Metrics(),
            log: Logger(label: "test") { _ in Handler(lines: lines) }
        ).start(in: group)
        func waitForBeats(_ count: Int) {
            var (seen, last) = (0, queue.threads.threads[0].silence)
            let deadline = Clock.uptime + 20
            while seen < count, Clock.uptime < deadline {
                let silence = queue.threads.threads[0].silence
                if silence < last { seen += 1 }
                last = silence
                Clock.pause(milliseconds: 1)
            }
            #expect(seen == count)
        }
        while lines.all.isEmpty { Clock.pause(milliseconds: 1) }
        #expect(lines.all.allSatisfy { $0.hasPrefix("the outbox cannot be worked on") })
        _ = queue.note(.misconfigured(reason: "r"), recipient: "a", at: Clock.uptime)
        // The loop turns twice with the breaker open.
        waitForBeats(3)
        queue.stop()
        group.wait()
        #expect(lines.all.count == 1, "\(lines.all)")
    }
}
