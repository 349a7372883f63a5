internal import Crypto

/// The cache's key: the hash of a token. The token itself is not kept.
public struct TokenDigest: Sendable, Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    public init(_ token: String) {
        words = SHA256.hash(data: Array(token.utf8)).withUnsafeBytes { bytes in
            (word(bytes, 0), word(bytes, 8), word(bytes, 16), word(bytes, 24))
        }
    }

    public static func == (one: TokenDigest, other: TokenDigest) -> Bool { one.words == other.words }

    public func hash(into hasher: inout Hasher) {
        // A SHA-256 word is random enough.
        hasher.combine(words.0)
    }
}

private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
}

/// Tokens that were verified lately, so that a signature is not verified again for each request.
///
/// Two generations: when the young one is full it replaces the old one. This bounds the size without a search for
/// entries to evict.
public struct TokenCache: Sendable {
    private(set) var young: [TokenDigest: VerifiedToken] = [:]
    private(set) var old: [TokenDigest: VerifiedToken] = [:]
    private let halfMax: Int

    public init(max: Int = Limits.tokenCacheMax) {
        halfMax = max / 2
    }

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
