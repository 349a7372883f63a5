/// The keys of a key set at an address: when to fetch them, and for how long they stay valid.
///
/// Times are seconds on a monotonic clock.
public struct PublishedKeys: Sendable {
    public private(set) var keys: [TokenKey] = []
    private var lastSuccess: Double?
    private var nextTry: Double
    private var failures = 0
    /// When an unknown key id last led to a fetch.
    private var lastRefetch = -Double.infinity

    public init(now: Double) { nextTry = now }

    /// Whether there are keys that are still valid.
    public var isKnown: Bool { lastSuccess != nil }

    /// Seconds until the next regular fetch.
    public func seconds(untilFetchAt now: Double) -> Double { max(0, nextTry - now) }

    /// A token named an unknown key. Returns whether a fetch is due now. Rate-limited, because anybody can send such
    /// tokens.
    public mutating func requestRefetch(at now: Double) -> Bool {
        guard now - lastRefetch >= Limits.unknownKeyRefetchSeconds else { return false }
        lastRefetch = now
        nextTry = now
        return true
    }

    public mutating func fetchNow(at now: Double) { nextTry = now }

    public mutating func fetched(_ keys: [TokenKey], at now: Double) {
        self.keys = keys
        lastSuccess = now
        failures = 0
        nextTry = now + Limits.keyRefreshSeconds
    }

    /// Keys stay valid through an outage, up to a limit: one of them may have been withdrawn meanwhile. Returns whether
    /// the limit was reached and the keys were dropped.
    public mutating func failed(at now: Double) -> Bool {
        failures += 1
        nextTry = now + min(Limits.keyRetrySeconds * Double(1 << min(failures - 1, 8)), Limits.keyRefreshSeconds)
        guard let last = lastSuccess else { return false }
        guard now - last >= Limits.keyOutageSeconds else {
            // The last try is at the limit, not up to a refresh interval after it.
            nextTry = min(nextTry, last + Limits.keyOutageSeconds)
            return false
        }
        keys = []
        lastSuccess = nil
        return true
    }
}
