internal import OdysCore
internal import OdysHost
internal import Synchronization

/// Who sends a request: the current keys, and a cache of the tokens that they have verified. One for the process,
/// shared by all workers.
///
/// The lock is held for a look-up in memory, and never while a signature is computed.
final class Authenticator: Sendable {
    private let reader: CredentialReader
    private let requestKeyRefetch: @Sendable () -> Void
    private let state: Mutex<State>

    private struct State {
        var verifier: TokenVerifier
        var cache = TokenCache()
        /// Counts the changes of keys: what was verified with other keys is not cached.
        var generation = 0
    }

    /// - Parameter requestKeyRefetch: called, without the lock, when a token names a key that is not known.
    init(_ settings: Settings, requestKeyRefetch: @escaping @Sendable () -> Void) {
        reader = CredentialReader(sessionCookie: settings.tokens.sessionCookie, allowedOrigins: settings.allowedOrigins)
        self.requestKeyRefetch = requestKeyRefetch
        state = Mutex(State(verifier: settings.tokens.verifier(fetched: [])))
    }

    /// The caller, or the refusal: 401 for whatever is wrong with a token, 403 for a cookie that fails the CSRF check.
    func authenticate(_ request: Request) -> Result<UserID, Refusal> {
        guard let credential = reader.credential(of: request) else {
            return .failure(.unauthenticated(tokenPresented: reader.presentsToken(request)))
        }
        guard let user = userID(in: credential.token) else { return .failure(.unauthenticated(tokenPresented: true)) }
        return credential.passesCSRFCheck ? .success(user) : .failure(.forbidden)
    }

    /// - Returns: whether the keys differ from those before.
    @discardableResult func use(_ verifier: TokenVerifier) -> Bool {
        state.withLock { state in
            defer { state.verifier = verifier }
            guard state.verifier.keys != verifier.keys else { return false }
            state.cache.removeAll()
            state.generation += 1
            return true
        }
    }

    private func userID(in token: String) -> UserID? {
        guard token.utf8.count <= Limits.tokenBytesMax else { return nil }
        let digest = TokenDigest(token)
        let now = Double(Clock.now.microseconds) / 1e6
        let (known, verifier, generation) = state.withLock { state in
            (state.cache.verified(digest, now: now), state.verifier, state.generation)
        }
        if let known { return known.userID }
        let examination = verifier.examine(token, now: now)
        if examination.namesUnknownKey { requestKeyRefetch() }
        guard let verified = examination.verified else { return nil }
        state.withLock { state in if state.generation == generation { state.cache.remember(digest, verified) } }
        return verified.userID
    }
}
