/// The rules that an operator can set, and what the texts of messages need.
public struct Rules: Sendable {
    /// Whether `complete` and `no_show` wait for the appointment's start (`ODYS_ENFORCE_START_TIME`).
    public let enforcesStartTime: Bool
    public let messages: MessageSetting

    public init(enforcesStartTime: Bool, messages: MessageSetting) {
        self.enforcesStartTime = enforcesStartTime
        self.messages = messages
    }
}

extension Appointment {
    /// Judges a request against this row. The order of the checks is part of the interface: a stranger gets the same
    /// answer whatever they ask, and a party learns first what is wrong with the question.
    ///
    /// - Parameter now: the database's clock, read in the same transaction.
    public func judge(_ request: ActionRequest, now: Instant, rules: Rules) -> Verdict {
        let role: Role
        let professional: Professional
        let client: Client
        switch parties(for: request.userID) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let found): (role, professional, client) = (found.caller, found.professional, found.client)
        }
        guard let action = request.action else { return .refused(.unknownAction) }
        guard action.isAllowed(for: role) else { return .refused(.forbidden) }
        if let expected = request.expectedVersion, expected != version {
            return .refused(.versionMismatch(current: version))
        }
        guard let target = action.target(from: status, paymentStatus) else {
            let allowed = allowedActions(for: role, now: now, rules: rules)
            return .refused(.invalidTransition(status, paymentStatus, allowed: allowed))
        }
        if isTooEarly(for: action, now: now, rules: rules) { return .refused(.tooEarly(allowedFrom: startsAt)) }

        let reason = action.keepsReason ? request.reason : nil
        let facts = MessagePayload(
            clientName: client.name, professionalName: professional.name, startsAt: startsAt,
            slug: professional.slug)
        let plan = MessagePlan(professional: professional, client: client, facts: facts, reason: reason)
        let messages = plan.messages(about: action, by: role)
        return .accepted(
            Decision(
                action: action, actor: role, reason: reason, status: target.status, paymentStatus: target.payment,
                needsFreeSlot: action.needsFreeSlot,
                // Version 1 is as it was booked: no action has queued anything yet.
                supersedes: version > 1 && messages.contains(where: \.template.isStatusMessage),
                notification: plan.notification(of: action, by: role, rules.messages), messages: messages))
    }

    /// Both sides, for a caller who is one of them; what a stranger gets comes first.
    func parties(for userID: UserID) -> Result<Parties, Refusal> {
        guard let role = caller(userID).role else { return .failure(.forbidden) }
        guard let professional, let client else { return .failure(.partyMissing) }
        return .success(Parties(caller: role, professional: professional, client: client))
    }

    /// What this side may do now. A taken slot does not remove `confirm`: it is only known under the slot's lock.
    public func allowedActions(for role: Role, now: Instant, rules: Rules) -> [AppointmentAction] {
        applicableActions(for: role).filter { !isTooEarly(for: $0, now: now, rules: rules) }
    }

    /// What this side may do from the appointment's start on, and not before.
    func actionsTooEarly(for role: Role, now: Instant, rules: Rules) -> [AppointmentAction] {
        applicableActions(for: role).filter { isTooEarly(for: $0, now: now, rules: rules) }
    }

    private func applicableActions(for role: Role) -> [AppointmentAction] {
        AppointmentAction.allCases.filter { $0.isAllowed(for: role) && $0.target(from: status, paymentStatus) != nil }
    }

    private func isTooEarly(for action: AppointmentAction, now: Instant, rules: Rules) -> Bool {
        rules.enforcesStartTime && action.needsStart && now < startsAt
    }
}

/// The two sides of an appointment, and for which of them somebody acts.
struct Parties {
    let caller: Role
    let professional: Professional
    let client: Client
}

/// Who hears what: the second table of the rules.
private struct MessagePlan {
    let professional: Professional
    let client: Client
    let facts: MessagePayload
    let reason: String?

    func messages(about action: AppointmentAction, by role: Role) -> [OutgoingMessage] {
        let hours = action.expiryHours
        switch (action, role) {
        case (.confirm, .professional), (.confirm, .client):
            return [
                toClient(.bookingConfirmed, hours, inviting: client.userID == nil),
                toProfessional(.bookingConfirmedReceipt, hours),
            ] + emailToClient(.bookingConfirmed, hours)
        case (.reject, .professional), (.reject, .client):
            return [
                toClient(.bookingRejected, hours, giving: reason),
                toProfessional(.bookingRejectedReceipt, hours),
            ] + emailToClient(.bookingRejected, hours, giving: reason)
        case (.cancel, .client):
            return [
                toClient(.bookingCancelled, hours),
                toProfessional(.cancelledByClient, hours, giving: reason),
            ]
        case (.cancel, .professional):
            return [toClient(.cancelledByProfessional, hours, giving: reason)]
        case (.paid, .professional), (.paid, .client):
            return [toClient(.paymentConfirmed, hours), toProfessional(.paymentConfirmedReceipt, hours)]
        case (.complete, .professional), (.complete, .client):
            return [toClient(.appointmentCompleted, hours), toProfessional(.appointmentCompletedReceipt, hours)]
        case (.noShow, .professional), (.noShow, .client):
            return [toClient(.noShow, hours), toProfessional(.noShowReceipt, hours)]
        }
    }

    func notification(of action: AppointmentAction, by role: Role, _ setting: MessageSetting) -> InAppNotification? {
        switch (action, role) {
        case (.confirm, _): return inApp(.bookingConfirmed, to: client.userID, .client, setting)
        case (.reject, _): return inApp(.bookingRejected, to: client.userID, .client, setting)
        case (.cancel, .client): return inApp(.bookingCancelled, to: professional.userID, .professional, setting)
        case (.cancel, .professional), (.paid, _), (.complete, _), (.noShow, _): return nil
        }
    }

    private func inApp(
        _ type: NotificationType, to recipient: UserID?, _ role: Role, _ setting: MessageSetting
    ) -> InAppNotification? {
        guard let recipient else { return nil }
        var payload = facts
        payload.reason = reason
        let text = type.text(payload, setting)
        return InAppNotification(
            recipient: recipient, recipientRole: role, type: type, title: text.title, body: text.body)
    }

    private func toClient(
        _ template: Template, _ hours: Int, giving reason: String? = nil, inviting: Bool = false
    ) -> OutgoingMessage {
        var payload = facts
        payload.reason = reason
        payload.invite = inviting
        return whatsApp(template, to: client.phone, .client, payload, hours)
    }

    private func toProfessional(_ template: Template, _ hours: Int, giving reason: String? = nil) -> OutgoingMessage {
        var payload = facts
        payload.reason = reason
        return whatsApp(template, to: professional.phone, .professional, payload, hours)
    }

    private func whatsApp(
        _ template: Template, to phone: String, _ role: Role, _ payload: MessagePayload, _ hours: Int
    ) -> OutgoingMessage {
        let number = Phone.stored(phone)
        let skipped: SkipReason? = number == nil ? (phone.isBlank ? .noPhone : .unusablePhone) : nil
        return OutgoingMessage(
            role: role, channel: .whatsapp, template: template, recipient: number ?? phone, payload: payload,
            skipped: skipped, expiryHours: hours)
    }

    private func emailToClient(
        _ template: Template, _ hours: Int, giving reason: String? = nil
    ) -> [OutgoingMessage] {
        guard let email = client.email?.trimmed, !email.isEmpty else { return [] }
        var payload = facts
        payload.reason = reason
        return [
            OutgoingMessage(
                role: .client, channel: .email, template: template, recipient: email, payload: payload,
                skipped: MailAddress.isSafe(email) ? nil : .unusableAddress, expiryHours: hours)
        ]
    }
}
