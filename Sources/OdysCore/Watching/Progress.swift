/// Loops that do the same work side by side, such as the workers of a process, and when each of them last got on.
///
/// A loop beats each time round, and an idle one every few seconds. A database that is away does not stop the beat:
/// every wait for it has a deadline.
public struct LoopGroup: Sendable, Equatable {
    public let name: String
    /// Seconds without a beat that a loop at work may need, at the worst.
    public let allowedSeconds: Double
    /// Seconds since the last beat of each loop.
    public let silences: [Double]

    public init(name: String, allowedSeconds: Double, silences: [Double]) {
        self.name = name
        self.allowedSeconds = allowedSeconds
        self.silences = silences
    }

    /// Seconds since any of them got on.
    public var silence: Double { silences.min() ?? 0 }

    /// Whether none of them gets on any more. One that does is enough: it takes what the others do not.
    public var isStuck: Bool { silence > allowedSeconds }
}
