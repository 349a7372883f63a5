internal import OdysCore
internal import OdysHost
internal import Synchronization

/// What the process counts. No label is an id or a name.
final class Metrics: Sendable {
    enum TokenProblem: String, CaseIterable {
        case missing, invalid
    }

    /// The statuses of the interface; any other is counted as `other`.
    private static let statuses = [200, 204, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 500, 503]
    private static let otherStatus = 0
    private static let actions: [AppointmentAction?] = [nil] + AppointmentAction.allCases

    let answers = CounterFamily(
        "odys_http_requests_total", "Requests answered, by the action that was asked for and the status.",
        actions.flatMap { action in (statuses + [otherStatus]).map { LabelPair(first: action, second: $0) } }
    ) { key in
        let status = key.second == otherStatus ? "other" : "\(key.second)"
        return [("action", key.first?.rawValue ?? "none"), ("status", status)]
    }
    let requestSeconds = Histogram([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5])
    let slowRequests = Counter()
    let connections = Counter()
    let brokenConnections = Counter()
    let tokenProblems = CounterFamily<TokenProblem>(
        "odys_auth_failures_total", "Requests without a good token.", by: "reason")
    let transitions = CounterFamily(
        "odys_transitions_total", "Changes of appointments that were committed.", RequestRecord.Transition.allCases
    ) { [("action", $0.action.rawValue), ("from", $0.from.rawValue), ("to", $0.to.rawValue)] }

    let sent = CounterFamily(
        "odys_messages_sent_total", "Messages that a provider took.", by: ("channel", "template"), Channel.allCases,
        Template.allCases)
    let failures = CounterFamily(
        "odys_messages_failed_total", "Attempts that failed, by the class of the outcome.", by: ("channel", "class"),
        Channel.allCases, DeliveryOutcome.Class.allCases)
    let settled = CounterFamily(
        "odys_messages_settled_total", "Messages that this process finished, by their final state.",
        by: ("channel", "state"), Channel.allCases, OutboxState.allCases.filter { $0 != .pending })
    let pauses = CounterFamily<Channel>(
        "odys_breaker_pauses_total", "Times that the channel was paused.", by: "channel")
    let sendSeconds = Channel.allCases.map { channel in
        Histogram([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15], ("channel", channel.rawValue))
    }

    let databaseErrors = CounterFamily<StoreError.Kind>(
        "odys_db_errors_total", "Failures of the database, by kind.", by: "kind")
    /// The last failed write, and when it was; nil once another has succeeded.
    private let writeFailure = Mutex<(error: StoreError, at: Double)?>(nil)

    /// - Parameter record: nil for a preflight.
    func note(_ record: RequestRecord?, status: Int, seconds: Double) {
        if !answers.add(record?.action, status) { answers.add(record?.action, Self.otherStatus) }
        requestSeconds.note(seconds: seconds)
        if seconds > Limits.slowRequestSeconds { slowRequests.add() }
        guard let record else { return }
        if case .unauthenticated(let tokenPresented) = record.refusal {
            tokenProblems.add(tokenPresented ? .invalid : .missing)
        }
        if let transition = record.transition {
            transitions.add(transition)
            noteWrite()
        }
        if let failure = record.failure { note(failure, isWrite: true) }
    }

    func note(_ outcome: DeliveryOutcome, of message: ClaimedMessage, seconds: Double) {
        for (channel, histogram) in zip(Channel.allCases, sendSeconds) where channel == message.channel {
            histogram.note(seconds: seconds)
        }
        if let failure = outcome.failureClass {
            failures.add(message.channel, failure)
        } else if case .sent = outcome, let template = Template(rawValue: message.template) {
            sent.add(message.channel, template)
        }
    }

    /// - Parameter holdsLease: false where another sender had the message, and nothing was recorded.
    func note(_ settlement: Settlement, of message: ClaimedMessage, holdsLease: Bool) {
        noteWrite()
        if holdsLease { settled.add(message.channel, settlement.state) }
    }

    func note(_ error: StoreError, isWrite: Bool = false) {
        databaseErrors.add(error.kind)
        if isWrite { writeFailure.withLock { $0 = (error, Clock.uptime) } }
    }

    /// A write has succeeded, so the database takes them again.
    func noteWrite() { writeFailure.withLock { $0 = nil } }

    var recentWriteFailure: StoreError? {
        writeFailure.withLock { failure in
            failure.flatMap { Clock.uptime - $0.at < Limits.writeFailureSeconds ? $0.error : nil }
        }
    }
}
