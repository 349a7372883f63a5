/// Places where tests can kill a debug build: at `ODYS_FAIL_POINT`, on average once in `ODYS_FAIL_EVERY` passes.
/// In a release build `hit` and `pause` are empty.
public enum FailPoint: String, Sendable, CaseIterable {
    /// A request's transaction: begins; has its key; has the row lock.
    case p1 = "P1"
    case p2 = "P2"
    case p3 = "P3"
    /// The write block runs on the server: after the UPDATE, the event, the notification, the messages, before
    /// COMMIT.
    case p4 = "P4"
    case p5 = "P5"
    case p6 = "P6"
    case p7 = "P7"
    case p8 = "P8"
    /// Committed; and about to answer.
    case p9 = "P9"
    case p10 = "P10"
    /// A delivery: claimed; about to send; request written; answer read; recorded.
    case w1 = "W1"
    case w2 = "W2"
    case w3 = "W3"
    case w4 = "W4"
    case w5 = "W5"
}

#if DEBUG
    internal import Dispatch
    internal import Glibc

    extension FailPoint {
        private static let chosen = getenv("ODYS_FAIL_POINT").flatMap { FailPoint(rawValue: String(cString: $0)) }
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
