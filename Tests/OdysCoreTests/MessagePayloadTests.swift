import OdysCore
import Testing

@Suite("outbox.payload: values as SQL writes them") struct MessagePayloadTests {
    private static func payload(_ text: String) throws -> MessagePayload? {
        MessagePayload(json: try JSON(reading: Array(text.utf8)))
    }

    @Test(
        "payload: invite may be true, false, 1, 0, null or absent",
        arguments: [
            (#"{"invite": true}"#, true), (#"{"invite": 1}"#, true), (#"{"invite": false}"#, false),
            (#"{"invite": 0}"#, false), (#"{"invite": null}"#, false), ("{}", false),
        ])
    func invite(_ text: String, _ isInvited: Bool) throws {
        #expect(try Self.payload(text) == MessagePayload(invite: isInvited))
    }

    @Test(
        "payload: a wrong type makes it unusable, for every key",
        arguments: [
            #"{"invite": 2}"#, #"{"invite": -1}"#, #"{"invite": 1.5}"#, #"{"invite": "1"}"#, #"{"invite": "true"}"#,
            #"{"invite": ""}"#, #"{"invite": []}"#, #"{"invite": {}}"#,
            #"{"clientName": 42}"#, #"{"professionalName": true}"#, #"{"slug": 7}"#, #"{"reason": []}"#,
            #"{"preview": {}}"#, #"{"startsAt": 1796144400}"#, #"{"startsAt": "2026-12-01"}"#,
            #"{"startsAt": ""}"#, #"{"startsAt": "2026-12-01T14:00:00-0300"}"#, "[]", "null", "1", #""{}""#,
        ])
    func wrongType(_ text: String) throws {
        #expect(try Self.payload(text) == nil)
    }

    @Test(
        "payload: startsAt as other programs write it",
        arguments: [
            // PHP's date('c'), JavaScript's toISOString, Go's RFC3339Nano, Python's isoformat, MariaDB's JSON_OBJECT.
            "2026-12-01T17:00:00+00:00", "2026-12-01T14:00:00-03:00", "2026-12-01T17:00:00.000Z",
            "2026-12-01T17:00:00.000000000Z", "2026-12-01T17:00:00.000000+00:00", "2026-12-01 17:00:00",
            "2026-12-01t17:00:00z",
        ])
    func startsAt(_ text: String) throws {
        let startsAt = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
        #expect(try Self.payload(#"{"startsAt": "\#(text)"}"#) == MessagePayload(startsAt: startsAt))
    }

    @Test("payload: null is absent, DATETIME(6) of JSON_OBJECT is read")
    func formsOfSQL() throws {
        let text = #"""
            {"clientName": null, "professionalName": null, "slug": null, "reason": null, "preview": null,
            "startsAt": "2026-12-01 17:00:00.000000", "unknown": 1}
            """#
        let startsAt = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
        #expect(try Self.payload(text) == MessagePayload(startsAt: startsAt))
        #expect(try Self.payload(#"{"startsAt": null}"#) == MessagePayload())
    }
}
