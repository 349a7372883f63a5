import Testing

@testable import OdysCore

@Suite struct TypedTextTests {
    @Test(
        "typed text: ordinary text is unchanged",
        arguments: [
            "Ana Souza", "Dr. João", "14h.", "R$ 1.234,50", "R$ 1.234.567,50", "01.12.2026...", "1.2.3.",
            "Zoë D'Ávila-Müller",
            "não... vou", "não...vou", "às 14:30 (talvez)", "50% & <3 \"sim\"", "C/ Maria: 2 - 3", "@ana", "§ 2º",
            "שרה לוי",
            "Nguyễn Văn A", "山田 太郎", "मीनाक्षी", "👩‍👩‍👧‍👦 família", "👍🏽", "❤️", "❤️‍🔥", "🇧🇷", "1️⃣", "e\u{301}",
            "https", "a / b // c",
        ])
    func ordinaryTextStays(_ text: String) {
        #expect(TypedText.inline(text, scalarsMax: 100).hasSameBytes(as: text))
    }

    @Test(
        "typed text: formatting marks and invisible characters are removed",
        arguments: [
            // Marks.
            ("*Ana* _S_ ~x~ `y`", "Ana S x y"), ("ana_maria", "ana maria"), ("```code```", "code"), ("5*3", "53"),
            ("━━━━━ Ana ━━━━━", "Ana"), ("A─│┌█░B", "A B"),
            // Lines and space.
            ("Ana\r\n\r\nSouza\tLima\u{85}x", "Ana Souza Lima x"), ("  a  \u{A0}\u{3000} b  ", "a b"),
            ("a\u{2028}b\u{2029}c\u{B}d\u{C}e", "a b c d e"), ("a\u{2800}\u{2800}b", "a b"),
            // Control characters and the invisible.
            ("A\0n\u{1B}[31ma\u{7F}\u{9B}", "An[31ma"),
            ("\u{202E}Ana\u{202C}\u{2066}x\u{2069}\u{61C}\u{200E}", "Anax"),
            ("A\u{200B}n\u{FEFF}a\u{AD}\u{2060}\u{180E}\u{3164}\u{115F}\u{34F}", "Ana"),
            ("Ana\u{E0041}\u{E0042}\u{E0100}\u{FE00}\u{FE0F}", "Ana"), ("\u{FFF9}a\u{FFFB}", "a"),
            // Joiners only between emoji.
            ("a\u{200D}b", "ab"), ("👩\u{200D}", "👩"), ("\u{200D}👩", "👩"), ("1\u{200D}2", "12"),
            ("👩\u{200D}*👩", "👩👩"),
            // Marks on nothing, and too many of them.
            ("\u{301}Ana", "Ana"), ("a \u{301}b", "a b"),
            ("z" + String(repeating: "\u{301}", count: 99), "z\u{301}\u{301}\u{301}\u{301}"),
            // Nothing.
            ("", ""), (" \n\u{200B}*_~`━ ", ""),
        ])
    func marksAndInvisiblesGo(_ typed: String, _ expected: String) {
        #expect(TypedText.inline(typed, scalarsMax: 100).hasSameBytes(as: expected))
    }

    @Test(
        "typed text: links are broken up",
        arguments: [
            ("evil.com", "evil. com"), ("veja evil.com/x?y=z", "veja evil. com/x?y=z"),
            ("https://evil.com", "https: evil. com"), ("http:////evil.com", "http: //evil. com"),
            ("http:// evil.com", "http: evil. com"), ("www.evil.com.br", "www. evil. com. br"),
            ("www.1and1.com", "www. 1and1. com"), ("evil.*com", "evil. com"), ("evil.\u{200B}com", "evil. com"),
            ("http:\u{200B}//x", "http: x"), ("evil。com", "evil。 com"), ("evil．com", "evil． com"),
            ("💩.la", "💩. la"),
            ("ana@example.com", "ana @example. com"), ("ana＠example.com", "ana ＠example. com"),
            ("wa.me/5511999999999", "wa. me/5511999999999"), ("1.2.3.4", "1. 2. 3. 4"),
            ("www.1.2.3.4", "www. 1. 2. 3. 4"), ("x.10.0.0.1.", "x. 10. 0. 0. 1."),
            ("http://\u{301}a", "http: a"),
            ("http://192.168.0.1/x", "http: 192. 168. 0. 1/x"), ("Dr.João", "Dr. João"),
            ("(fim).Depois", "(fim). Depois"),
            ("intent://x", "intent: x"), ("a.b.c", "a. b. c"), ("xn--p1ai.xn--p1ai", "xn--p1ai. xn--p1ai"),
            (".com", ".com"),
        ])
    func linksBreak(_ typed: String, _ expected: String) {
        #expect(TypedText.inline(typed, scalarsMax: 100).hasSameBytes(as: expected))
    }

    @Test("typed text: truncated at a whole character")
    func cutsAtAWholeCharacter() {
        #expect(TypedText.inline("abcdef", scalarsMax: 6) == "abcdef")
        #expect(TypedText.inline("abcdefg", scalarsMax: 6) == "abcde…")
        #expect(TypedText.inline("abcd efg", scalarsMax: 6) == "abcd…")
        #expect(TypedText.inline("ab👩‍👩‍👧‍👦cd", scalarsMax: 6) == "ab…")
        #expect(TypedText.inline("👩‍👩‍👧‍👦 e mais", scalarsMax: 4) == "")
        #expect(TypedText.inline("cafe\u{301}s", scalarsMax: 5) == "caf…")
    }

    @Test("typed text: an empty result is replaced by the fallback")
    func nothingLeftHasAFallback() {
        #expect(TypedText.inline("\u{202E}*", scalarsMax: 9, fallback: "Cliente") == "Cliente")
        #expect(TypedText.inline(" Bia ", scalarsMax: 9, fallback: "Cliente") == "Bia")
    }

    @Test("typed text: cleaning random input is idempotent and safe")
    func cleaningTwiceIsCleaningOnce() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<2_000 {
            let typed = Hostile.text(&random)
            let once = TypedText.inline(typed, scalarsMax: 120)
            #expect(TypedText.inline(once, scalarsMax: 120).hasSameBytes(as: once))
            #expect(once.unicodeScalars.count <= 120)
            expectInert(once)
        }
    }
}

/// That a text holds nothing which WhatsApp, a mail program or a terminal would act upon.
func expectInert(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let scalars = Array(text.unicodeScalars)
    let forbidden = scalars.contains { scalar in
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: scalar != "\u{200D}"
        default: "*_~`".unicodeScalars.contains(scalar) || ("\u{2500}"..."\u{259F}").contains(scalar)
        }
    }
    #expect(!forbidden, sourceLocation: sourceLocation)
    #expect(!text.contains("://") && !text.contains("  "), sourceLocation: sourceLocation)
    #expect(text.first != " " && text.last != " ", sourceLocation: sourceLocation)
    for (index, scalar) in scalars.enumerated() where index > 0 {
        if scalar == "@" { #expect(scalars[index - 1] == " ", sourceLocation: sourceLocation) }
        guard scalar == ".", index + 1 < scalars.count, scalars[index - 1] != ".", scalars[index - 1] != " "
        else { continue }
        #expect(!scalars[index + 1].properties.isAlphabetic, sourceLocation: sourceLocation)
    }
}
