import Foundation
import Testing

@testable import OdysCore

/// The error table in docs/HTTP.md is generated from `Refusal`. If it differs, the expected document is left in
/// .build; `make catalogue` copies it.
@Suite struct ErrorCatalogueTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
    private static let document = root.appending(path: "docs/HTTP.md")
    private static let expected = root.appending(path: ".build/HTTP.md")
    private static let begin = "<!-- errors: written by `make catalogue` -->\n"
    private static let end = "<!-- end of errors -->\n"

    @Test("docs/HTTP.md: the error table matches Refusal")
    func theDocumentsTableIsTheCode() throws {
        let text = String(decoding: try Data(contentsOf: Self.document), as: UTF8.self)
        let head = try #require(text.range(of: Self.begin))
        let tail = try #require(text.range(of: Self.end))
        let made = text[..<head.upperBound] + Self.table() + text[tail.lowerBound...]
        if text != made { try Data(made.utf8).write(to: Self.expected) }
        #expect(text == made, "docs/HTTP.md is not what Refusal.swift says; run: make catalogue")
    }

    /// One row for each case, in the order of the status and, within one, of the enumeration.
    private static func table() -> String {
        let all = sequence(first: Refusal.malformedBody, next: following).enumerated()
        let sorted = all.sorted { ($0.element.status, $0.offset) < ($1.element.status, $1.offset) }
        var lines = [
            "| status | `code` | `error` | meaning, and what to do | more |", "| --- | --- | --- | --- | --- |",
        ]
        for (_, refusal) in sorted {
            let more = refusal.members.map { "`\($0.name)`" } + refusal.additions.headers.map { "header `\($0.name)`" }
            let cells = [
                "\(refusal.status)", "`\(refusal.code)`", refusal.error,
                "\(refusal.explanation.title). \(refusal.explanation.detail)",
                more.joined(separator: ", "),
            ]
            lines.append("| " + cells.joined(separator: " | ").trimmingCharacters(in: .whitespaces) + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The case after this one; nil after the last. A new case does not compile until it has its place here.
    private static func following(_ refusal: Refusal) -> Refusal? {
        switch refusal {
        case .malformedBody: .invalidHeader
        case .invalidHeader: .partyMissing
        case .partyMissing: .unknownAction
        case .unknownAction: .invalidTransition(.cancelled, .none, allowed: [])
        case .invalidTransition: .tooEarly(allowedFrom: Instant(microseconds: 0))
        case .tooEarly: .unauthenticated(tokenPresented: false)
        case .unauthenticated: .forbidden
        case .forbidden: .notFound
        case .notFound: .methodNotAllowed(allowed: "")
        case .methodNotAllowed: AppointmentID(InterfaceWorld.id).map { .slotConflict(with: $0) }
        case .slotConflict: .idempotencyInProgress
        case .idempotencyInProgress: .versionMismatch(current: 1)
        case .versionMismatch: .bodyTooLarge
        case .bodyTooLarge: .unsupportedMediaType
        case .unsupportedMediaType: .idempotencyKeyReused
        case .idempotencyKeyReused: .internalError
        case .internalError: .unavailable
        case .unavailable: nil
        }
    }
}
