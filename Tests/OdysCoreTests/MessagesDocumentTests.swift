import Foundation
import OdysCore
import Testing

@Suite("docs/MESSAGES.md against the code") struct MessagesDocumentTests {
    private static func document() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        return String(decoding: try Data(contentsOf: root.appending(path: "docs/MESSAGES.md")), as: UTF8.self)
    }

    @Test("docs/MESSAGES.md: the table of templates matches the code")
    func catalogueIsTheCode() throws {
        let rows = try Self.document().split(separator: "\n").map { $0.split(separator: " | ") }
            .filter { $0.count == 5 && $0[0].hasPrefix("| `") }
        func keys(_ cell: Substring) -> [String] {
            cell.split(separator: "`").map(String.init).filter { PayloadKey(rawValue: $0) != nil }
        }
        #expect(rows.count == Template.allCases.count)
        for (row, template) in zip(rows, Template.allCases) {
            #expect(row[0] == "| `\(template.rawValue)`")
            #expect(row[1] == template.traits.audience.rawValue)
            #expect(keys(row[3]) == template.traits.required.map(\.rawValue), "\(template)")
            #expect(keys(row[4]) == template.traits.optional.map(\.rawValue), "\(template)")
        }
    }

    /// In the order of the statements in the document.
    @Test("docs/MESSAGES.md: the payloads in its statements are complete")
    func examplesAreComplete() throws {
        let templates: [Template] = [
            .bookingRequest, .reminder24h, .reminder1h, .newMessageToClient, .newMessageToProfessional,
        ]
        let examples = try Self.document().split(separator: "\n").filter { $0.hasPrefix("{\"clientName\"") }
        #expect(examples.count == templates.count)
        for (example, template) in zip(examples, templates) {
            let json = try JSON(reading: Array(example.utf8))
            let payload = try #require(MessagePayload(json: json))
            let text = try template.whatsAppText(payload, MessageSamples.setting)
            #expect(text.contains("Ana Souza"))
        }
    }

    @Test("docs/MESSAGES.md: its samples are the golden files")
    func samplesAreTheGoldenTexts() throws {
        let document = try Self.document()
        for file in ["whatsapp.booking_confirmed.txt", "whatsapp.cancelled_by_client.txt"] {
            let golden = try Data(contentsOf: Golden.folder.appending(path: file))
            #expect(document.contains("```text\n\(String(decoding: golden, as: UTF8.self))```"))
        }
    }
}
