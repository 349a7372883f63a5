import Foundation
import OdysCore
import Testing

/// Every message, word for word. After a deliberate change run the tests with `ODYS_GOLDEN=write`, which
/// fails, look at the difference, and run them again without it.
@Suite struct MessageGoldenTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let file: String
        let template: Template
        let payload: MessagePayload
        var testDescription: String { file }
    }

    /// Each template as its own documentation has it, and each choice that it offers.
    static let whatsApp: [Case] = Template.allCases.flatMap { template in
        let plain = MessageSamples.payload
        let bare = plain.with {
            $0.reason = nil
            $0.preview = nil
        }
        var cases = [Case(file: template.rawValue, template: template, payload: plain)]
        if template.traits.optional.contains(.reason) {
            cases.append(Case(file: "\(template.rawValue).no-reason", template: template, payload: bare))
        }
        if template.traits.optional.contains(.preview) {
            cases.append(Case(file: "\(template.rawValue).no-preview", template: template, payload: bare))
        }
        if template.traits.optional.contains(.invite) {
            let invited = plain.with { $0.invite = true }
            cases.append(Case(file: "\(template.rawValue).invite", template: template, payload: invited))
        }
        if template.traits.optional.contains(.clientName) {
            let nameless = bare.with { $0.clientName = nil }
            cases.append(Case(file: "\(template.rawValue).no-client", template: template, payload: nameless))
        }
        return cases
    }

    @Test("golden: WhatsApp texts", arguments: whatsApp)
    func whatsAppText(_ sample: Case) throws {
        let text = try sample.template.whatsAppText(sample.payload, MessageSamples.setting)
        try Golden.expect(text + "\n", "whatsapp.\(sample.file).txt")
    }

    @Test("golden: emails", arguments: whatsApp.filter(\.template.isEmail))
    func email(_ sample: Case) throws {
        let email = try EmailText(sample.template, sample.payload, MessageSamples.setting)
        try Golden.expect("Subject: \(email.subject)\n\n\(email.text)", "email.\(sample.file).txt")
        try Golden.expect(email.html, "email.\(sample.file).html")
    }

    @Test("golden: notifications")
    func notifications() throws {
        var lines: [String] = []
        for type in NotificationType.allCases {
            for reason in [MessageSamples.payload.reason, nil] {
                let payload = MessageSamples.payload.with { $0.reason = reason }
                let (title, body) = type.text(payload, MessageSamples.setting)
                lines.append("[\(type.rawValue)\(reason == nil ? ", no reason" : "")] \(title)\n\(body)\n")
            }
        }
        try Golden.expect(lines.joined(separator: "\n"), "notifications.txt")
    }

    @Test("golden: every file has a test")
    func everyGoldenFileHasATest() throws {
        let emails = Self.whatsApp.filter(\.template.isEmail)
        let expected =
            Self.whatsApp.map { "whatsapp.\($0.file).txt" }
            + emails.flatMap { ["email.\($0.file).txt", "email.\($0.file).html"] } + ["notifications.txt"]
        #expect(try Golden.files() == expected.sorted())
    }
}

/// The files next to this one that hold what messages must be.
enum Golden {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    static let isWriting = ProcessInfo.processInfo.environment["ODYS_GOLDEN"] == "write"

    static func expect(_ text: String, _ file: String) throws {
        let url = folder.appending(path: file)
        if isWriting {
            try Data(text.utf8).write(to: url)
            Issue.record("wrote \(file); run the tests again without ODYS_GOLDEN")
            return
        }
        let golden = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        #expect(text.hasSameBytes(as: golden), "\(file) is different: \(text)")
    }

    static func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)).sorted()
    }
}
