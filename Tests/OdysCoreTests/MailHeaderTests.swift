import Foundation
import OdysCore
import Testing

@Suite struct MailHeaderTests {
    @Test(
        "header encoding: plain ASCII is unchanged",
        arguments: ["", "Agendamento", "Re: 50% off! (ok) \"x\"", "a=?b".replacing("=?", with: "= ?")]
    )
    func plainASCIIStays(_ text: String) {
        #expect(MailHeader.encoded(text) == text)
    }

    @Test(
        "header encoding: other texts decode to themselves within the line limits",
        arguments: [
            "Agendamento confirmado: 01/12/2026 – 14:00 · Conceição", "é", "👩‍👩‍👧‍👦", "=?UTF-8?B?aGk=?=", " espaço ",
            String(repeating: "ção 👩🏽‍🦱 ", count: 60), String(repeating: "a", count: 500), "日本語の件名",
        ])
    func everythingElseComesBack(_ text: String) {
        let encoded = MailHeader.encoded(text)
        #expect(decoded(encoded) == text)
        expectLimits(encoded)
    }

    @Test("header encoding: random texts keep the line limits")
    func randomTextsComeBack() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<600 {
            let text = Hostile.text(&random)
            let encoded = MailHeader.encoded(text)
            expectLimits(encoded)
            let name = MailAddress.header(name: text, address: "ana@example.com") ?? ""
            expectLimits(name)
            #expect(name.hasSuffix("ana@example.com") || name.hasSuffix("<ana@example.com>"))
        }
    }

    @Test("header encoding: control characters become spaces")
    func controlCharactersBecomeSpaces() {
        #expect(MailHeader.encoded("Oi\r\nBcc: x@example.com\0") == "Oi  Bcc: x@example.com ".encodedByHand)
        #expect(MailHeader.encoded("a\tb") == "a b")
    }

    @Test(
        "From and To: display names are quoted or encoded",
        arguments: [
            ("Ana Souza", "Ana Souza <ana@example.com>"),
            ("Odys.com, Ltda.", "\"Odys.com, Ltda.\" <ana@example.com>"),
            ("Ana \"x\" \\ <b@example.com>", "\"Ana \\\"x\\\" \\\\ <b@example.com>\" <ana@example.com>"),
            ("João", "=?UTF-8?B?Sm/Do28=?=\r\n <ana@example.com>"),
            ("", "ana@example.com"), (" \r\n ", "ana@example.com"),
        ])
    func displayNames(_ name: String, _ expected: String) {
        #expect(MailAddress.header(name: name, address: "ana@example.com") == expected)
    }

    @Test(
        "mail address: safe addresses",
        arguments: [
            "ana@example.com", "ana.souza+odys@mail.example.com.br", "a@b", "ana_s-1@localhost",
            "o'neil@example.com",
            String(repeating: "a", count: 64) + "@example.com",
        ])
    func safe(_ address: String) {
        #expect(MailAddress.isSafe(address))
    }

    @Test(
        "mail address: unsafe addresses make no header",
        arguments: [
            "", "@", "ana", "ana@", "@example.com", "a@b@c", "ana @example.com", "ana@example.com ",
            "ana@exa mple.com",
            "ana@example.com\r\nRCPT TO:<b@example.com>", "ana@example.com\n", "ana@example.com\0",
            "<ana@example.com>",
            "Ana <ana@example.com>", "ana@example.com,b@example.com", "ana@example.com;b@example.com",
            "\"ana\"@example.com", "ana\\@example.com", "joão@example.com", "ana@exämple.com", "ana@[127.0.0.1]",
            "ana..s@example.com", ".ana@example.com", "ana.@example.com", "ana@example..com", "ana@.example.com",
            "ana@example.com.", "ana@-example.com", "ana@example-.com", "ana@exa_mple.com", "ana(x)@example.com",
            String(repeating: "a", count: 65) + "@example.com", "ana\u{7F}@example.com",
            "ana@example.com\u{202E}",
            "a@" + Array(repeating: "bbbbbbbbb", count: 26).joined(separator: "."),
            "a@" + String(repeating: "b", count: 64) + ".com",
        ])
    func unsafe(_ address: String) {
        #expect(!MailAddress.isSafe(address))
        #expect(MailAddress.header(name: "Ana", address: address) == nil)
    }

    /// No control character but in a fold, words of at most 75 characters, lines of at most 76 with the
    /// field name.
    private func expectLimits(_ header: String) {
        let bytes = Array(header.utf8)
        #expect(bytes.allSatisfy { (32...126).contains($0) || $0 == 13 || $0 == 10 })
        let lines = bytes.split(separator: 13, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            #expect(index == 0 ? !line.contains(10) : line.starts(with: [10, 32]) && line.count > 2)
            let text = String(decoding: line, as: UTF8.self)
            if text.contains("=?UTF-8?B?") { #expect(text.utf8.count <= 64 + 2) }
            #expect(line.count <= 998)
        }
    }

    /// RFC 2047, from the reader's side: white space between encoded words goes, each word decodes on its
    /// own.
    private func decoded(_ header: String) -> String? {
        guard header.contains("=?") else { return header }
        var text = ""
        for word in header.components(separatedBy: "\r\n ") {
            guard word.hasPrefix("=?UTF-8?B?"), word.hasSuffix("?="), word.count <= 75,
                let data = Data(base64Encoded: String(word.dropFirst(10).dropLast(2))),
                let part = String(validating: data, as: UTF8.self)
            else { return nil }
            text += part
        }
        return text
    }
}

extension String {
    fileprivate var encodedByHand: String { "=?UTF-8?B?\(Data(utf8).base64EncodedString())?=" }
}
