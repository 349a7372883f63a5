/// Places where tests can kill a debug build: at `ODYS_FAIL_POINT`, on average once in `ODYS_FAIL_EVERY` passes.
/// In a release build `hit` and `pause` are empty.
public enum FailPoint: String, Sendable, CaseIterable {
    /// A request's transaction: begins; has its key; has the row lock.
    case p1, p2, p3
    /// The write block runs on the server: after the UPDATE, the event, the notification, the messages, before COMMIT.
    case p4, p5, p6, p7, p8
    /// Committed; and about to answer.
    case p9, p10
    /// A delivery: claimed; about to send; request written; answer read; recorded.
    case w1, w2, w3, w4, w5
}

#if DEBUG
    internal import Dispatch
    internal import Glibc

    extension FailPoint {
        private static let chosen = getenv("ODYS_FAIL_POINT").flatMap {
            FailPoint(rawValue: String(cString: $0).lowercased())
        }
        private static let every = getenv("ODYS_FAIL_EVERY").flatMap { Int(String(cString: $0)) } ?? 1

        /// Dies here, if this is the place and the time.
        public func hit() { if isDue { kill(getpid(), SIGKILL) } }

        /// Dies a moment later, while something else that was begun is still running.
        public func hitSoon() {
            guard isDue else { return }
            DispatchQueue(label: "odys.failpoint").asyncAfter(deadline: .now() + .milliseconds(15)) {
                kill(getpid(), SIGKILL)
            }
        }

        /// For the write block: time for the process to die while the server is at this place.
        var pause: String { self == Self.chosen ? "DO SLEEP(0.04);" : "" }
        private var isDue: Bool { self == Self.chosen && Int.random(in: 1...Self.every) == 1 }
    }
#else
    extension FailPoint {
        @inline(__always) public func hit() {}
        @inline(__always) public func hitSoon() {}
        @inline(__always) var pause: String { "" }
    }
#endif
