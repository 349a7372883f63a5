import Testing

@testable import OdysCore

/// What a body was read as.
private enum ActionBody: Equatable {
    /// The action is nil where there is none of that name.
    case readable(action: String?, reason: String?)
    case refused(Refusal)

    init(_ request: Request) {
        guard let id = AppointmentID(InterfaceWorld.id) else { preconditionFailure("the id of the tests is none") }
        switch ActionRequest.plan(request, id, by: UserID("user-p")) {
        case .act(_, let wanted): self = .readable(action: wanted.action?.rawValue, reason: wanted.reason)
        case .refuse(let refusal): self = .refused(refusal)
        case .preflight, .read, .readHistory: preconditionFailure("a PATCH acts or is refused")
        }
    }
}

@Suite struct ActionBodyTests {
    private static func read(_ text: String) -> ActionBody {
        ActionBody(InterfaceWorld.request(body: .bytes(Array(text.utf8))))
    }

    @Test(
        "PATCH body: action and reason are read",
        arguments: [
            (#"{"action":"confirm"}"#, "confirm", nil),
            (" \r\n\t{ \"action\" : \"confirm\" } \n", "confirm", nil),
            (#"{"action":""}"#, "", nil),
            (#"{"action":"Ação"}"#, "Ação", nil),
            (#"{"\u0061ction":"\u0063onfirm"}"#, "confirm", nil),
            (#"{"action":"paid","reason":null}"#, "paid", nil),
            (#"{"action":"paid","reason":"Viagem"}"#, "paid", "Viagem"),
            (#"{"reason":"a\nb\tc","action":"paid"}"#, "paid", "a b c"),
            (#"{"action":"paid","reason":"👩‍👩‍👧‍👦 *é*"}"#, "paid", "👩‍👩‍👧‍👦 *é*"),
            (#"{"action":"paid","other":{"action":"y"},"Action":"z"}"#, "paid", nil),
        ])
    func readable(_ text: String, _ action: String, _ reason: String?) {
        #expect(Self.read(text) == .readable(action: action.isEmpty || action == "Ação" ? nil : action, reason: reason))
    }

    @Test(
        "PATCH body: malformed JSON, repeated members and wrong types → malformedBody",
        arguments: [
            "", " ", "null", "[]", "\"confirm\"", "1", "{}", "{", #"{"action":"paid""#, #"{"action":"paid"}}"#,
            #"{"action":"paid"},"#, #"{"action":null}"#, #"{"action":1}"#, #"{"action":["confirm"]}"#,
            #"{"Action":"x"}"#,
            #"{'action':'x'}"#, #"{action:"x"}"#, #"{"action":"paid",}"#, "\u{FEFF}{\"action\":\"x\"}",
            "action=confirm", #"[{"action":"paid"}]"#,
            // A repeated member, also by another spelling of its name, also deeper, also one that is not read.
            #"{"action":"paid","action":"paid"}"#, #"{"action":"paid","\u0061ction":"y"}"#,
            #"{"action":"paid","n":1,"n":1}"#,
            #"{"action":"paid","o":{"a":1,"a":2}}"#, #"{"action":"paid","reason":"a","reason":null}"#,
            // A reason that is no text.
            #"{"action":"paid","reason":1}"#, #"{"action":"paid","reason":true}"#, #"{"action":"paid","reason":["a"]}"#,
            #"{"action":"paid","reason":{}}"#,
        ])
    func malformed(_ text: String) {
        #expect(Self.read(text) == .refused(.malformedBody))
    }

    @Test("PATCH body: invalid UTF-8 → malformedBody")
    func aBodyThatIsNotUTF8IsMalformed() {
        let bytes = Array(#"{"action":"paid"#.utf8) + [0xFF] + Array(#""}"#.utf8)
        #expect(ActionBody(InterfaceWorld.request(body: .bytes(bytes))) == .refused(.malformedBody))
    }

    /// Every control character, both in its escaped form and, above U+001F, as it is.
    @Test("reason: control characters are refused, line breaks and tab become a space")
    func aReasonHasNoControlCharactersButLineBreaksAndTab() {
        for value in Array(0...0x1F) + Array(0x7F...0x9F) {
            let hex = String(value, radix: 16)
            let escaped = #"\u"# + String(repeating: "0", count: 4 - hex.count) + hex
            let body = Self.read(#"{"action":"paid","reason":"a"# + escaped + #"b"}"#)
            let isSpace = [0x09, 0x0A, 0x0D].contains(value)
            #expect(body == (isSpace ? .readable(action: "paid", reason: "a b") : .refused(.malformedBody)), "\(hex)")
            guard value > 0x1F, let scalar = Unicode.Scalar(value) else { continue }
            #expect(Self.read(#"{"action":"paid","reason":"\#(scalar)"}"#) == .refused(.malformedBody), "\(hex)")
        }
        for (reason, kept) in [
            (#"a\r\nb"#, "a b"), (#"a\n\rb"#, "a  b"), (#"a\r\r\nb"#, "a  b"), (#"a\r\n\r\nb"#, "a  b"),
            (#"a\n\nb"#, "a  b"),
        ] {
            #expect(
                Self.read(#"{"action":"paid","reason":"\#(reason)"}"#) == .readable(action: "paid", reason: kept))
        }
    }

    /// Not bytes, UTF-16 units or grapheme clusters.
    @Test("reason: at most 500 Unicode scalars", arguments: ["a", "é", "😀", "\u{301}"])
    func aReasonHasAtMostFiveHundredScalars(_ scalar: String) {
        let longest = String(repeating: scalar, count: 500)
        #expect(Self.read(#"{"action":"paid","reason":"\#(longest)"}"#) == .readable(action: "paid", reason: longest))
        #expect(Self.read(#"{"action":"paid","reason":"\#(longest + scalar)"}"#) == .refused(.malformedBody))
        // Counted as it is kept, as the text field of a form counts it.
        let lines = String(repeating: scalar, count: 498) + #"\r\n"#
        #expect(
            Self.read(#"{"action":"paid","reason":"\#(lines + scalar)"}"#)
                == .readable(action: "paid", reason: String(repeating: scalar, count: 498) + " " + scalar))
    }

    @Test("reason: a blank one counts as none", arguments: ["", " ", #"\n\t "#, "\u{A0}\u{2003}"])
    func aBlankReasonIsNone(_ reason: String) {
        #expect(Self.read(#"{"action":"paid","reason":"\#(reason)"}"#) == .readable(action: "paid", reason: nil))
    }

    @Test(
        "Content-Type: application/json is accepted with any parameters",
        arguments: [
            "application/json", "application/json; charset=utf-8", "application/json;charset=\"utf-8\"",
            "Application/JSON", " application/json ", "application/json ;a=b;c=d",
        ])
    func jsonIsReadWithAnyParameters(_ type: String) {
        #expect(ActionBody(InterfaceWorld.request(type: [type])) == .readable(action: "confirm", reason: nil))
    }

    @Test(
        "Content-Type: anything but application/json → unsupportedMediaType",
        arguments: [
            "", "text/plain", "application/jsonx", "application/problem+json", "application/merge-patch+json",
            "application", "json", "*/*", "application/x-www-form-urlencoded", "text/plain; application/json",
            "application/json, text/plain", "text/plain, application/json", ";application/json",
        ])
    func anythingElseIsUnsupported(_ type: String) {
        #expect(ActionBody(InterfaceWorld.request(type: [type])) == .refused(.unsupportedMediaType))
    }

    @Test("Content-Type: missing → unsupportedMediaType, repeated → invalidHeader")
    func aContentTypeThatIsMissingOrRepeated() {
        #expect(ActionBody(InterfaceWorld.request(type: [])) == .refused(.unsupportedMediaType))
        let twice = ["application/json", "application/json"]
        #expect(ActionBody(InterfaceWorld.request(type: twice)) == .refused(.invalidHeader))
    }

    @Test("PATCH body: too large → bodyTooLarge, broken off → malformedBody")
    func aBodyThatCannotBeHadIsRefusedByItsReason() {
        #expect(ActionBody(InterfaceWorld.request(body: .tooLarge)) == .refused(.bodyTooLarge))
        #expect(ActionBody(InterfaceWorld.request(body: .broken)) == .refused(.malformedBody))
    }

    @Test(
        "request fields: a repeated field has no value; an empty one may count as absent"
    )
    func aFieldThatComesTwiceIsNeverTheFirstOne() {
        let request = Request(
            method: "PATCH", target: "/",
            fields: [
                (.accept, "1"), (.contentType, ""), (.contentType, "2"), (.accept, "1"), (.serverRequestID, ""),
                (.ifMatch, ""),
            ],
            body: .bytes([]))
        #expect(request.field(.accept) == .repeated)
        #expect(request.value(.accept) == nil)
        #expect(request.values(.accept) == ["1", "1"])
        #expect(request.field(.contentType) == .one("2"))
        #expect(request.field(.serverRequestID) == .absent)
        #expect(request.field(.ifMatch) == .one(""))
        #expect(request.field(.origin) == .absent)
    }
}
