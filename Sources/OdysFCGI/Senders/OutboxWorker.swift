internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// One thread that delivers messages of one channel, with its own database connection and its own libcurl handle. A
/// serial queue of its own, like a `Worker`.
struct OutboxWorker {
    let number: Int
    let queue: ChannelQueue
    let live: LiveSettings
    let ratePerSecond: Int
    let pace: Pace
    /// Makes the function that sends one message; called on the sender's own queue, where its libcurl handle lives.
    let makeDeliver: @Sendable () -> (ClaimedMessage) -> DeliveryOutcome
    let metrics: Metrics
    let log: Logger

    private var seat: Seat { queue.crew.seats[number - 1] }

    /// Starts the loop; the group is left when the queue was stopped and the message in hand is settled.
    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.\(queue.channel.rawValue).\(number)").async(group: group, execute: run)
    }

    @Sendable private func run() {
        let store = OutboxStore(
            Connection { live.current.database }, channel: queue.channel, exclusions: queue.senders - 1,
            ratePerSecond: ratePerSecond, pace: pace, makeLeaseToken: Identifier.bytes)
        let deliver = makeDeliver()
        seat.take()
        var leaseBegan = 0.0
        let drain = OutboxDrain(
            claim: { () throws(StoreError) in
                guard let claimed = try claim(store) else { return nil }
                leaseBegan = claimed.leaseBegan
                return claimed.message
            },
            deliver: { message in attempt(message, leaseBegan: leaseBegan, deliver) },
            record: { message, settlement throws(StoreError) in try record(message, settlement, store) },
            jitter: { Double.random(in: 0..<1) }, pace: pace)
        var isFailing = false
        while !queue.stops {
            seat.beat()
            do throws(StoreError) {
                if let step = try drain.step() {
                    seat.end()
                    metrics.note(step)
                    log.record(step)
                    // Whoever works off a backlog leaves the database to requests for a moment.
                    Clock.pause(milliseconds: Int.random(in: Limits.senderPauseMilliseconds))
                } else {
                    // Spread, so that the senders of several processes do not all look at the same moment.
                    queue.wait(seconds: Limits.pollSeconds * Double.random(in: 0.75..<1.25))
                }
                if isFailing { log.notice("the outbox can be worked on again") }
                isFailing = false
            } catch {
                seat.end()
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

    /// The next message; nil when none is due or the channel is paused. Where others were faster for every candidate
    /// there may be more, so it looks again, but not for ever: the rows may be locked for longer.
    private func claim(_ store: OutboxStore) throws(StoreError) -> Claimed? {
        for _ in 0..<Limits.contendedClaimsMax where !queue.stops {
            guard queue.permits(at: Clock.uptime) else { return nil }
            var isUsed = false
            defer { if !isUsed { queue.returnPermit(at: Clock.uptime) } }
            let begun = Clock.uptime
            switch try queue.claim({ busy throws(StoreError) in try store.claim(passingOver: busy) }) {
            case .claimed(let message):
                isUsed = message.settlementBeforeSending == nil
                seat.begin(Template(rawValue: message.template)?.rawValue ?? "unknown template")
                FailPoint.w1.hit()
                return Claimed(message: message, leaseBegan: begun)
            case .contended: Clock.pause(milliseconds: Int.random(in: 2...20))
            case .limited(let seconds): Clock.pause(milliseconds: Int(min(seconds, Limits.pollSeconds) * 1_000) + 1)
            case .nothingDue: return nil
            }
        }
        return nil
    }

    /// Sends one message, and lets the breaker know how it went.
    ///
    /// - Parameter leaseBegan: by this host's clock, which counts while the host is suspended too.
    private func attempt(
        _ message: ClaimedMessage, leaseBegan: Double, _ deliver: (ClaimedMessage) -> DeliveryOutcome
    ) -> DeliveryOutcome {
        FailPoint.w2.hit()
        // Whoever slept since the claim may find that another sender has the message by now.
        let longestSend = pace.send + 2 * pace.answer
        let isTooLate = Clock.uptime > leaseBegan + pace.lease - longestSend
        if !isTooLate { FailPoint.w3.hitSoon() }
        let begun = Clock.uptime
        let outcome = isTooLate ? .notTried(reason: "the lease was nearly over") : deliver(message)
        FailPoint.w4.hit()
        seat.beat()
        metrics.note(outcome, of: message, seconds: Clock.uptime - begun)
        if queue.note(outcome, recipient: message.recipient, at: Clock.uptime) {
            metrics.pauses.add(queue.channel)
            log.error(
                "the channel is paused: its provider fails; one message is tried every \(Int(pace.breakerOpen)) s",
                metadata: ["channel": "\(queue.channel.rawValue)", "error": "\(outcome.reason)"])
        }
        return outcome
    }

    private struct Claimed {
        let message: ClaimedMessage
        let leaseBegan: Double
    }

    /// Records a settlement, and does not give up while the lease lasts: a message that was sent and not recorded is
    /// sent again.
    private func record(
        _ message: ClaimedMessage, _ settlement: Settlement, _ store: OutboxStore
    ) throws(StoreError) -> Bool {
        defer { queue.release(message.recipient) }
        let deadline = Clock.uptime + pace.lease - 2 * pace.send
        while true {
            seat.beat()
            do throws(StoreError) {
                let isRecorded = try store.record(message, settlement)
                FailPoint.w5.hit()
                return isRecorded
            } catch {
                metrics.note(error, isWrite: true)
                guard Clock.uptime < deadline, error.kind != .unexpected else {
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
        case .notSent(let reason, _), .unclear(let reason), .permanent(let reason), .unsendable(let reason),
            .notTried(let reason), .misconfigured(let reason):
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
