import Testing

@testable import OdysCore

@Suite("Templates: which message supersedes which") struct TemplateTests {
    /// Status messages, and what the appointment's status must be for them; nil where any will do.
    private static let statusMessages: [Template: Status?] = [
        .bookingConfirmed: .confirmed, .bookingConfirmedReceipt: .confirmed, .bookingRejected: .rejected,
        .bookingRejectedReceipt: .rejected, .bookingCancelled: .cancelled, .cancelledByClient: .cancelled,
        .cancelledByProfessional: .cancelled, .appointmentCompleted: anyStatus,
        .appointmentCompletedReceipt: anyStatus, .noShow: anyStatus, .noShowReceipt: anyStatus,
    ]
    private static let anyStatus: Status? = nil
    private static let reminders: [Template] = [.reminder24h, .reminder1h]

    @Test("isSuperseded: every template × status × newer status message", arguments: Template.allCases)
    func superseding(_ template: Template) {
        let expected = Self.statusMessages[template]
        #expect(template.isStatusMessage == (expected != nil))
        for status in Status.allCases.map(Optional.some) + [nil] {
            for hasNewer in [false, true] {
                let isSuperseded =
                    if let expected {
                        hasNewer || (expected != nil && status != expected)
                    } else {
                        Self.reminders.contains(template) && status != .confirmed
                    }
                #expect(template.isSuperseded(status: status, hasNewer: hasNewer) == isSuperseded)
            }
        }
    }
}
