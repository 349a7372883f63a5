internal import Crypto

/// The cache's key: the hash of a token. The token itself is not kept.
public struct TokenDigest: Sendable, Hashable {
    private let digest: SHA256Digest

    public init(_ token: String) {
        var hash = SHA256()
        token.utf8Span.span.withUnsafeBytes { hash.update(bufferPointer: $0) }
        digest = hash.finalize()
    }
}

/// Tokens that were verified lately, so that a signature is not verified again for each request.
///
/// Two generations: when the young one is full it replaces the old one. This bounds the size without a search for
/// entries to evict.
public struct TokenCache: Sendable {
    private(set) var young: [TokenDigest: VerifiedToken] = [:]
    private(set) var old: [TokenDigest: VerifiedToken] = [:]
    private let halfMax: Int

    public init(max: Int = Limits.tokenCacheMax) { halfMax = max / 2 }

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

    /// After a change of keys.
    public mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
