import Testing

@testable import OdysCore

@Suite("Text: fast paths against Unicode and the slow paths") struct TextTests {
    private static let everyScalar = (UInt32(0)...0x10FFFF).compactMap(Unicode.Scalar.init)

    @Test("scalar classes: agree with Unicode's properties for every scalar")
    func scalarsAreWhatUnicodeSays() {
        var wrong: [Unicode.Scalar] = []
        for scalar in Self.everyScalar {
            let properties = scalar.properties
            let isRight =
                scalar.isControl == (properties.generalCategory == .control)
                && scalar.isSpace == properties.isWhitespace && scalar.isLetter == properties.isAlphabetic
                && scalar.isDigit == (properties.numericType == .decimal)
            if !isRight { wrong.append(scalar) }
        }
        #expect(wrong == [])
    }

    /// Between two letters, so that nothing but the scalar itself decides.
    @Test("cleaning: each Latin scalar by its Unicode properties")
    func eachScalarIsCleanedAsItsPropertiesSay() {
        var wrong: [Unicode.Scalar] = []
        for value in UInt32(0)...0x24F {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let expected =
                switch scalar {
                case "*", "~", "`": "xy"
                case "_": "x y"
                case ".", "@": scalar == "." ? "x. y" : "x @y"
                case _ where scalar.properties.isWhitespace: "x y"
                case _ where scalar.properties.isDefaultIgnorableCodePoint: "xy"
                case _ where scalar.properties.generalCategory == .control: "xy"
                default: "x\(scalar)y"
                }
            if !TypedText.inline("x\(scalar)y", scalarsMax: 9).hasSameBytes(as: expected) { wrong.append(scalar) }
        }
        #expect(wrong == [])
    }

    private static let pieces = [
        "a", "Z", "0", " ", " ", "Ana", "Souza", "João", "Conceição", "Ž", "\u{C0}", "\u{17F}", "\u{180}", "\u{BF}",
        "×",
        ".", ". ", "Dr. ", ":", "://", "/", "@", "_", "*", "~", "`", "\n", "\t", "\u{7F}", "\u{A0}", "\u{AD}", "'", "-",
        "e\u{301}", "山", "👍🏽", "{", "}", "\"", "\\", "!", "1.5", "\0",
    ]

    private static func text(_ random: inout SplitMix64) -> String {
        // Of the special ones few in each text, so that each is seen alone between plain ones.
        let plain = Array(pieces.prefix(12))
        return (0..<Int.random(in: 0...9, using: &random)).map { _ in
            let isSpecial = Int.random(in: 0..<6, using: &random) == 0
            return (isSpecial ? pieces : plain).randomElement(using: &random) ?? ""
        }.joined()
    }

    @Test("cleaning: the fast path gives the result of the slow one")
    func theShortWayOfCleaningSaysWhatTheLongOneSays() {
        var random = SplitMix64(seed: 11)
        var short = 0
        for _ in 0..<20_000 {
            let typed = Self.text(&random)
            let scalarsMax = Int.random(in: 1...30, using: &random)
            if TypedText.isCleanLatin(typed, scalarsMax: scalarsMax) {
                short += 1
                #expect(TypedText.cleaned(typed, scalarsMax: scalarsMax).hasSameBytes(as: typed), "\(typed)")
            }
        }
        #expect(short > 4_000 && short < 16_000)
    }

    @Test("cleaning: ordinary names take the fast path")
    func namesOfEveryDayTakeTheShortWay() {
        for name in ["Ana Souza", "Dr. João D'Ávila-Müller", "Conceição", "Paula (manhã), sala 3", "Žižka Đorđe"] {
            #expect(TypedText.isCleanLatin(name, scalarsMax: 120))
        }
    }

    @Test("hasSameBytes: compares bytes, not canonical equivalence")
    func sameBytesIsNotSameText() {
        var random = SplitMix64(seed: 12)
        for _ in 0..<5_000 {
            let (one, other) = (Self.text(&random), Self.text(&random))
            #expect(one.hasSameBytes(as: other) == (Array(one.utf8) == Array(other.utf8)))
            #expect(one.hasSameBytes(as: String(decoding: Array(one.utf8), as: UTF8.self)))
        }
        // The same to Unicode, and of the same length too.
        #expect(!"a\u{301}\u{323}".hasSameBytes(as: "a\u{323}\u{301}") && !"\u{212B}".hasSameBytes(as: "\u{C5}"))
        #expect(!"\(InterfaceWorld.id)1".hasSameBytes(as: "\(InterfaceWorld.id)2"))
    }

    @Test("hasSameStart: compares bytes")
    func aStartIsComparedByItsBytes() {
        var random = SplitMix64(seed: 15)
        var starts = 0
        for _ in 0..<5_000 {
            let text = Self.text(&random)
            let start =
                Bool.random(using: &random)
                ? String(decoding: text.utf8.prefix(Int.random(in: 0...4, using: &random)), as: UTF8.self)
                : Self.text(&random)
            let isStart = Array(text.utf8).starts(with: Array(start.utf8))
            #expect(text.hasSameStart(as: start) == isStart)
            if isStart { starts += 1 }
        }
        #expect(starts > 500 && starts < 4_500)
    }

    @Test("trimming: white space goes at both ends")
    func blanksAreTrimmedAtBothEnds() {
        var random = SplitMix64(seed: 13)
        let blanks = [" ", "\t", "\r\n", "\u{3000}", " \u{301}"]
        for _ in 0..<2_000 {
            let text = (0..<Int.random(in: 0...6, using: &random))
                .map { _ in (Bool.random(using: &random) ? blanks : Self.pieces).randomElement(using: &random) ?? "" }
                .joined()
            var characters = Array(text)[...]
            while characters.first?.isWhitespace == true { characters.removeFirst() }
            while characters.last?.isWhitespace == true { characters.removeLast() }
            #expect(text.trimmed.hasSameBytes(as: String(characters)))
        }
    }

    @Test("JSON strings: escaped as RFC 8259, section 7 requires")
    func escapesStandWhereTheyAreNeeded() {
        var random = SplitMix64(seed: 14)
        for _ in 0..<5_000 {
            let text = Self.text(&random)
            let content = text.unicodeScalars.map { scalar in
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case "\n": "\\n"
                case "\t": "\\u0009"
                case "\0": "\\u0000"
                default: String(scalar)
                }
            }
            #expect(JSON.string(text).text.hasSameBytes(as: "\"\(content.joined())\""))
        }
    }
}
