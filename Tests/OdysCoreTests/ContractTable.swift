@testable import OdysCore

/// The interface's tables of rules and of messages, written down as words and not made from the code: what the code
/// says is compared with them.
enum ContractTable {
    static let statuses = ["pending_confirmation", "confirmed", "rejected", "cancelled", "completed", "no_show"]
    static let payments = ["none", "authorized", "captured", "refunded"]

    /// One row of the table of rules. A nil state is left as it is.
    struct Rule {
        let action: String
        let who: [String]
        let fromStatuses: [String]
        let fromPayments: [String]
        let newStatus: String?
        let newPayment: String?
        /// Payments that stay although `newPayment` says otherwise.
        var keptPayments: [String] = []
        var keepsReason = false
        var waitsForStart = false
    }

    static let rules = [
        Rule(
            action: "confirm", who: ["professional"], fromStatuses: ["pending_confirmation"], fromPayments: payments,
            newStatus: "confirmed", newPayment: "authorized", keptPayments: ["captured"]),
        Rule(
            action: "reject", who: ["professional"], fromStatuses: ["pending_confirmation"], fromPayments: payments,
            newStatus: "rejected", newPayment: "refunded", keepsReason: true),
        Rule(
            action: "cancel", who: ["professional", "client"], fromStatuses: ["pending_confirmation", "confirmed"],
            fromPayments: payments, newStatus: "cancelled", newPayment: nil, keepsReason: true),
        Rule(
            action: "paid", who: ["professional"],
            fromStatuses: ["pending_confirmation", "confirmed", "completed", "no_show"],
            fromPayments: ["none", "authorized"], newStatus: nil, newPayment: "captured"),
        Rule(
            action: "complete", who: ["professional"], fromStatuses: ["pending_confirmation", "confirmed"],
            fromPayments: payments, newStatus: "completed", newPayment: nil, waitsForStart: true),
        Rule(
            action: "no_show", who: ["professional"], fromStatuses: ["pending_confirmation", "confirmed"],
            fromPayments: payments, newStatus: "no_show", newPayment: nil, keepsReason: true, waitsForStart: true),
    ]

    /// Words that are no action, however much they look like one.
    static let noActions = [
        "", " ", "Confirm", "CONFIRM", "confirmar", "confirmed", " confirm", "confirm ", "confirm\n", "confirm\0",
        "no-show", "noShow", "no show", "No_Show", "canceled", "null", "booking_request",
        // Full width, Cyrillic, a combining accent, a zero-width space, a full-width low line, a dotless i.
        "ｃｏｎｆｉｒｍ", "\u{0441}onfirm", "confirm\u{301}", "cancel\u{200B}", "no\u{FF3F}show", "conf\u{131}rm",
        "p\u{0430}id", "\u{FEFF}paid",
    ]

    /// One row of the table of who hears what; nil where the table has a dash.
    struct Hearing {
        let action: String
        let by: String
        /// Who finds a notification in the bell, and of which type.
        let notified: (role: String, type: String)?
        let toClient: String?
        let toProfessional: String?
        let email: String?
        let expiryHours: Int
        /// Which of the columns shows the reason that was given.
        var reasonShownTo: Set<String> = []
        /// Whether an unregistered client's text carries the invitation.
        var invites = false
    }

    static let hearings = [
        Hearing(
            action: "confirm", by: "professional", notified: ("client", "booking_confirmed"),
            toClient: "booking_confirmed", toProfessional: "booking_confirmed_receipt", email: "booking_confirmed",
            expiryHours: 24, invites: true),
        Hearing(
            action: "reject", by: "professional", notified: ("client", "booking_rejected"),
            toClient: "booking_rejected", toProfessional: "booking_rejected_receipt", email: "booking_rejected",
            expiryHours: 24, reasonShownTo: ["client"]),
        Hearing(
            action: "cancel", by: "client", notified: ("professional", "booking_cancelled"),
            toClient: "booking_cancelled", toProfessional: "cancelled_by_client", email: nil, expiryHours: 24,
            reasonShownTo: ["professional"]),
        Hearing(
            action: "cancel", by: "professional", notified: nil, toClient: "cancelled_by_professional",
            toProfessional: nil, email: nil, expiryHours: 24, reasonShownTo: ["client"]),
        Hearing(
            action: "paid", by: "professional", notified: nil, toClient: "payment_confirmed",
            toProfessional: "payment_confirmed_receipt", email: nil, expiryHours: 72),
        Hearing(
            action: "complete", by: "professional", notified: nil, toClient: "appointment_completed",
            toProfessional: "appointment_completed_receipt", email: nil, expiryHours: 72),
        Hearing(
            action: "no_show", by: "professional", notified: nil, toClient: "no_show",
            toProfessional: "no_show_receipt", email: nil, expiryHours: 72),
    ]
}

/// The contract applied to one question.
struct ContractJudge {
    let appointment: Appointment
    let now: Instant
    let enforcesStart: Bool
    let setting: MessageSetting

    /// The side that a user id acts for; by bytes, and the professional first.
    func role(of userID: UserID) -> String? {
        func same(_ other: UserID?) -> Bool { other.map { Array($0.text.utf8) == Array(userID.text.utf8) } ?? false }
        return same(appointment.professional?.userID)
            ? "professional" : same(appointment.client?.userID) ? "client" : nil
    }

    /// 403 neither party, 400 missing party, 400 unknown action, 403 role, 412, 400 guard, 200.
    func verdict(_ request: ActionRequest, action word: String) throws -> Verdict {
        guard let role = role(of: request.userID) else { return .refused(.forbidden) }
        guard let professional = appointment.professional, let client = appointment.client else {
            return .refused(.partyMissing)
        }
        guard let rule = ContractTable.rules.first(where: { Array($0.action.utf8) == Array(word.utf8) }) else {
            return .refused(.unknownAction)
        }
        guard rule.who.contains(role) else { return .refused(.forbidden) }
        if let seen = request.expectedVersion, seen != appointment.version {
            return .refused(.versionMismatch(current: appointment.version))
        }
        guard applies(rule) else {
            return .refused(
                .invalidTransition(appointment.status, appointment.paymentStatus, allowed: try allowed(for: role)))
        }
        if isTooEarly(rule) { return .refused(.tooEarly(allowedFrom: appointment.startsAt)) }
        return .accepted(try decision(rule, role, request.reason, professional, client))
    }

    func allowed(for role: String) throws -> [AppointmentAction] {
        try ContractTable.rules.filter { $0.who.contains(role) && applies($0) && !isTooEarly($0) }
            .map { try known($0.action) }
    }

    private func applies(_ rule: ContractTable.Rule) -> Bool {
        rule.fromStatuses.contains(appointment.status.rawValue)
            && rule.fromPayments.contains(appointment.paymentStatus.rawValue)
    }

    private func isTooEarly(_ rule: ContractTable.Rule) -> Bool {
        enforcesStart && rule.waitsForStart && now.microseconds < appointment.startsAt.microseconds
    }

    private func decision(
        _ rule: ContractTable.Rule, _ role: String, _ reason: String?, _ professional: Professional, _ client: Client
    ) throws -> Decision {
        let hearings = ContractTable.hearings.filter { $0.action == rule.action && $0.by == role }
        guard let hearing = hearings.first, hearings.count == 1 else { throw NotInContract() }
        let payment = appointment.paymentStatus.rawValue
        let isKept = rule.newPayment == nil || rule.keptPayments.contains(payment)
        return Decision(
            action: try known(rule.action), actor: try known(role), reason: rule.keepsReason ? reason : nil,
            status: try known(rule.newStatus ?? appointment.status.rawValue),
            paymentStatus: try known(isKept ? payment : rule.newPayment ?? payment),
            needsFreeSlot: rule.action == "confirm",
            supersedes: appointment.version > 1 && rule.action != "paid",
            notification: try notification(hearing, reason, professional, client),
            messages: try messages(hearing, reason, professional, client))
    }

    private func payload(
        _ hearing: ContractTable.Hearing, to role: String, _ reason: String?, _ professional: Professional,
        _ client: Client
    ) -> MessagePayload {
        MessagePayload(
            clientName: client.name, professionalName: professional.name, startsAt: appointment.startsAt,
            slug: professional.slug, reason: hearing.reasonShownTo.contains(role) ? reason : nil)
    }

    private func notification(
        _ hearing: ContractTable.Hearing, _ reason: String?, _ professional: Professional, _ client: Client
    ) throws -> InAppNotification? {
        guard let (role, type) = hearing.notified,
            let recipient = role == "client" ? client.userID : professional.userID
        else { return nil }
        let kind: NotificationType = try known(type)
        let text = kind.text(payload(hearing, to: role, reason, professional, client), setting)
        return InAppNotification(
            recipient: recipient, recipientRole: try known(role), type: kind, title: text.title, body: text.body)
    }

    /// In the order of the table's columns. The parties' phones in these tests are usable, or tested elsewhere.
    private func messages(
        _ hearing: ContractTable.Hearing, _ reason: String?, _ professional: Professional, _ client: Client
    ) throws -> [OutgoingMessage] {
        let columns = [
            (Channel.whatsapp, "client", hearing.toClient, PartySamples.digits(client.phone)),
            (Channel.whatsapp, "professional", hearing.toProfessional, PartySamples.digits(professional.phone)),
            (Channel.email, "client", client.email == nil ? nil : hearing.email, client.email ?? ""),
        ]
        return try columns.compactMap { channel, role, template, recipient in
            guard let template else { return nil }
            var payload = payload(hearing, to: role, reason, professional, client)
            payload.invite =
                hearing.invites && channel == .whatsapp && role == "client" && client.userID == nil
            return OutgoingMessage(
                role: try known(role), channel: channel, template: try known(template), recipient: recipient,
                payload: payload, skipped: nil, expiryHours: hearing.expiryHours)
        }
    }
}

/// A word of the contract that the program does not know.
struct NotInContract: Error {}

private func known<Value: RawRepresentable>(_ word: String) throws -> Value where Value.RawValue == String {
    guard let value = Value(rawValue: word) else { throw NotInContract() }
    return value
}

/// The people of the tests of the rules.
enum PartySamples {
    static let professional = Professional(
        id: "b1", userID: UserID("user-p"), name: "Paula Lima", phone: "(11) 99999-9999", slug: "paula-lima")

    static func client(_ userID: String?, email: String?) -> Client {
        Client(userID: userID.map(UserID.init), name: "Ana Souza", phone: "+1 (415) 555-2671", email: email)
    }

    /// What becomes of the two phones above: a foreign number keeps the plus that says so.
    static func digits(_ phone: String) -> String {
        phone.hasPrefix("+1") ? "+14155552671" : "5511999999999"
    }
}
