import Testing

@testable import OdysCore

@Suite("Shown text: what strangers wrote cannot act") struct ShownTextTests {
    private static let acting: [(Unicode.Scalar, brace: String, json: String)] = [
        ("\u{0}", #"\u{0}"#, #"\u0000"#), ("\n", #"\u{a}"#, #"\u000a"#), ("\r", #"\u{d}"#, #"\u000d"#),
        ("\u{1B}", #"\u{1b}"#, #"\u001b"#), ("\u{7F}", #"\u{7f}"#, #"\u007f"#), ("\u{9B}", #"\u{9b}"#, #"\u009b"#),
        ("\u{AD}", #"\u{ad}"#, #"\u00ad"#), ("\u{200F}", #"\u{200f}"#, #"\u200f"#),
        ("\u{2028}", #"\u{2028}"#, #"\u2028"#), ("\u{202E}", #"\u{202e}"#, #"\u202e"#),
        ("\u{2066}", #"\u{2066}"#, #"\u2066"#), ("\u{FEFF}", #"\u{feff}"#, #"\ufeff"#),
        ("\u{E0041}", #"\u{e0041}"#, #"\udb40\udc41"#),
    ]

    @Test("shown: a character that acts is written as its number")
    func whatActsIsItsNumber() {
        for (scalar, brace, json) in Self.acting {
            #expect("a\(Character(scalar))b".shown == "a\(brace)b")
            #expect("a\(Character(scalar))b".shownJSON == "a\(json)b")
        }
        #expect("a\r\nb".shown == #"a\u{d}\u{a}b"#)
        #expect("a\r\nb\nc".shownLines == #"a\u{d}"# + "\nb\nc")
    }

    @Test("shown: names of every script, emoji and our own signs stay as they are")
    func whatDoesNotActStays() {
        for text in ["", "João Ñandú", "Ħ 𝒜", "مريم", "תמר", "さくら", "❤️ 👍🏽", "━━ · → …", #"back\slash "quotes""#] {
            #expect(text.shown == text && text.shownLines == text && text.shownJSON == text)
        }
    }

    @Test("shown: JSON keeps its values")
    func valuesOfJSONStay() throws {
        let text = String(String.UnicodeScalarView(Self.acting.map(\.0)))
        let json: JSON = ["name \(text)": .string(text), "list": .array([.string("x\(text)")])]
        let shown = json.shown
        let acts = shown.unicodeScalars.contains { $0.acts }
        #expect(!acts)
        #expect(try JSON(reading: Array(shown.utf8)) == json)
    }
}
