extension Template {
    /// The message as WhatsApp shows it, in Brazilian Portuguese.
    ///
    /// Clients get a headed text that ends in a signature, so that it stands out from the chat that runs over the
    /// same number; professionals get the facts. No line starts with a typed value, and none holds both a typed value
    /// and a date or a time, so that a name in a right-to-left script cannot reorder those.
    ///
    /// Throws when a required key is missing.
    public func whatsAppText(_ payload: MessagePayload, _ setting: MessageSetting) throws(MessageError) -> String {
        let facts = try MessageFacts(self, payload, setting)
        let traits = traits
        let body = try paragraphs(facts).map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
        let head: String
        let foot: String
        switch traits.audience {
        case .client:
            let rule = String(repeating: "━", count: 17)
            head = "\(rule)\n\(traits.emoji) *\(traits.label)* · \(facts.professional)\n\(rule)\n\n"
            foot = "\n\n_\(MessageSetting.brand) · \(MessageSetting.tagline) · \(facts.site)_"
        case .professional:
            head = "\(traits.emoji) *\(traits.label)*\n\n"
            foot = ""
        }
        // Names, reasons and links are bounded: this cuts only what a very long address of the platform adds.
        let room = max(0, Limits.textUnitsMax - head.utf16.count - foot.utf16.count)
        return (head + body.prefix(units: room) + foot).prefix(units: Limits.textUnitsMax)
    }

    /// The body: paragraphs of lines.
    private func paragraphs(_ facts: MessageFacts) throws(MessageError) -> [[String]] {
        let wording = try wording(facts)
        let opening = traits.audience == .client ? [facts.greeting, wording.opening].compactMap(\.self) : []
        let lines = try facts.lines.map { "\($0.label): \($0.value)" }
        let invitation = facts.isInvited ? facts.invitation : Wording(nil)
        return [
            opening, lines, [wording.closing, wording.link].compactMap(\.self),
            [invitation.closing, invitation.link].compactMap(\.self),
        ].filter { !$0.isEmpty }
    }
}
