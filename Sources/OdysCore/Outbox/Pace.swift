/// The times of delivery, in seconds. They are what `Limits` says; a debug build may shrink all of them alike, so
/// that hours of an outage can be lived through in a test.
public struct Pace: Sendable {
    private let scale: Double

    /// What the product runs with.
    public static let standard = Pace(scale: 1)

    public init(scale: Double) { self.scale = scale }
    public var lease: Double { Double(Limits.leaseSeconds) * scale }
    public var send: Double { Double(Limits.sendSeconds) * scale }
    public var answer: Double { Double(Limits.mailAnswerSeconds) * scale }
    public var version: Double { Double(Limits.versionSeconds) * scale }
    /// Seconds that one attempt can take, all transfers and answers together. A lease with less than that left is
    /// given back.
    public func longestSend(_ channel: Channel) -> Double {
        switch channel {
        // The version of the server, the message, and where the form was wrong, both once more.
        case .whatsapp: 2 * (version + send)
        // The server's last reply and its farewell can come on top of the transfer's time.
        case .email: send + 2 * answer
        }
    }
    /// Seconds a sender may spend on one message before it counts as stuck.
    public func senderSilence(_ channel: Channel) -> Double { longestSend(channel) + Limits.senderSlackSeconds }
    public var unclearRetry: Double { Limits.unclearRetrySeconds * scale }
    public var refusedRetry: Double { Limits.refusedRetrySeconds * scale }
    public var misconfiguredRetry: Double { Limits.misconfiguredRetrySeconds * scale }
    public var breakerOpen: Double { Limits.breakerOpenSeconds * scale }

    /// Seconds until the next attempt: the nominal delay doubles from 5 s up to an hour, half of it fixed, half
    /// random, so that messages that failed together do not come back together. There is no last attempt but the
    /// message's expiry.
    ///
    /// | after attempt | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 and later |
    /// | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
    /// | nominal seconds | 5 | 10 | 20 | 40 | 80 | 160 | 320 | 640 | 1,280 | 2,560 | 3,600 |
    ///
    /// - Parameter jitter: evenly drawn from 0..<1.
    public func backoff(attempt: Int, jitter: Double) -> Double {
        let doublings = min(max(attempt, 1) - 1, 10)
        let nominal = min(3_600, 5 * Double(1 << doublings)) * scale
        return nominal / 2 + jitter * nominal / 2
    }
}
