internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysDelivery
internal import OdysHost
internal import Synchronization

/// One thread that keeps secrets and keys current: it reads the settings' files again on SIGHUP or when the key set's
/// file has changed, and fetches the key set at its address. No request waits for it.
final class CredentialReloader: Sendable {
    private let live: LiveSettings
    private let log: Logger
    private let woken = DispatchSemaphore(value: 0)
    private let pending = Mutex(PendingWork())
    private let reloaded = DispatchSemaphore(value: 0)
    private let isReloadGood = Atomic<Bool>(false)

    private struct PendingWork {
        var refetchesKeys = false
        var reloads = false
        var stops = false
    }

    init(_ live: LiveSettings, log: Logger) {
        self.live = live
        self.log = log
    }

    /// A token named a key that is not known.
    func requestKeyRefetch() {
        // Woken once for many: anybody can send tokens with unknown names, as often as they like.
        let wasRequested = pending.withLock { pending in
            defer { pending.refetchesKeys = true }
            return pending.refetchesKeys
        }
        if !wasRequested { woken.signal() }
    }

    /// Reads secrets and keys again, and returns when they hold: a fetch of the key set is part of it. Called by one
    /// thread, the same that calls `stop`. Returns false where something is wrong with them; then the old ones stay.
    func reload() -> Bool {
        pending.withLock { $0.reloads = true }
        woken.signal()
        reloaded.wait()
        return isReloadGood.load(ordering: .acquiring)
    }

    func stop() {
        pending.withLock { $0.stops = true }
        woken.signal()
    }

    /// Starts the thread and waits for its first fetch, so that a process that has just started does not turn away
    /// callers whose key it is about to get.
    ///
    /// - Parameter authenticator: nil in a process that answers no requests and so needs no keys.
    func start(for authenticator: Authenticator?, in group: DispatchGroup) {
        let isReady = DispatchSemaphore(value: 0)
        DispatchQueue(label: "odys.credentials").async(group: group) { self.run(authenticator, isReady) }
        isReady.wait()
    }

    private func run(_ authenticator: Authenticator?, _ isReady: DispatchSemaphore) {
        let tokens = live.current.tokens
        var source = authenticator == nil ? nil : tokens.keySetURL.map(KeySource.init)
        var version = tokens.keySetFile.map(Environment.version)
        log.report(leftOut: tokens.fileKeys?.leftOut ?? [], of: "ODYS_JWKS_FILE")
        source?.refresh(log)
        authenticator?.use(tokens.verifier(fetched: source?.published.keys ?? []))
        isReady.signal()
        while true {
            let untilFetch = source?.published.seconds(untilFetchAt: Clock.uptime) ?? Limits.keyRefreshSeconds
            let work = wait(seconds: version == nil ? untilFetch : min(untilFetch, Limits.keyFilePollSeconds))
            if work.stops { return }
            let newVersion = tokens.keySetFile.map(Environment.version)
            var isGood = true
            if work.reloads || newVersion != version {
                version = newVersion
                isGood = readSettings()
                source?.published.fetchNow(at: Clock.uptime)
            }
            if work.refetchesKeys, source?.published.requestRefetch(at: Clock.uptime) == true {
                log.info("a token names an unknown key; the key set is fetched again")
            }
            if source?.published.seconds(untilFetchAt: Clock.uptime) == 0 { source?.refresh(log) }
            let verifier = live.current.tokens.verifier(fetched: source?.published.keys ?? [])
            if authenticator?.use(verifier) == true { log.notice("the keys of tokens have changed") }
            if work.reloads {
                isReloadGood.store(isGood, ordering: .releasing)
                reloaded.signal()
            }
        }
    }

    private func wait(seconds: Double) -> PendingWork {
        _ = woken.wait(timeout: .now() + seconds)
        return pending.withLock { pending in
            defer { pending = PendingWork(stops: pending.stops) }
            return pending
        }
    }

    private func readSettings() -> Bool {
        do throws(SettingsError) {
            try live.reload()
            log.notice("secrets and keys were read again")
            log.report(leftOut: live.current.tokens.fileKeys?.leftOut ?? [], of: "ODYS_JWKS_FILE")
            return true
        } catch {
            log.error(
                "secrets and keys were not read again; the old ones stay: \(error.problems.joined(separator: "; "))")
            return false
        }
    }
}

/// The key set at an address, and the outcome of the last fetch.
private struct KeySource {
    var published = PublishedKeys(now: Clock.uptime)
    private let fetch: KeySetFetch
    private var leftOut: [String] = []
    /// Why the last fetch failed; nil where it did not.
    private var failure: String?

    init(_ url: String) { fetch = KeySetFetch(url) }

    /// Fetches the set. One line for each cause in turn, not one for each try.
    mutating func refresh(_ log: Logger) {
        switch fetch.fetch() {
        case .success(let set):
            published.fetched(set.keys, at: Clock.uptime)
            if failure != nil { log.notice("the key set can be fetched again") }
            failure = nil
            if set.leftOut != leftOut { log.report(leftOut: set.leftOut, of: "ODYS_JWKS_URL") }
            leftOut = set.leftOut
        case .failure(let error):
            let areDropped = published.failed(at: Clock.uptime)
            if areDropped {
                log.error("the key set could not be fetched for too long; its keys count no longer")
            } else if failure != "\(error)" {
                let last = published.isKnown ? "the last keys count for up to a day" : "there are none yet"
                log.error("ODYS_JWKS_URL cannot be fetched; \(last)", metadata: ["error": "\(error)"])
            }
            failure = "\(error)"
        }
    }
}

extension Logger {
    fileprivate func report(leftOut: [String], of name: String) {
        for reason in leftOut { warning("\(name): a key is left out", metadata: ["reason": "\(reason)"]) }
    }
}
