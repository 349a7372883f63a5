/// Loops that do the same work side by side, such as the workers of a process, and when each of them last beat.
///
/// A loop beats each time round, and an idle one every few seconds. An unreachable database does not stop the beat:
/// every wait for it has a deadline.
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
