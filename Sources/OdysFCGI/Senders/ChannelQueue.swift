internal import Dispatch
internal import OdysCore
internal import OdysStore
internal import Synchronization

/// What the senders of one channel share: wake-ups, in-flight recipients, breaker, stop flag.
final class ChannelQueue: Sendable {
    let channel: Channel
    let senders: Int
    let threads: ThreadGroupStatus
    private let isStopping = Atomic<Bool>(false)
    /// Wake-ups that no sender has taken yet. Never more than there are senders, so that a burst of commits does not
    /// leave a tail of empty polls.
    private let wakeUps = Mutex<Int>(0)
    private let wakeUp = DispatchSemaphore(value: 0)
    /// Whose turn it is to claim. A semaphore and not a lock, because a claim is a round trip to a database that may
    /// not answer, and `stop` must end the waiting of the others.
    private let claimTurn = DispatchSemaphore(value: 1)
    private let inFlight = Mutex<[String]>([])
    private let breaker: Mutex<Breaker>
    private let refused = Mutex(RefusedRecipients())
    private let lastPause = Mutex<DeliveryOutcome.Class?>(nil)

    init(_ channel: Channel, senders: Int, pace: Pace) {
        self.channel = channel
        self.senders = senders
        breaker = Mutex(Breaker(pace))
        threads = ThreadGroupStatus(channel.rawValue, senders, allowedSeconds: pace.senderSilence(channel))
    }

    /// Wakes one sender for each new message.
    func wake(messages: Int) {
        let added = wakeUps.withLock { waiting in
            let added = min(messages, senders - waiting)
            waiting += added
            return added
        }
        for _ in 0..<added { wakeUp.signal() }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        for _ in 0..<senders {
            wakeUp.signal()
            claimTurn.signal()
        }
    }

    var stops: Bool { isStopping.load(ordering: .acquiring) }

    /// Blocks until a wake-up, until `stop`, or for so many seconds.
    func wait(seconds: Double) {
        if wakeUp.wait(timeout: .now() + seconds) == .success { wakeUps.withLock { $0 = max(0, $0 - 1) } }
    }

    /// Claims a message to a recipient that no other sender of this process is sending to. One sender at a time: two at
    /// once would find the same recipient free. Returns nil where the senders are to stop.
    func claim(
        _ body: (_ inFlight: [String]) throws(StoreError) -> OutboxStore.Claim
    ) throws(StoreError) -> OutboxStore.Claim? {
        claimTurn.wait()
        defer { claimTurn.signal() }
        guard !stops else { return nil }
        let claim = try body(inFlight.withLock { $0 })
        if case .claimed(let message) = claim { inFlight.withLock { $0.append(message.recipient) } }
        return claim
    }

    func release(_ recipient: String) {
        inFlight.withLock { if let index = $0.firstIndex(of: recipient) { $0.remove(at: index) } }
    }

    /// Whether the provider may be tried now. The permit is used by that.
    func permits(at now: Double) -> Bool { breaker.withLock { $0.permits(at: now) } }

    /// Gives back a permit that was not needed.
    func returnPermit(at now: Double) { breaker.withLock { $0.returnPermit(at: now) } }

    /// What an attempt's outcome means beside those of other recipients.
    func judge(_ outcome: DeliveryOutcome, recipient: String) -> DeliveryOutcome {
        refused.withLock { $0.judge(outcome, recipient: recipient) }
    }

    /// - Returns: true when the channel was just paused.
    func note(_ outcome: DeliveryOutcome, recipient: String, at now: Double) -> Bool {
        let isPaused = breaker.withLock { $0.note(outcome, recipient: recipient, at: now) }
        if isPaused { lastPause.withLock { $0 = outcome.failureClass } }
        return isPaused
    }

    // A copy leaves the lock: Swift 6.3.1 does not compile the enumeration's switch inside it (release build).
    var phase: Breaker.Phase { breaker.withLock { $0 }.phase }

    /// What paused the channel the last time.
    var pausedBy: DeliveryOutcome.Class? { lastPause.withLock { $0 } }
}
