internal import OdysCore
internal import OdysStore

extension OutboxEntry {
    /// - Parameter reveal: show recipient and payload in full.
    func json(reveal: Bool) -> JSON {
        [
            "id": .integer(id), "uid": .string(uid), "appointmentId": JSON(appointmentID), "version": JSON(version),
            "channel": JSON(channel), "to": JSON(role), "recipient": .string(recipient(reveal: reveal)),
            "template": .string(template), "state": JSON(state), "attempts": .integer(attempts),
            "createdAt": JSON(createdAt), "availableAt": JSON(availableAt), "expiresAt": JSON(expiresAt),
            "finishedAt": JSON(finishedAt), "providerId": JSON(providerID), "error": JSON(lastError),
            "emptiedAt": JSON(emptiedAt), "leased": .bool(isLeased), "payload": reveal ? .string(payload) : .null,
        ]
    }

    func recipient(reveal: Bool) -> String { reveal ? recipient : recipient.masked }

    /// A line of `outbox list`.
    func line(reveal: Bool) -> String {
        row(
            9, 12, 10, 14, 30, 4, 22,
            cells: "\(id)", state.rawValue, channel.rawValue, role.rawValue, template, "\(attempts)",
            recipient(reveal: reveal), lastError ?? "")
    }

    var summary: String {
        var words = [state.rawValue]
        if let seconds = secondsToSend { words.append("after \(seconds) s") }
        if attempts > 0 { words.append(attempts == 1 ? "1 attempt" : "\(attempts) attempts") }
        if state == .pending { words.append(isLeased ? "being sent" : "due \(availableAt.displayText)") }
        if let providerID { words.append("provider \(providerID)") }
        if let lastError { words.append(lastError) }
        return words.joined(separator: ", ")
    }

    /// Seconds from the event until the provider took the message, with three digits; nil where it has not.
    var secondsToSend: String? {
        guard state == .sent, let finishedAt else { return nil }
        let milliseconds = (finishedAt.microseconds - createdAt.microseconds) / 1_000
        return "\(milliseconds / 1_000).\(String(1_000 + milliseconds % 1_000).dropFirst())"
    }
}

extension String {
    /// A phone or an address of which only so much is left that two can be told apart.
    fileprivate var masked: String {
        if let at = firstIndex(of: "@") { return String(prefix(1)) + "•••" + String(self[at...]) }
        return count > 4 ? "•••••" + String(suffix(4)) : "•••••"
    }
}
