import Testing

@testable import OdysCore

@Suite("Token cache and published keys") struct TokenCacheTests {
    private static func token(_ user: String = "u", from: Double = 0, until: Double = 100) -> VerifiedToken {
        VerifiedToken(userID: UserID(user), validFrom: from, validBefore: until)
    }

    @Test("token cache: an entry counts from nbf until exp")
    func aTokenIsRememberedUntilItsTimeIsOver() {
        var cache = TokenCache()
        let digest = TokenDigest("a.b.c")
        #expect(cache.verified(digest, now: 50) == nil)
        cache.remember(digest, Self.token(from: 10, until: 100))
        for (now, isKnown) in [(9.99, false), (10, true), (99.99, true), (100, false), (1e9, false)] {
            #expect((cache.verified(digest, now: now) != nil) == isKnown)
        }
        #expect(cache.verified(TokenDigest("a.b.d"), now: 50) == nil)
        cache.removeAll()
        #expect(cache.verified(digest, now: 50) == nil)
    }

    @Test("token cache: the verifier's times include the leeway")
    func theVerifierSaysHowLongATokenCounts() {
        let claims = #"{"sub":"u","exp":1893456100.5,"nbf":1893455000,"iat":1893455100}"#
        let verified = TokenSamples.verifier().examine(TokenSamples.token(claims), now: TokenSamples.now).verified
        #expect(verified == Self.token(from: 1_893_455_070, until: 1_893_456_130.5))
    }

    @Test("token cache: bounded in size, the latest half stays")
    func theSizeIsBounded() {
        var cache = TokenCache(max: 10)
        for number in 0..<1_000 {
            cache.remember(TokenDigest("\(number)"), Self.token("\(number)"))
            #expect(cache.young.count + cache.old.count <= 10)
            #expect(cache.verified(TokenDigest("\(number)"), now: 1)?.userID.text == "\(number)")
        }
        // The latest half is always there.
        for number in 995..<1_000 { #expect(cache.verified(TokenDigest("\(number)"), now: 1) != nil) }
        #expect(cache.verified(TokenDigest("0"), now: 1) == nil)
    }

    // MARK: Keys over time

    private static let minute = 60.0
    private static let hour = 3_600.0

    private static func keys() throws -> [TokenKey] { try KeySamples.set([KeySamples.jwk(KeySamples.ec)]).keys }

    @Test("published keys: fetched at the start, then every 300 s")
    func keysAreFetchedAtOnceAndThenRegularly() throws {
        var published = PublishedKeys(now: 0)
        #expect(published.seconds(untilFetchAt: 0) == 0 && !published.isKnown)
        published.fetched(try Self.keys(), at: 1)
        #expect(published.keys.count == 1 && published.isKnown)
        #expect(published.seconds(untilFetchAt: 1) == 300 && published.seconds(untilFetchAt: 302) == 0)
        published.fetchNow(at: 2)
        #expect(published.seconds(untilFetchAt: 2) == 0)
    }

    @Test("published keys: an unknown kid asks at most once a minute")
    func anUnknownNameAsksOnceInAMinute() throws {
        var published = PublishedKeys(now: 0)
        published.fetched(try Self.keys(), at: 0)
        var asked: [Double] = []
        for second in 1...200 where published.requestRefetch(at: Double(second)) {
            asked.append(Double(second))
            #expect(published.seconds(untilFetchAt: Double(second)) == 0)
            published.fetched(try Self.keys(), at: Double(second))
        }
        #expect(asked == [1, 61, 121, 181])
    }

    @Test("published keys: kept for 24 hours while the issuer fails")
    func theLastKeysCountForADay() throws {
        var published = PublishedKeys(now: 0)
        published.fetched(try Self.keys(), at: 0)
        var now = 300.0
        var tries = 0
        var dropped: Double?
        while dropped == nil, now < 30 * Self.hour {
            #expect(published.keys.count == 1)
            tries += 1
            if published.failed(at: now) { dropped = now }
            now += max(1, published.seconds(untilFetchAt: now))
        }
        #expect(dropped == 24 * Self.hour)
        #expect(published.keys == [] && !published.isKnown)
        #expect((280...300).contains(tries), "every five minutes, and more often at first: \(tries)")
        published.fetched(try Self.keys(), at: now)
        #expect(published.keys.count == 1)
    }

    @Test("published keys: a failed first fetch is repeated, 5 s doubling to 300 s")
    func aFirstFetchThatFailedIsRepeatedSoon() {
        var published = PublishedKeys(now: 0)
        var pauses: [Double] = []
        for _ in 0..<9 {
            let areDropped = published.failed(at: 0)
            #expect(!areDropped)
            pauses.append(published.seconds(untilFetchAt: 0))
        }
        #expect(pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300])
    }
}
