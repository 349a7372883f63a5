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
        let parties: Parties
        switch self.parties(for: request.userID) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let found): parties = found
        }
        let role = parties.caller
        guard let action = request.action else { return .refused(.unknownAction) }
        guard action.isAllowed(for: role) else { return .refused(.forbidden) }
        if let expected = request.expectedVersion, expected != version {
            return .refused(.versionMismatch(current: version))
        }
        if request.excludedVersions.contains(version) { return .refused(.versionMismatch(current: version)) }
        guard let target = action.target(from: status, paymentStatus) else {
            let allowed = allowedActions(for: role, now: now, rules: rules)
            return .refused(.invalidTransition(status, paymentStatus, allowed: allowed))
        }
        if isTooEarly(for: action, now: now, rules: rules) { return .refused(.tooEarly(allowedFrom: startsAt)) }

        let reason = action.keepsReason ? request.reason : nil
        let facts = MessagePayload(
            clientName: parties.client.name, professionalName: parties.professional.name, startsAt: startsAt,
            slug: parties.professional.slug)
        let plan = MessagePlan(action: action, parties: parties, facts: facts, reason: reason)
        let messages = plan.messages
        return .accepted(
            Decision(
                action: action, actor: role, reason: reason, status: target.status, paymentStatus: target.payment,
                needsFreeSlot: action.needsFreeSlot,
                // Version 1 is as it was booked: no action has queued anything yet.
                supersedes: version > 1 && messages.contains(where: \.template.isStatusMessage),
                notification: plan.notification(rules.messages), messages: messages))
    }

    /// Both sides, for a caller who is one of them; what a stranger gets comes first.
    func parties(for userID: UserID) -> Result<Parties, Refusal> {
        guard let role = role(of: userID) else { return .failure(.forbidden) }
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
    let action: AppointmentAction
    let parties: Parties
    let facts: MessagePayload
    let reason: String?

    /// A template says which side it is for, which of the facts it uses, and whether it is an e-mail too.
    private var templates: [Template] {
        switch (action, parties.caller) {
        case (.confirm, _): [.bookingConfirmed, .bookingConfirmedReceipt]
        case (.reject, _): [.bookingRejected, .bookingRejectedReceipt]
        case (.cancel, .client): [.bookingCancelled, .cancelledByClient]
        case (.cancel, .professional): [.cancelledByProfessional]
        case (.paid, _): [.paymentConfirmed, .paymentConfirmedReceipt]
        case (.complete, _): [.appointmentCompleted, .appointmentCompletedReceipt]
        case (.noShow, _): [.noShow, .noShowReceipt]
        }
    }

    var messages: [OutgoingMessage] {
        let templates = templates
        var messages: [OutgoingMessage] = []
        messages.reserveCapacity(templates.count + 1)
        for template in templates { messages.append(whatsApp(template)) }
        for template in templates where template.isEmail {
            if let email = email(template) { messages.append(email) }
        }
        return messages
    }

    func notification(_ setting: MessageSetting) -> InAppNotification? {
        let type: NotificationType
        switch (action, parties.caller) {
        case (.confirm, _): type = .bookingConfirmed
        case (.reject, _): type = .bookingRejected
        case (.cancel, .client): type = .bookingCancelled
        case (.cancel, .professional), (.paid, _), (.complete, _), (.noShow, _): return nil
        }
        let (client, professional) = (parties.client.userID, parties.professional.userID)
        guard let recipient = type.audience == .client ? client : professional else { return nil }
        var payload = facts
        payload.reason = reason
        let text = type.text(payload, setting)
        return InAppNotification(
            recipient: recipient, recipientRole: type.audience, type: type, title: text.title, body: text.body)
    }

    private func whatsApp(_ template: Template) -> OutgoingMessage {
        let traits = template.traits
        let isForClient = traits.audience == .client
        let phone = isForClient ? parties.client.phone : parties.professional.phone
        let number = Phone.stored(phone)
        let skipped: SkipReason? = number == nil ? (phone.isBlank ? .noPhone : .unusablePhone) : nil
        let invites = traits.optional.contains(.invite) && parties.client.userID == nil
        return message(template, traits, .whatsapp, to: number ?? phone, skipped, inviting: invites)
    }

    private func email(_ template: Template) -> OutgoingMessage? {
        guard let email = parties.client.email?.trimmed, !email.isEmpty else { return nil }
        return message(template, template.traits, .email, to: email, MailAddress.isSafe(email) ? nil : .unusableAddress)
    }

    private func message(
        _ template: Template, _ traits: TemplateTraits, _ channel: Channel, to recipient: String,
        _ skipped: SkipReason?, inviting: Bool = false
    ) -> OutgoingMessage {
        var payload = facts
        payload.reason = traits.optional.contains(.reason) ? reason : nil
        payload.invite = inviting
        return OutgoingMessage(
            role: traits.audience, channel: channel, template: template, recipient: recipient, payload: payload,
            skipped: skipped, expiryHours: action.expiryHours)
    }
}
