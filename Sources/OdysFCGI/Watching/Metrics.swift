internal import OdysCore
internal import OdysHost
internal import Synchronization

/// What the process counts. Nothing here is a lock or allocates where requests are answered and messages are sent, and
/// no label is an id or a name.
final class Metrics: Sendable {
    struct Answer: Hashable, Sendable {
        let action: AppointmentAction?
        let status: Int
    }

    struct Sent: Hashable, Sendable {
        let channel: Channel
        let template: Template
    }

    struct Failure: Hashable, Sendable {
        let channel: Channel
        let failure: DeliveryOutcome.Class
    }

    struct Settled: Hashable, Sendable {
        let channel: Channel
        let state: OutboxState
    }

    enum AuthenticationFailure: String, CaseIterable, Sendable {
        case missing, invalid
    }

    /// The statuses of the interface; any other is counted as `other`.
    static let statuses = [200, 204, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 500, 503]
    static let otherStatus = 0

    let answers = Counters(
        ([nil] + AppointmentAction.allCases).flatMap { action in
            (statuses + [otherStatus]).map { Answer(action: action, status: $0) }
        })
    let requestSeconds = Histogram([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5])
    let slowRequests = Counter()
    let connections = Counter()
    let brokenConnections = Counter()
    let authenticationFailures = Counters(AuthenticationFailure.allCases)
    let transitions = Counters(
        AppointmentAction.allCases.flatMap { action in
            Status.allCases.flatMap { from in
                Status.allCases.map { AppointmentEndpoint.Transition(action: action, from: from, to: $0) }
            }
        })

    let sent = Counters(
        Channel.allCases.flatMap { channel in Template.allCases.map { Sent(channel: channel, template: $0) } })
    let failures = Counters(
        Channel.allCases.flatMap { channel in
            DeliveryOutcome.Class.allCases.map { Failure(channel: channel, failure: $0) }
        })
    let settled = Counters(
        Channel.allCases.flatMap { channel in
            OutboxState.allCases.filter { $0 != .pending }.map { Settled(channel: channel, state: $0) }
        })
    let pauses = Counters(Channel.allCases)
    private let sendSeconds: [Channel: Histogram] = Dictionary(
        uniqueKeysWithValues: Channel.allCases.map { ($0, Histogram([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15])) })

    let databaseErrors = Counters(StoreError.Kind.allCases)
    /// What the last write that failed met, and when; nothing once another has succeeded.
    private let writeFailure = Mutex<(kind: StoreError.Kind, at: Double)?>(nil)
    private let hasWriteFailure = Atomic<Bool>(false)

    // MARK: Requests

    /// - Parameter record: what the endpoint said of the request; nil where it was a preflight.
    func note(_ record: AppointmentEndpoint.Record?, status: Int, hasToken: Bool, seconds: Double) {
        let answer = Answer(action: record?.action, status: status)
        answers.add(answers.contains(answer) ? answer : Answer(action: record?.action, status: Self.otherStatus))
        requestSeconds.note(seconds: seconds)
        if seconds > Limits.slowRequestSeconds { slowRequests.add() }
        guard let record else { return }
        if status == 401 { authenticationFailures.add(hasToken ? .invalid : .missing) }
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

    func note(_ step: OutboxDrain.Step) {
        noteWrite()
        if step.leaseHeld { settled.add(Settled(channel: step.message.channel, state: step.settlement.state)) }
    }

    var sendDistributions: [PrometheusText.Distribution] {
        Channel.allCases.compactMap { sendSeconds[$0]?.distribution(("channel", $0.rawValue)) }
    }

    // MARK: The database

    func note(_ error: StoreError, isWrite: Bool = false) {
        databaseErrors.add(error.kind)
        guard isWrite else { return }
        writeFailure.withLock { $0 = (error.kind, Clock.uptime) }
        hasWriteFailure.store(true, ordering: .releasing)
    }

    /// A change was written, so the database takes them again. A look at a flag, as long as nothing was wrong.
    private func noteWrite() {
        guard hasWriteFailure.load(ordering: .acquiring) else { return }
        writeFailure.withLock { $0 = nil }
        hasWriteFailure.store(false, ordering: .releasing)
    }

    var recentWriteFailure: StoreError.Kind? {
        writeFailure.withLock { failure in
            failure.flatMap { Clock.uptime - $0.at < Limits.writeFailureSeconds ? $0.kind : nil }
        }
    }
}
