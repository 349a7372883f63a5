/// An appointment as it was read, without a lock: it may have changed by the time somebody sees it.
public struct AppointmentReading: Sendable, Equatable {
    public let appointment: Appointment
    public let updatedAt: Instant
    /// The database's clock.
    public let now: Instant

    public init(appointment: Appointment, updatedAt: Instant, now: Instant) {
        self.appointment = appointment
        self.updatedAt = updatedAt
        self.now = now
    }

    /// What this side is shown, with what it may do now and what only the clock still forbids.
    func body(for role: Role, rules: Rules) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.object("appointment") { json in
                appointment.write(
                    to: &json, status: appointment.status, paymentStatus: appointment.paymentStatus,
                    version: appointment.version, updatedAt: updatedAt)
            }
            json.member("allowedActions", .actions(appointment.allowedActions(for: role, now: now, rules: rules)))
            json.array("notYet") { json in
                let tooEarly = Refusal.tooEarly(allowedFrom: appointment.startsAt)
                for action in appointment.actionsTooEarly(for: role, now: now, rules: rules) {
                    json.object { json in
                        json.member("action", action.rawValue)
                        json.member("code", tooEarly.code)
                        for member in tooEarly.members { json.member(named: member.name, member.value) }
                    }
                }
            }
        }
        return json.bytes
    }
}

/// What happened to an appointment, and what became of the messages about it; each of them oldest first.
public struct AppointmentHistory: Sendable, Equatable {
    public let appointment: Appointment
    public let events: [HistoryEvent]
    public let messages: [HistoryMessage]
    /// Whether there are older events or messages.
    public let hasMore: Bool

    public init(
        appointment: Appointment, events: [HistoryEvent], messages: [HistoryMessage], hasMore: Bool = false
    ) {
        self.appointment = appointment
        self.events = events
        self.messages = messages
        self.hasMore = hasMore
    }

    /// What this side is shown: a client sees neither the professional's messages, nor why a message failed, nor what
    /// the professional noted about a no-show.
    func json(for role: Role) -> JSON {
        let shown: JSON = [
            "events": .array(events.map { $0.json(for: role) }),
            "messages": .array(messages.filter { role == .professional || $0.role == role }.map { $0.json(for: role) }),
        ]
        return hasMore ? shown.with(["more": .bool(true)]) : shown
    }
}

/// A row of `appointment_events`.
public struct HistoryEvent: Sendable, Equatable {
    public let version: Int
    public let action: AppointmentAction
    public let actor: Role
    public let actorID: UserID
    public let reason: String?
    public let fromStatus: Status
    public let toStatus: Status
    public let fromPayment: PaymentStatus
    public let toPayment: PaymentStatus
    public let at: Instant

    public init(
        version: Int, action: AppointmentAction, actor: Role, actorID: UserID, reason: String?, fromStatus: Status,
        toStatus: Status, fromPayment: PaymentStatus, toPayment: PaymentStatus, at: Instant
    ) {
        self.version = version
        self.action = action
        self.actor = actor
        self.actorID = actorID
        self.reason = reason
        self.fromStatus = fromStatus
        self.toStatus = toStatus
        self.fromPayment = fromPayment
        self.toPayment = toPayment
        self.at = at
    }

    public func json(for role: Role) -> JSON {
        [
            "version": .integer(version), "action": JSON(action), "actorRole": JSON(actor),
            "reason": JSON(action.showsReason(to: role) ? reason : nil), "fromStatus": JSON(fromStatus),
            "toStatus": JSON(toStatus), "fromPaymentStatus": JSON(fromPayment), "toPaymentStatus": JSON(toPayment),
            "at": JSON(at),
        ]
    }
}

/// A row of `outbox`, as far as the parties may know it.
public struct HistoryMessage: Sendable, Equatable {
    public let uid: String
    /// Nil where somebody else than an action made the message.
    public let version: Int?
    public let role: Role
    public let channel: Channel
    /// Not `Template`: others enqueue too, and a name that nobody knows is history all the same.
    public let template: String
    public let state: OutboxState
    public let attempts: Int
    public let createdAt: Instant
    public let finishedAt: Instant?
    public let error: String?

    public init(
        uid: String, version: Int?, role: Role, channel: Channel, template: String, state: OutboxState, attempts: Int,
        createdAt: Instant, finishedAt: Instant?, error: String?
    ) {
        self.uid = uid
        self.version = version
        self.role = role
        self.channel = channel
        self.template = template
        self.state = state
        self.attempts = attempts
        self.createdAt = createdAt
        self.finishedAt = finishedAt
        self.error = error
    }

    func json(for role: Role) -> JSON {
        let members: [JSON.Member] = [
            .init("id", .string(uid)), .init("version", JSON(version)), .init("to", JSON(self.role)),
            .init("channel", JSON(channel)), .init("template", .string(template)), .init("state", JSON(state)),
            .init("attempts", .integer(attempts)), .init("createdAt", JSON(createdAt)),
            .init("finishedAt", JSON(finishedAt)),
        ]
        return .object(role == .professional ? members + [.init("error", JSON(error))] : members)
    }
}

extension Appointment {
    /// The members of `appointment` in an answer; after a change, with what it became.
    func write(
        to json: inout JSONWriter, status: Status, paymentStatus: PaymentStatus, version: Int, updatedAt: Instant
    ) {
        json.member("id", id.description)
        json.member("status", status.rawValue)
        json.member("paymentStatus", paymentStatus.rawValue)
        json.member("startsAt", startsAt)
        json.member("endsAt", endsAt)
        json.member("version", .integer(version))
        json.member("updatedAt", updatedAt, microseconds: true)
    }
}
