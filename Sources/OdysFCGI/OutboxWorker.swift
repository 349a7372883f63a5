internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysDelivery
internal import OdysStore
internal import Synchronization

/// What the senders of one channel share: the wish to be woken, the recipients in hand, the order to stop.
final class ChannelQueue: Sendable {
    let channel: Channel
    let senders: Int
    private let isStopping = Atomic<Bool>(false)
    /// Wake-ups that no sender has taken yet. Never more than there are senders, so that a burst of commits does not
    /// leave a tail of empty looks behind.
    private let wakeUps = Mutex<Int>(0)
    private let semaphore = DispatchSemaphore(value: 0)
    private let inHand = Mutex<[String]>([])

    init(_ channel: Channel, senders: Int) {
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

    /// Recipients that senders of this process are sending to.
    var busy: [String] { inHand.withLock { $0 } }

    func take(_ recipient: String) { inHand.withLock { $0.append(recipient) } }

    func release(_ recipient: String) {
        inHand.withLock { if let index = $0.firstIndex(of: recipient) { $0.remove(at: index) } }
    }
}

/// One thread that delivers messages of one channel, with its own database connection and its own libcurl handle. A
/// serial queue of its own, like a `Worker`.
struct OutboxWorker {
    let number: Int
    let queue: ChannelQueue
    let database: DatabaseSettings
    /// Makes the function that sends one message; called on the sender's own queue, where its libcurl handle lives.
    let makeDeliver: @Sendable () -> (ClaimedMessage) -> DeliveryOutcome
    let log: Logger

    /// Starts the loop; the group is left when the queue was stopped and the message in hand is settled.
    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.\(queue.channel.rawValue).\(number)").async(group: group, execute: run)
    }

    @Sendable private func run() {
        let store = OutboxStore(
            Connection(database), channel: queue.channel, exclusions: queue.senders - 1,
            makeLeaseToken: Identifier.bytes)
        let deliver = makeDeliver()
        let drain = OutboxDrain(
            claim: { () throws(StoreError) in try claim(store) },
            deliver: deliver,
            record: { message, settlement throws(StoreError) in try record(message, settlement, store) },
            jitter: { Double.random(in: 0..<1) })
        var isFailing = false
        while !queue.stops {
            do throws(StoreError) {
                if let step = try drain.step() {
                    queue.release(step.message.recipient)
                    log.record(step)
                } else {
                    // Spread, so that the senders of several processes do not all look at the same moment.
                    queue.wait(seconds: Limits.pollSeconds * Double.random(in: 0.75..<1.25))
                }
                if isFailing { log.notice("the outbox can be read again") }
                isFailing = false
            } catch {
                // One line for an outage, not one for each second of it.
                if !isFailing {
                    log.error("the outbox cannot be worked on: \(error.remedy)", metadata: ["error": "\(error)"])
                }
                isFailing = true
                queue.wait(seconds: Limits.pollSeconds * Double.random(in: 1..<2))
            }
        }
    }

    /// The next message; nil when none is due. Where others were faster for every candidate, there may be more.
    private func claim(_ store: OutboxStore) throws(StoreError) -> ClaimedMessage? {
        while !queue.stops {
            switch try store.claim(passingOver: queue.busy) {
            case .claimed(let message):
                queue.take(message.recipient)
                return message
            case .contended: continue
            case .nothingDue: return nil
            }
        }
        return nil
    }

    /// Records a settlement, and does not give up while the lease lasts: a message that was sent and not recorded is
    /// sent again.
    private func record(
        _ message: ClaimedMessage, _ settlement: Settlement, _ store: OutboxStore
    ) throws(StoreError) -> Bool {
        let deadline = Clock.uptime + Double(Limits.leaseSeconds - Limits.sendSeconds)
        while true {
            do throws(StoreError) {
                return try store.record(message, settlement)
            } catch {
                guard Clock.uptime < deadline, error.kind != .unexpected else {
                    queue.release(message.recipient)
                    log.error(
                        "a message was handled but could not be recorded; it will be sent again when its lease ends",
                        metadata: ["message_uid": "\(message.uid)", "error": "\(error)"])
                    throw error
                }
                Clock.pause(milliseconds: Int.random(in: 100...400))
            }
        }
    }
}

extension Logger {
    fileprivate func record(_ step: OutboxDrain.Step) {
        let message = step.message
        var facts: Metadata = [
            "message_uid": "\(message.uid)", "channel": "\(message.channel.rawValue)",
            "template": "\(message.template.loggable)", "state": "\(step.settlement.state.rawValue)",
            "attempt": "\(message.attempts)",
        ]
        if let id = message.appointmentID { facts["appointment_id"] = "\(id)" }
        guard step.leaseHeld else {
            warning("a message had been taken over by another sender; nothing was recorded", metadata: facts)
            return
        }
        switch step.settlement {
        case .sent(let providerID, _):
            if let providerID { facts["provider_id"] = "\(providerID.loggable)" }
            info("a message was sent", metadata: facts)
        case .retry(let delay, let error, _, _):
            facts["error"] = "\(error.loggable)"
            facts["retry_seconds"] = "\(Int(delay))"
            warning("a message was not sent and will be tried again", metadata: facts)
        case .dead(let error):
            facts["error"] = "\(error.loggable)"
            self.error("a message is dead and needs a person: see outbox.last_error", metadata: facts)
        case .skipped(let reason):
            facts["error"] = "\(reason.rawValue)"
            notice("a message was skipped", metadata: facts)
        case .expired:
            notice("a message expired before it could be sent", metadata: facts)
        }
    }
}

extension String {
    /// A text from outside, bounded for a line of the log.
    fileprivate var loggable: String { String(prefix(200)) }
}
