internal import OdysCore
internal import OdysHost
internal import Synchronization

/// What the process counts. Nothing here locks or allocates where requests are answered and messages are sent, and no
/// label is an id or a name.
final class Metrics: Sendable {
    struct Answer: MetricLabels {
        let action: AppointmentAction?
        let status: Int

        var pairs: [PrometheusText.Label] {
            [
                ("action", action?.rawValue ?? "none"),
                ("status", status == Metrics.otherStatus ? "other" : String(status)),
            ]
        }
    }

    struct Sent: MetricLabels {
        let channel: Channel
        let template: Template

        var pairs: [PrometheusText.Label] { [("channel", channel.rawValue), ("template", template.rawValue)] }
    }

    struct Failure: MetricLabels {
        let channel: Channel
        let failure: DeliveryOutcome.Class

        var pairs: [PrometheusText.Label] { [("channel", channel.rawValue), ("class", failure.rawValue)] }
    }

    struct Settled: MetricLabels {
        let channel: Channel
        let state: OutboxState

        var pairs: [PrometheusText.Label] { [("channel", channel.rawValue), ("state", state.rawValue)] }
    }

    enum AuthenticationFailure: String, CaseIterable, MetricLabels {
        case missing, invalid

        var pairs: [PrometheusText.Label] { [("reason", rawValue)] }
    }

    /// The statuses of the interface; any other is counted as `other`.
    static let statuses = [200, 204, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 500, 503]
    static let otherStatus = 0

    let answers = CounterFamily(
        "odys_http_requests_total", "Requests answered, by the action that was asked for and the status.",
        ([nil] + AppointmentAction.allCases).flatMap { action in
            (statuses + [otherStatus]).map { Answer(action: action, status: $0) }
        })
    let requestSeconds = Histogram([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5])
    let slowRequests = SingleCounter("odys_slow_requests_total", "Requests that took longer than a second.")
    let connections = SingleCounter("odys_connections_accepted_total", "Connections from the web server.")
    let brokenConnections = SingleCounter(
        "odys_connections_broken_total", "Connections that ended before their request was there.")
    let authenticationFailures = CounterFamily(
        "odys_auth_failures_total", "Requests without a good token.", AuthenticationFailure.allCases)
    let transitions = CounterFamily(
        "odys_transitions_total", "Changes of appointments that were committed.",
        AppointmentAction.allCases.flatMap { action in
            Status.allCases.flatMap { from in
                Status.allCases.map { RequestRecord.Transition(action: action, from: from, to: $0) }
            }
        })

    let sent = CounterFamily(
        "odys_messages_sent_total", "Messages that a provider took.",
        Channel.allCases.flatMap { channel in Template.allCases.map { Sent(channel: channel, template: $0) } })
    let failures = CounterFamily(
        "odys_messages_failed_total", "Attempts that failed, by the class of the outcome.",
        Channel.allCases.flatMap { channel in
            DeliveryOutcome.Class.allCases.map { Failure(channel: channel, failure: $0) }
        })
    let settled = CounterFamily(
        "odys_messages_settled_total", "Messages that this process finished, by their final state.",
        Channel.allCases.flatMap { channel in
            OutboxState.allCases.filter { $0 != .pending }.map { Settled(channel: channel, state: $0) }
        })
    let pauses = CounterFamily("odys_breaker_pauses_total", "Times that the channel was paused.", Channel.allCases)
    private let sendSeconds: [Channel: Histogram] = Dictionary(
        uniqueKeysWithValues: Channel.allCases.map { ($0, Histogram([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15])) })

    let databaseErrors = CounterFamily(
        "odys_db_errors_total", "Failures of the database, by kind.", StoreError.Kind.allCases)
    /// What the last write that failed met, and when; nil once another has succeeded.
    private let writeFailure = Mutex<(kind: StoreError.Kind, at: Double)?>(nil)
    /// Whether there is one, for a look without the lock. Changes under the lock only.
    private let hasWriteFailure = Atomic<Bool>(false)

    // MARK: Requests

    /// - Parameter record: nil for a preflight.
    func note(_ record: RequestRecord?, status: Int, seconds: Double) {
        if !answers.add(Answer(action: record?.action, status: status)) {
            answers.add(Answer(action: record?.action, status: Self.otherStatus))
        }
        requestSeconds.note(seconds: seconds)
        if seconds > Limits.slowRequestSeconds { slowRequests.add() }
        guard let record else { return }
        if case .unauthenticated(let tokenPresented) = record.refusal {
            authenticationFailures.add(tokenPresented ? .invalid : .missing)
        }
        if let transition = record.transition {
            transitions.add(transition)
            noteWrite()
        }
        if let failure = record.failure { note(failure, isWrite: true) }
    }

    // MARK: Deliveries

    func note(_ outcome: DeliveryOutcome, of message: ClaimedMessage, seconds: Double) {
        sendSeconds[message.channel]?.note(seconds: seconds)
        if let failure = outcome.failureClass {
            failures.add(Failure(channel: message.channel, failure: failure))
        } else if case .sent = outcome, let template = Template(rawValue: message.template) {
            sent.add(Sent(channel: message.channel, template: template))
        }
    }

    /// - Parameter holdsLease: false where another sender had the message, and nothing was recorded.
    func note(_ settlement: Settlement, of message: ClaimedMessage, holdsLease: Bool) {
        noteWrite()
        if holdsLease { settled.add(Settled(channel: message.channel, state: settlement.state)) }
    }

    var sendDistributions: [PrometheusText.Distribution] {
        Channel.allCases.compactMap { sendSeconds[$0]?.distribution(("channel", $0.rawValue)) }
    }

    // MARK: The database

    func note(_ error: StoreError, isWrite: Bool = false) {
        databaseErrors.add(error.kind)
        guard isWrite else { return }
        writeFailure.withLock {
            $0 = (error.kind, Clock.uptime)
            hasWriteFailure.store(true, ordering: .releasing)
        }
    }

    /// A write has succeeded, so the database takes them again.
    func noteWrite() {
        guard hasWriteFailure.load(ordering: .acquiring) else { return }
        // Both change together: a failure that is noted in between must not lose its flag, or no success would clear
        // it.
        writeFailure.withLock {
            $0 = nil
            hasWriteFailure.store(false, ordering: .releasing)
        }
    }

    var recentWriteFailure: StoreError.Kind? {
        writeFailure.withLock { failure in
            failure.flatMap { Clock.uptime - $0.at < Limits.writeFailureSeconds ? $0.kind : nil }
        }
    }
}

extension Channel: MetricLabels {
    var pairs: [PrometheusText.Label] { [("channel", rawValue)] }
}

extension StoreError.Kind: MetricLabels {
    var pairs: [PrometheusText.Label] { [("kind", rawValue)] }
}

extension RequestRecord.Transition: MetricLabels {
    var pairs: [PrometheusText.Label] { [("action", action.rawValue), ("from", from.rawValue), ("to", to.rawValue)] }
}
