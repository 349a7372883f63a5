internal import OdysCore

/// Why a message has no text; without personal data.
struct UnsendableMessage: Error {
    let reason: String
}

extension ClaimedMessage {
    /// The message's text or e-mail. A row that others enqueued can hold anything.
    func rendered<Value>(
        by render: (Template, MessagePayload) throws(MessageError) -> Value
    ) throws(UnsendableMessage) -> Value {
        guard let template = Template(rawValue: template) else { throw UnsendableMessage(reason: "unknown_template") }
        guard let json = try? JSON(reading: Array(payload.utf8)), let payload = MessagePayload(json: json)
        else { throw UnsendableMessage(reason: "payload_unusable") }
        do throws(MessageError) {
            return try render(template, payload)
        } catch {
            throw UnsendableMessage(reason: error.description)
        }
    }
}
