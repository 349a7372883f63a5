import Testing

@testable import OdysCore

/// What a body was read as.
private enum ActionBody: Equatable {
    case readable(action: String, reason: String?)
    case refused(Refusal)

    init(_ request: Request) {
        guard let id = AppointmentID(EndpointWorld.id) else { preconditionFailure("the id of the tests is none") }
        switch ActionRequest.read(request, id, by: UserID("user-p")) {
        case .success(let wanted): self = .readable(action: wanted.rawAction, reason: wanted.reason)
        case .failure(let refusal): self = .refused(refusal)
        }
    }
}

@Suite struct ActionBodyTests {
    private static func read(_ text: String) -> ActionBody {
        ActionBody(EndpointWorld.request(body: .bytes(Array(text.utf8))))
    }

    @Test(arguments: [
        (#"{"action":"confirm"}"#, "confirm", nil),
        (" \r\n\t{ \"action\" : \"confirm\" } \n", "confirm", nil),
        (#"{"action":""}"#, "", nil),
        (#"{"action":"Ação"}"#, "Ação", nil),
        (#"{"\u0061ction":"\u0063onfirm"}"#, "confirm", nil),
        (#"{"action":"cancel","reason":null}"#, "cancel", nil),
        (#"{"action":"cancel","reason":"Viagem"}"#, "cancel", "Viagem"),
        (#"{"reason":"a\nb\tc","action":"x"}"#, "x", "a b c"),
        (#"{"action":"x","reason":"👩‍👩‍👧‍👦 *é*"}"#, "x", "👩‍👩‍👧‍👦 *é*"),
        (#"{"action":"x","other":{"action":"y"},"Action":"z"}"#, "x", nil),
    ])
    func readable(_ text: String, _ action: String, _ reason: String?) {
        #expect(Self.read(text) == .readable(action: action, reason: reason))
    }

    @Test(arguments: [
        "", " ", "null", "[]", "\"confirm\"", "1", "{}", "{", #"{"action":"x""#, #"{"action":"x"}}"#,
        #"{"action":"x"},"#, #"{"action":null}"#, #"{"action":1}"#, #"{"action":["confirm"]}"#, #"{"Action":"x"}"#,
        #"{'action':'x'}"#, #"{action:"x"}"#, #"{"action":"x",}"#, "\u{FEFF}{\"action\":\"x\"}",
        "action=confirm", #"[{"action":"x"}]"#,
        // A repeated member, also by another spelling of its name, also deeper, also one that is not read.
        #"{"action":"x","action":"x"}"#, #"{"action":"x","\u0061ction":"y"}"#, #"{"action":"x","n":1,"n":1}"#,
        #"{"action":"x","o":{"a":1,"a":2}}"#, #"{"action":"x","reason":"a","reason":null}"#,
        // A reason that is no text.
        #"{"action":"x","reason":1}"#, #"{"action":"x","reason":true}"#, #"{"action":"x","reason":["a"]}"#,
        #"{"action":"x","reason":{}}"#,
    ])
    func malformed(_ text: String) {
        #expect(Self.read(text) == .refused(.malformedBody))
    }

    @Test func aBodyThatIsNotUTF8IsMalformed() {
        let bytes = Array(#"{"action":"x"#.utf8) + [0xFF] + Array(#""}"#.utf8)
        #expect(ActionBody(EndpointWorld.request(body: .bytes(bytes))) == .refused(.malformedBody))
    }

    /// Every control character, both in its escaped form and, above U+001F, as it is.
    @Test func aReasonHasNoControlCharactersButNewlineAndTab() {
        for value in Array(0...0x1F) + Array(0x7F...0x9F) {
            let hex = String(value, radix: 16)
            let escaped = #"\u"# + String(repeating: "0", count: 4 - hex.count) + hex
            let body = Self.read(#"{"action":"x","reason":"a"# + escaped + #"b"}"#)
            let isSpace = value == 0x0A || value == 0x09
            #expect(body == (isSpace ? .readable(action: "x", reason: "a b") : .refused(.malformedBody)), "\(hex)")
            guard value > 0x1F, let scalar = Unicode.Scalar(value) else { continue }
            #expect(Self.read(#"{"action":"x","reason":"\#(scalar)"}"#) == .refused(.malformedBody), "\(hex)")
        }
        #expect(Self.read(#"{"action":"x","reason":"a\r\nb"}"#) == .refused(.malformedBody))
    }

    /// Counted in Unicode scalars: neither bytes, nor UTF-16 units, nor what a reader takes for characters.
    @Test(arguments: ["a", "é", "😀", "\u{301}"])
    func aReasonHasAtMostFiveHundredScalars(_ scalar: String) {
        let longest = String(repeating: scalar, count: 500)
        #expect(Self.read(#"{"action":"x","reason":"\#(longest)"}"#) == .readable(action: "x", reason: longest))
        #expect(Self.read(#"{"action":"x","reason":"\#(longest + scalar)"}"#) == .refused(.malformedBody))
    }

    @Test(arguments: ["", " ", #"\n\t "#, "\u{A0}\u{2003}"])
    func aBlankReasonIsNone(_ reason: String) {
        #expect(Self.read(#"{"action":"x","reason":"\#(reason)"}"#) == .readable(action: "x", reason: nil))
    }

    @Test(arguments: [
        "application/json", "application/json; charset=utf-8", "application/json;charset=\"utf-8\"",
        "Application/JSON", " application/json ", "application/json ;a=b;c=d",
    ])
    func jsonIsReadWithAnyParameters(_ type: String) {
        #expect(ActionBody(EndpointWorld.request(type: [type])) == .readable(action: "confirm", reason: nil))
    }

    @Test(arguments: [
        "", "text/plain", "application/jsonx", "application/problem+json", "application/merge-patch+json",
        "application", "json", "*/*", "application/x-www-form-urlencoded", "text/plain; application/json",
        "application/json, text/plain", "text/plain, application/json", ";application/json",
    ])
    func anythingElseIsUnsupported(_ type: String) {
        #expect(ActionBody(EndpointWorld.request(type: [type])) == .refused(.unsupportedMediaType))
    }

    @Test func aContentTypeThatIsMissingOrRepeated() {
        #expect(ActionBody(EndpointWorld.request(type: [])) == .refused(.unsupportedMediaType))
        let twice = ["application/json", "application/json"]
        #expect(ActionBody(EndpointWorld.request(type: twice)) == .refused(.invalidHeader))
    }

    @Test func aBodyThatCannotBeHadIsRefusedByItsReason() {
        #expect(ActionBody(EndpointWorld.request(body: .tooLarge)) == .refused(.bodyTooLarge))
        #expect(ActionBody(EndpointWorld.request(body: .broken)) == .refused(.malformedBody))
    }

    @Test func aFieldThatComesTwiceIsNeverTheFirstOne() {
        let request = Request(
            method: "PATCH", target: "/",
            parameters: [Header("A", "1"), Header("B", ""), Header("B", "2"), Header("A", "1"), Header("C", "")],
            body: .bytes([]))
        #expect(request.field("A") == .repeated)
        #expect(request.value("A") == nil)
        #expect(request.field("B") == .one("2"))
        #expect(request.field("C") == .absent)
        #expect(request.field("a") == .absent)
    }
}
