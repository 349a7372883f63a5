internal import Dispatch
internal import OdysCore
internal import OdysStore
internal import Synchronization

/// What the senders of one channel share: the wish to be woken, the recipients in hand, the breaker, the order to stop.
final class ChannelQueue: Sendable {
    let channel: Channel
    let senders: Int
    private let isStopping = Atomic<Bool>(false)
    /// Wake-ups that no sender has taken yet. Never more than there are senders, so that a burst of commits does not
    /// leave a tail of empty looks behind.
    private let wakeUps = Mutex<Int>(0)
    private let semaphore = DispatchSemaphore(value: 0)
    private let inHand = Mutex<[String]>([])
    private let breaker: Mutex<Breaker>
    private let lastPause = Mutex<DeliveryOutcome.Class?>(nil)
    /// Where the senders sit.
    let crew: Crew

    init(_ channel: Channel, senders: Int, pace: Pace) {
        breaker = Mutex(Breaker(pace))
        crew = Crew(channel.rawValue, senders, allowedSeconds: pace.senderSilence)
        self.channel = channel
        self.senders = senders
    }

    /// Wakes one sender for each new message.
    func wake(messages: Int) {
        let added = wakeUps.withLock { waiting in
            let added = min(messages, senders - waiting)
            waiting += added
            return added
        }
        for _ in 0..<added { semaphore.signal() }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        for _ in 0..<senders { semaphore.signal() }
    }

    var stops: Bool { isStopping.load(ordering: .acquiring) }

    /// Blocks until somebody wakes a sender, the senders are to stop, or the time is over.
    func wait(seconds: Double) {
        if semaphore.wait(timeout: .now() + seconds) == .success {
            wakeUps.withLock { $0 = max(0, $0 - 1) }
        }
    }

    /// Claims a message for none of the recipients that senders of this process are sending to, and takes its recipient
    /// in hand. One sender at a time: two that look at once would both find the same recipient free.
    func claim(
        _ body: ([String]) throws(StoreError) -> OutboxStore.Claim
    ) throws(StoreError) -> OutboxStore.Claim {
        try inHand.withLock { busy throws(StoreError) in
            let claim = try body(busy)
            if case .claimed(let message) = claim { busy.append(message.recipient) }
            return claim
        }
    }

    func release(_ recipient: String) {
        inHand.withLock { if let index = $0.firstIndex(of: recipient) { $0.remove(at: index) } }
    }

    /// Whether the provider may be tried now; the permit is used by that.
    func permits(at now: Double) -> Bool { breaker.withLock { $0.permits(at: now) } }

    /// A permit was not needed.
    func returnPermit(at now: Double) { breaker.withLock { $0.returnPermit(at: now) } }

    /// - Returns: true when the channel was just paused.
    func note(_ outcome: DeliveryOutcome, recipient: String, at now: Double) -> Bool {
        let isPaused = breaker.withLock { $0.note(outcome, recipient: recipient, at: now) }
        if isPaused { lastPause.withLock { $0 = outcome.failureClass } }
        return isPaused
    }

    var phase: Breaker.Phase { breaker.withLock { $0.phase } }

    /// What paused the channel the last time.
    var pausedBy: DeliveryOutcome.Class? { lastPause.withLock { $0 } }
}
