import Foundation
import Testing

@testable import OdysCore

@Suite struct JSONTests {
    private static func read(_ bytes: [UInt8]) -> Result<JSON, JSON.ReadError> {
        do throws(JSON.ReadError) {
            return .success(try JSON(reading: bytes))
        } catch {
            return .failure(error)
        }
    }

    // MARK: Reading

    @Test(
        "JSON reader: valid texts",
        arguments: [
            ("null", JSON.null), (" \t\r\ntrue ", .bool(true)), ("false", .bool(false)),
            ("0", .integer(0)), ("-0", .integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("1.0", .number(1)), ("-0.5", .number(-0.5)), ("1e2", .number(100)), ("1E+2", .number(100)),
            ("25e-1", .number(2.5)), ("0e0", .number(0)), ("1e-400", .number(0)), ("0.1", .number(0.1)),
            (#""""#, ""), (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{C}\n\r\t"),
            (#""\u0041\u00e9\u00E9""#, "A\u{E9}\u{E9}"),
            (#""\ud83d\ude00""#, "😀"), (#""\uDBFF\uDFFF""#, "\u{10FFFF}"), (#""\u0000""#, "\0"),
            ("\"\u{7F}\"", "\u{7F}"),
            ("\"\u{2028}é😀\"", "\u{2028}é😀"), ("[]", .array([])), ("[ ]", .array([])), ("{}", .object([])),
            ("{ }", .object([])),
            ("[1 , \"a\",[null]]", .array([1, "a", .array([.null])])),
            (#" {"b" : 1 , "a":{"":[] } } "#, ["b": 1, "a": ["": .array([])]]),
            // Names that are the same text to Unicode but not the same bytes.
            (#"{"\u00e9":1,"e\u0301":2}"#, ["\u{E9}": 1, "e\u{301}": 2]),
        ] as [(String, JSON)])
    func accepted(_ text: String, _ value: JSON) {
        #expect(Self.read(Array(text.utf8)) == .success(value))
    }

    @Test(
        "JSON reader: invalid texts → unexpected",
        arguments: [
            "", " ", "nul", "nulll", "Null", "NULL", "True", "undefined", "None", "'a'", "a", "\"", "\"a", "a\"",
            "01", "-01", "+1", "-", "--1", ".5", "1.", "-.5", "1.e1", "1e", "1e+", "1e1.5", "0x1", "1_000", "1,0",
            "Infinity",
            "-Infinity", "NaN", "1 2", "١", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1]]", "(1)",
            "{", "}", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{a:1}"#, #"{1:1}"#,
            #"{"a":1}}"#, #"{"a":1"#, #"{'a':1}"#, #"{null:1}"#, "// a\n1", "/* a */ 1", "1 // a", "\u{FEFF}1",
            "1\u{FEFF}",
            "\u{A0}1", "\u{B}1", "\u{C}1", "\01", "1\0", "\"a\nb\"", "\"a\tb\"", "\"\0\"", "\"\u{1F}\"",
            #""\a""#, #""\x41""#, #""\'""#, #""\U0041""#, #""\u41""#, #""\u004""#, #""\u004g""#, #""\u 041""#,
            #""\u+041""#,
            #""\"#, #""\u"#, #""\u{41}""#,
            // Halves of a surrogate pair.
            #""\ud83d""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\u0041""#, #""\ud83d\ud83d""#, #""\ude00""#,
            #""\ude00\ud83d""#, #""\ud83d\"#, #""\ud83d\u"#, #""\ud83d\ude0""#,
        ])
    func refused(_ text: String) {
        #expect(Self.read(Array(text.utf8)) == .failure(.unexpected))
    }

    @Test(
        "JSON reader: numbers beyond a Double → numberOutOfRange",
        arguments: [
            "1e400", "-1e400", "1e99999999999999999999", "9".padding(toLength: 400, withPad: "9", startingAt: 0),
        ])
    func numbersBeyondADouble(_ text: String) {
        #expect(Self.read(Array(text.utf8)) == .failure(.numberOutOfRange))
    }

    @Test(
        "JSON reader: repeated members → repeatedMember",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"\u0061":3}"#, #"[{"":1,"":2}]"#, #"{"x":{"\n":1,"\u000a":1}}"#,
            #"{"a":1,"a":}"#,
        ])
    func repeatedMembers(_ text: String) {
        #expect(Self.read(Array(text.utf8)) == .failure(.repeatedMember))
    }

    @Test(
        "JSON reader: invalid UTF-8 in a string → notUTF8",
        arguments: [
            [0xFF], [0xC3], [0xC3, 0x28], [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE],
        ] as [[UInt8]])
    func textThatIsNotUTF8(_ bytes: [UInt8]) {
        #expect(Self.read([0x22] + bytes + [0x22]) == .failure(.notUTF8))
        #expect(Self.read(Array(#"{""#.utf8) + bytes + Array(#"":1}"#.utf8)) == .failure(.notUTF8))
        #expect(Self.read(bytes + [0x31]) == .failure(.unexpected))
    }

    @Test("JSON reader: at most 32 levels")
    func depthIsBounded() {
        func nested(_ open: String, _ close: String, _ levels: Int) -> [UInt8] {
            Array((String(repeating: open, count: levels) + String(repeating: close, count: levels)).utf8)
        }
        for levels in 1...40 {
            let expected: JSON.ReadError? = levels <= 32 ? nil : .tooDeep
            #expect(Self.error(nested("[", "]", levels)) == expected)
            let objects =
                String(repeating: #"{"a":"#, count: levels - 1) + "{}" + String(repeating: "}", count: levels - 1)
            #expect(Self.error(Array(objects.utf8)) == expected)
        }
        #expect(Self.error([UInt8](repeating: UInt8(ascii: "["), count: 16 * 1_024)) == .tooDeep)
        #expect(Self.error(Array(String(repeating: #"{"":"#, count: 4_096).utf8)) == .tooDeep)
        #expect(Self.error([UInt8](repeating: UInt8(ascii: "-"), count: 16 * 1_024)) == .unexpected)
    }

    @Test("JSON reader: at most 256 members of one object")
    func membersOfOneObjectAreBounded() {
        for count in [1, 255, 256, 257, 300] {
            let text = "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
            #expect(Self.error(Array(text.utf8)) == (count <= 256 ? nil : .unexpected))
        }
    }

    private static func error(_ bytes: [UInt8]) -> JSON.ReadError? {
        if case .failure(let error) = read(bytes) { error } else { nil }
    }

    @Test("JSON reader: mutated texts are accepted only if Foundation accepts them")
    func nothingIsAcceptedThatAnotherReaderRefuses() {
        var random = SplitMix64(seed: 3)
        let text = #"{"action":"confirm","reason":"a\u00e9\n😀","n":[1,-2.5e3,true,false,null,{}]}"#
        let pieces: [UInt8] = Array(#"{}[]":,\u0e+-.tfn1"#.utf8) + [0, 0x1F, 0x7F, 0xC3, 0xFF, 0x20]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(pieces.randomElement(using: &random) ?? 0, at: place)
                default: bytes[place] = pieces.randomElement(using: &random) ?? 0
                }
            }
            guard case .success = Self.read(bytes) else { continue }
            accepted += 1
            #expect((try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil)
        }
        #expect(accepted > 1_000 && accepted < 19_000)
    }

    // MARK: Writing

    @Test(
        "JSON writer: texts of values",
        arguments: [
            (JSON.null, "null"), (.bool(true), "true"), (.integer(-7), "-7"), (.number(0.5), "0.5"), (.array([]), "[]"),
            (.object([]), "{}"), (["b": 1, "a": .array([.null, "x"])], #"{"b":1,"a":[null,"x"]}"#),
            ("\"\\/é😀\u{7F}", "\"\\\"\\\\/é😀\u{7F}\""), ("\n\r\t\0\u{1F}", #""\n\u000d\u0009\u0000\u001f""#),
            (["\"": ""], #"{"\"":""}"#), (JSON(nil as String?), "null"), (JSON("x"), #""x""#),
            (JSON(nil as Int?), "null"), (JSON([1, 2], each: JSON.integer), "[1,2]"),
            (JSON(Instant(microseconds: 1)), #""1970-01-01T00:00:00.000001Z""#),
            (JSON.object([.init("a", 1)]).with(["b": 2]), #"{"a":1,"b":2}"#),
        ] as [(JSON, String)])
    func written(_ value: JSON, _ text: String) {
        #expect(value.text == text)
    }

    @Test("JSON writer: random values read back equal, Foundation reads them too")
    func everyValueComesBack() throws {
        var random = SplitMix64(seed: 5)
        for _ in 0..<3_000 {
            let value = Self.value(&random, depth: 0)
            let bytes = value.bytes
            let again = try JSON(reading: bytes)
            #expect(again == value)
            #expect(again.bytes == bytes)
            #expect((try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil)
        }
    }

    @Test("JSON writer: what needs an escape gets it, at any place of a text of any length")
    func anEscapeIsFoundAnywhere() {
        let escapes: [(character: String, written: String)] = [
            ("\"", #"\""#), ("\\", #"\\"#), ("\n", #"\n"#), ("\u{0}", #"\u0000"#), ("\u{1F}", #"\u001f"#),
        ]
        for length in 0..<26 {
            // A space, a tilde, a DEL and the bytes of an é need none.
            let plain = String(String(repeating: "a ~\u{7F}é!", count: 5).unicodeScalars.prefix(length))
            #expect(JSON.string(plain).text == "\"\(plain)\"")
            for place in 0...length {
                let (before, after) = (plain.unicodeScalars.prefix(place), plain.unicodeScalars.dropFirst(place))
                for escape in escapes {
                    let text = "\(String(before))\(escape.character)\(String(after))"
                    #expect(JSON.string(text).text == "\"\(String(before))\(escape.written)\(String(after))\"")
                    var json = JSONWriter()
                    json.object { $0.member("a", text) }
                    #expect(String(decoding: json.bytes, as: UTF8.self) == "{\"a\":\(JSON.string(text).text)}")
                }
            }
        }
    }

    @Test("JSON writer: streamed text equals that of the value tree")
    func aWriterWritesWhatATreeDoes() {
        var random = SplitMix64(seed: 6)
        for _ in 0..<2_000 {
            let (text, other) = (Hostile.text(&random), Bool.random(using: &random) ? Hostile.text(&random) : nil)
            let number = Int.random(in: .min ... .max, using: &random)
            let tree = Self.value(&random, depth: 1)
            let elements = (0..<Int.random(in: 0...3, using: &random)).map { _ in Hostile.text(&random) }
            let instant = Instant(microseconds: Int64.random(in: -1 << 60...1 << 60, using: &random))
            let second = Instant(microseconds: instant.unixSeconds * 1_000_000)
            var json = JSONWriter(after: "<6>")
            json.object { json in
                json.member("text", text)
                json.member("perhaps", ifPresent: other)
                json.object("nothing") { _ in }
                json.member("number", .integer(number))
                json.array("list") { json in
                    for element in elements { json.object { $0.member("element", element) } }
                    json.value(tree)
                }
                json.member("flag", .bool(number > 0))
                json.member("instant", instant)
                json.member("second", second)
                json.member("precise", second, microseconds: true)
                json.object("inner") { $0.member("tree", tree) }
                json.member(named: text, tree)
            }
            let expected = JSON.object(
                [JSON.Member("text", .string(text))]
                    + (other.map { [JSON.Member("perhaps", .string($0))] } ?? [])
                    + [
                        JSON.Member("nothing", .object([])), JSON.Member("number", .integer(number)),
                        JSON.Member("list", .array(elements.map { ["element": .string($0)] } + [tree])),
                        JSON.Member("flag", .bool(number > 0)), JSON.Member("instant", .string(instant.iso8601)),
                        JSON.Member("second", .string(second.iso8601)),
                        JSON.Member("precise", .string(second.iso8601Microseconds)),
                        JSON.Member("inner", ["tree": tree]), JSON.Member(text, tree),
                    ])
            #expect(String(decoding: json.bytes, as: UTF8.self) == "<6>" + expected.text)
        }
    }

    private static func value(_ random: inout SplitMix64, depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth < 4 ? 8 : 5), using: &random) {
        case 0: return .bool(Bool.random(using: &random))
        case 1: return .null
        case 2: return .integer(Int.random(in: .min ... .max, using: &random))
        case 3:
            let double = Double(bitPattern: UInt64.random(in: 0 ... .max, using: &random))
            return .number(double.isFinite ? double : 0.1)
        case 4, 5: return .string(Hostile.text(&random))
        case 6:
            return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default:
            return .object(
                (0..<Int.random(in: 0...4, using: &random)).map { index in
                    JSON.Member("\(index)" + Hostile.text(&random), value(&random, depth: depth + 1))
                })
        }
    }
}
