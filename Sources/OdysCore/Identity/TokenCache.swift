internal import Crypto

/// The hash under which a token is remembered: the token itself is kept nowhere.
public struct TokenDigest: Sendable, Hashable {
    private let digest: SHA256Digest

    public init(_ token: String) { digest = SHA256.hash(data: Array(token.utf8)) }
}

/// Tokens that were verified lately, so that a caller's signature is not computed for each of its requests.
///
/// Two halves: the young one is filled, and takes the place of the old one when it is full. So the size is bounded,
/// and nothing is ever searched for what could be dropped.
public struct TokenCache: Sendable {
    private var young: [TokenDigest: VerifiedToken] = [:]
    private var old: [TokenDigest: VerifiedToken] = [:]
    private let halfMax: Int

    public init(max: Int = Limits.tokenCacheMax) {
        halfMax = max / 2
    }

    public var count: Int { young.count + old.count }

    /// What is remembered of a token, where it still counts.
    public func verified(_ digest: TokenDigest, now: Double) -> VerifiedToken? {
        guard let found = young[digest] ?? old[digest], found.validFrom <= now, now < found.validBefore
        else { return nil }
        return found
    }

    public mutating func remember(_ digest: TokenDigest, _ token: VerifiedToken) {
        if young.count >= halfMax, young[digest] == nil {
            old = young
            young = [:]
        }
        young[digest] = token
    }

    /// After a change of keys: what the old ones signed counts no longer.
    public mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
