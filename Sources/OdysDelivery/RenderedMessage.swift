internal import OdysCore

extension ClaimedMessage {
    /// Writes the message's text or e-mail, and sends it. A row that others enqueued can hold anything.
    func deliver<Content>(
        writing write: (Template, MessagePayload) throws(MessageError) -> Content, by send: (Content) -> DeliveryOutcome
    ) -> DeliveryOutcome {
        guard let template = Template(rawValue: template) else { return .unsendable(reason: "unknown_template") }
        guard let json = try? JSON(reading: Array(payload.utf8)), let payload = MessagePayload(json: json)
        else { return .unsendable(reason: "payload_unusable") }
        let content: Content
        do throws(MessageError) {
            content = try write(template, payload)
        } catch {
            return .unsendable(reason: error.description)
        }
        return send(content)
    }
}
