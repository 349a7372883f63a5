internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// One thread that delivers messages of one channel, with its own database connection and its own libcurl handle. A
/// serial queue of its own, like a `Worker`.
struct OutboxWorker {
    let status: ThreadStatus
    let queue: ChannelQueue
    let live: LiveSettings
    let ratePerSecond: Int
    let pace: Pace
    /// Makes the function that sends one message. Called on the sender's own queue, where its libcurl handle lives.
    let makeDeliver: @Sendable () -> (ClaimedMessage) -> DeliveryOutcome
    let metrics: Metrics
    let log: Logger

    /// Starts the loop. The group is left when the queue was stopped and the message in flight is settled.
    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.\(status.name)").async(group: group, execute: run)
    }

    private enum Claim {
        /// - Parameter leaseBegan: by this host's clock, which also counts while the host is suspended.
        case claimed(ClaimedMessage, leaseBegan: Double)
        case nothingDue
        /// The breaker is open, or the senders are to stop.
        case notAllowed

        /// Only then does it say anything about the database.
        var askedDatabase: Bool { if case .notAllowed = self { false } else { true } }
    }

    @Sendable private func run() {
        status.adoptCurrentThread()
        let store = OutboxStore(
            Connection { live.current.database }, channel: queue.channel, exclusions: queue.senders - 1,
            ratePerSecond: ratePerSecond, pace: pace, makeLeaseToken: Identifier.bytes)
        let deliver = makeDeliver()
        var isFailing = false
        while !queue.stops {
            status.beat()
            do throws(StoreError) {
                let claim = try claim(store)
                if isFailing, claim.askedDatabase {
                    log.notice("the outbox can be worked on again")
                    isFailing = false
                }
                if case .claimed(let message, let leaseBegan) = claim {
                    try settle(message, leaseBegan: leaseBegan, store, deliver)
                    // Leave the database to requests for a moment while a backlog is worked off.
                    Clock.pause(milliseconds: Int.random(in: Limits.senderPauseMilliseconds))
                } else {
                    // Spread, so that the senders of several processes do not poll at the same moment.
                    queue.wait(seconds: Limits.pollSeconds * Double.random(in: 0.75..<1.25))
                }
            } catch {
                status.end()
                metrics.note(error, isWrite: error.kind == .refusing)
                // One line for an outage, not one for each second of it.
                if !isFailing {
                    log.error("the outbox cannot be worked on: \(error.remedy)", metadata: ["error": "\(error)"])
                }
                isFailing = true
                queue.wait(seconds: Limits.pollSeconds * Double.random(in: 1..<2))
            }
        }
    }

    /// Claims the next message. Where other senders were faster for every candidate there may be more, so it tries
    /// again, but not for ever: the rows may be locked for longer.
    private func claim(_ store: OutboxStore) throws(StoreError) -> Claim {
        for _ in 0..<Limits.contendedClaimsMax {
            guard queue.permits(at: Clock.uptime) else { return .notAllowed }
            var isUsed = false
            defer { if !isUsed { queue.returnPermit(at: Clock.uptime) } }
            let begun = Clock.uptime
            switch try queue.claim({ inFlight throws(StoreError) in try store.claim(passingOver: inFlight) }) {
            case nil: return .notAllowed
            case .claimed(let message):
                isUsed = message.settlementBeforeSending == nil
                status.begin(Template(rawValue: message.template)?.rawValue ?? "unknown template")
                FailPoint.w1.hit()
                return .claimed(message, leaseBegan: begun)
            case .contended: Clock.pause(milliseconds: Int.random(in: 2...20))
            case .limited(let seconds): Clock.pause(milliseconds: Int(min(seconds, Limits.pollSeconds) * 1_000) + 1)
            case .nothingDue: return .nothingDue
            }
        }
        return .nothingDue
    }

    /// Sends the message, unless it is settled without that, and records what became of it.
    private func settle(
        _ message: ClaimedMessage, leaseBegan: Double, _ store: OutboxStore,
        _ deliver: (ClaimedMessage) -> DeliveryOutcome
    ) throws(StoreError) {
        defer { queue.release(message.recipient) }
        let leaseEnds = leaseBegan + pace.lease
        let settlement =
            message.settlementBeforeSending
            ?? message.settle(
                attempt(message, leaseEnds: leaseEnds, deliver), jitter: Double.random(in: 0..<1), pace: pace)
        let holdsLease = try record(message, settlement, until: leaseEnds, store)
        status.end()
        metrics.note(settlement, of: message, holdsLease: holdsLease)
        log.record(message, settlement, holdsLease: holdsLease)
    }

    /// Sends one message, and tells the breaker how it went.
    private func attempt(
        _ message: ClaimedMessage, leaseEnds: Double, _ deliver: (ClaimedMessage) -> DeliveryOutcome
    ) -> DeliveryOutcome {
        FailPoint.w2.hit()
        // After a suspended host has resumed, another sender may hold the message by now.
        let isTooLate = Clock.uptime > leaseEnds - pace.longestSend(queue.channel)
        if !isTooLate { FailPoint.w3.hitSoon() }
        let begun = Clock.uptime
        let outcome = queue.judge(
            isTooLate ? .notTried(reason: "the lease was nearly over") : deliver(message), recipient: message.recipient)
        FailPoint.w4.hit()
        status.beat()
        metrics.note(outcome, of: message, seconds: Clock.uptime - begun)
        if queue.note(outcome, recipient: message.recipient, at: Clock.uptime) {
            metrics.pauses.add(queue.channel)
            log.error(
                "the channel is paused: its provider fails; one message is tried every \(Int(pace.breakerOpen)) s",
                metadata: ["channel": "\(queue.channel.rawValue)", "error": "\(outcome.reason)"])
        }
        return outcome
    }

    /// Records a settlement, and does not give up while the lease lasts: a message that was sent and not recorded is
    /// sent again. Returns false when another sender had claimed the message since.
    private func record(
        _ message: ClaimedMessage, _ settlement: Settlement, until leaseEnds: Double, _ store: OutboxStore
    ) throws(StoreError) -> Bool {
        while true {
            status.beat()
            do throws(StoreError) {
                let isRecorded = try store.record(message, settlement)
                FailPoint.w5.hit()
                return isRecorded
            } catch {
                metrics.note(error, isWrite: true)
                guard Clock.uptime < leaseEnds, error.kind != .unexpected else {
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
    fileprivate func record(_ message: ClaimedMessage, _ settlement: Settlement, holdsLease: Bool) {
        var facts: Metadata = [
            "message_uid": "\(message.uid)", "channel": "\(message.channel.rawValue)",
            "template": "\(message.template.loggable)", "state": "\(settlement.state.rawValue)",
            "attempt": "\(message.attempts)",
        ]
        if let id = message.appointmentID { facts["appointment_id"] = "\(id)" }
        guard holdsLease else {
            warning("a message had been taken over by another sender; nothing was recorded", metadata: facts)
            return
        }
        switch settlement {
        case .sent(let providerID, _):
            if let providerID { facts["provider_id"] = "\(providerID.loggable)" }
            info("a message was sent", metadata: facts)
        case .retry(let delay, let error, _, _):
            facts["error"] = "\(error.loggable)"
            facts["retry_seconds"] = "\(Int(delay))"
            warning("a message was not sent and will be tried again", metadata: facts)
        case .dead(let error, _):
            facts["error"] = "\(error.loggable)"
            self.error("a message is dead and needs a person: see outbox.last_error", metadata: facts)
        case .skipped(let reason):
            facts["error"] = "\(reason.rawValue)"
            notice("a message was skipped", metadata: facts)
        case .expired:
            notice("a message expired before it could be sent", metadata: facts)
        case .superseded:
            info("a message was superseded", metadata: facts)
        }
    }
}

extension DeliveryOutcome {
    /// Why it was not sent, for the log.
    fileprivate var reason: String {
        switch self {
        case .notSent(let reason, _), .unclear(let reason), .permanent(let reason), .refused(let reason),
            .unsendable(let reason), .notTried(let reason), .misconfigured(let reason):
            reason.loggable
        case .skipped(let reason): reason.rawValue
        case .sent: ""
        }
    }
}

extension String {
    /// A text from outside, bounded for a line of the log.
    fileprivate var loggable: String { String(prefix(200)) }
}
