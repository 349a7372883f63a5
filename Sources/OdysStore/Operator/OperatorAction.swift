public import OdysCore

/// A row of `operator_actions`: a change by an operator, or the display of a recipient in full.
public struct OperatorAction: Sendable {
    public let operatorName: String
    public let action: String
    public let messageID: Int
    public let detail: String?
    public let at: Instant

    /// Of the messages on a page of an appointment's history, the newest first.
    static let ofMessages = """
        SELECT a.operator, a.action, a.outbox_id, a.detail, a.created_at
        FROM (\(HistoryPage.messages(to: Role.allCases, "o.id"))) shown
            STRAIGHT_JOIN operator_actions a ON a.outbox_id = shown.id
        ORDER BY a.id DESC LIMIT \(Limits.historyRowsMax + 1)
        """

    init(_ row: Row) throws(StoreError) {
        operatorName = try row.text(0)
        action = try row.text(1)
        messageID = try row.integer(2)
        detail = try row.optionalText(3)
        at = try row.instant(4)
    }
}

extension Connection {
    /// Records what an operator does, in the transaction that does it.
    ///
    /// - Parameter messageID: nil where it is about something else, which `detail` names.
    func record(
        _ action: String, of messageID: Int?, by operatorName: String, detail: String? = nil
    ) throws(StoreError) {
        try execute(
            "INSERT INTO operator_actions (operator, action, outbox_id, detail) VALUES (?, ?, ?, ?)",
            [.text(operatorName), .text(action), .integer(messageID), .text(detail)],
            operation: "record what the operator did")
    }

    /// Records who sees recipients in full, and commits; nothing where the name is nil.
    func recordReveal(of entries: [OutboxEntry], to operatorName: String?) throws(StoreError) {
        guard let operatorName else { return }
        for entry in entries { try record("reveal", of: entry.id, by: operatorName) }
        try commit()
    }

    func now() throws(StoreError) -> Instant {
        try query("SELECT UTC_TIMESTAMP(6)", operation: "read the clock")[0].instant(0)
    }
}
