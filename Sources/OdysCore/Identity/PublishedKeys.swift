/// The keys of a key set at an address, over time: when to ask for them again, and how long the last ones count.
///
/// Times are seconds on a clock that only goes forward.
public struct PublishedKeys: Sendable {
    public private(set) var keys: [TokenKey] = []
    private var lastSuccess: Double?
    private var nextTry: Double
    private var failures = 0
    /// When a token with an unknown name last led to a fetch.
    private var lastAsked = -Double.infinity

    public init(now: Double) { nextTry = now }

    /// Whether keys were ever fetched and still count.
    public var isKnown: Bool { lastSuccess != nil }

    /// Seconds until the next regular fetch.
    public func seconds(untilFetchAt now: Double) -> Double { max(0, nextTry - now) }

    /// A token named a key that is not known.
    ///
    /// - Returns: whether that is reason enough for a fetch. Anybody can send such tokens, so seldom.
    public mutating func ask(at now: Double) -> Bool {
        guard now - lastAsked >= Limits.keyAskSeconds else { return false }
        lastAsked = now
        nextTry = now
        return true
    }

    /// The operator wants them now.
    public mutating func fetchNow(at now: Double) { nextTry = now }

    public mutating func fetched(_ keys: [TokenKey], at now: Double) {
        self.keys = keys
        lastSuccess = now
        failures = 0
        nextTry = now + Limits.keyRefreshSeconds
    }

    /// The last keys count on, but not for ever: a key that was withdrawn meanwhile would too.
    ///
    /// - Returns: whether the keys were dropped now.
    public mutating func failed(at now: Double) -> Bool {
        failures += 1
        nextTry = now + min(Limits.keyRetrySeconds * Double(1 << min(failures - 1, 8)), Limits.keyRefreshSeconds)
        guard let last = lastSuccess else { return false }
        guard now - last >= Limits.keyOutageSeconds else {
            // One last try when the time is over, and not up to a refresh later.
            nextTry = min(nextTry, last + Limits.keyOutageSeconds)
            return false
        }
        keys = []
        lastSuccess = nil
        return true
    }
}
