internal import OdysCore
internal import OdysHost
internal import Synchronization

/// What one thread is doing: written by the thread, read by the management pages.
final class ThreadStatus: Sendable {
    struct Work: Sendable {
        var threadID = 0
        var isBusy = false
        var since = Clock.uptime
        /// The current or last operation: a route or a template's name, no path and no id.
        var operation = ""
        var done = 0
    }

    let name: String
    private let work = Mutex(Work())
    private let lastBeat = Atomic<Int>(ThreadStatus.milliseconds)

    init(_ name: String) { self.name = name }
    private static var milliseconds: Int { Int(Clock.uptime * 1_000) }

    func adoptCurrentThread() {
        // The id that `top -H` shows is the first field (proc(5)); gettid(2) is hidden from Swift.
        let stat = try? Environment.readFile("/proc/thread-self/stat").get()
        let id = stat.flatMap { Int($0.prefix { $0 != " " }) } ?? 0
        work.withLock { $0.threadID = id }
        beat()
    }

    /// The loop turns.
    func beat() { lastBeat.store(Self.milliseconds, ordering: .relaxed) }

    func begin(_ operation: String) {
        beat()
        let now = Clock.uptime
        work.withLock {
            if !$0.isBusy { $0.since = now }
            $0.isBusy = true
            $0.operation = operation
        }
    }

    func end() {
        beat()
        let now = Clock.uptime
        work.withLock {
            guard $0.isBusy else { return }
            $0.isBusy = false
            $0.since = now
            $0.done += 1
        }
    }

    var current: Work { work.withLock { $0 } }
    var silence: Double { max(0, Double(Self.milliseconds - lastBeat.load(ordering: .relaxed)) / 1_000) }
}

/// The threads that do the same work.
struct ThreadGroupStatus: Sendable {
    let name: String
    let allowedSeconds: Double
    let threads: [ThreadStatus]

    init(_ name: String, _ count: Int, allowedSeconds: Double) {
        self.name = name
        self.allowedSeconds = allowedSeconds
        threads = (0..<count).map { ThreadStatus("\(name) \($0 + 1)") }
    }

    var busy: Int { threads.count { $0.current.isBusy } }

    var loops: LoopGroup {
        LoopGroup(name: name, allowedSeconds: allowedSeconds, silences: threads.map(\.silence))
    }
}

/// When the threads of a group last beat. A loop beats each time round, and an idle one every few seconds. An
/// unreachable database does not stop the beat: every wait for it has a deadline.
struct LoopGroup: Sendable, Equatable {
    let name: String
    /// The longest that a working loop may need between two beats.
    let allowedSeconds: Double
    /// Seconds since the last beat of each loop.
    let silences: [Double]

    /// Seconds since the latest beat of any of them.
    var silence: Double { silences.min() ?? 0 }

    /// True when no loop has beaten within the limit. One that does is enough: it takes the work of the others.
    var isStuck: Bool { silence > allowedSeconds }
}
