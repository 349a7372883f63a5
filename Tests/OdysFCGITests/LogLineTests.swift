import Logging
import Testing

@testable import OdysCore
@testable import OdysFCGI

@Suite("Request log line") struct LogLineTests {
    private static let time = Instant(
        year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0, microsecond: 120_000)

    private static func line(_ format: Settings.LogFormat, _ level: Logger.Level, _ metadata: Logger.Metadata) -> String
    {
        let handler = LineLogHandler(logLevel: .debug, format: format, instance: "i 1")
        let event = LogEvent(
            level: level, message: "it \"happened\"", error: nil, metadata: metadata, source: nil, file: "",
            function: "",
            line: 0)
        return String(decoding: handler.line(for: event, at: time), as: UTF8.self)
    }

    private static let requests: [(RequestLogLine, Logger.Metadata)] = [
        (
            RequestLogLine(
                record: RequestRecord(
                    requestID: "r-1", traceID: "4bf92f3577b34da6a3ce929d0e0e4736",
                    appointmentID: AppointmentID("00000000-0000-4000-8000-000000000001"), action: .noShow,
                    role: .professional,
                    transition: RequestRecord.Transition(action: .noShow, from: .confirmed, to: .noShow)),
                method: "PATCH", route: "/api/appointments/{id}", milliseconds: 12),
            [
                "request_id": "r-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                "appointment_id": "00000000-0000-4000-8000-000000000001", "status": .stringConvertible(200),
                "code": "ok", "action": "no_show", "role": "professional", "from": "confirmed", "to": "no_show",
                "method": "PATCH", "route": "/api/appointments/{id}", "duration_ms": .stringConvertible(12),
            ]
        ),
        (
            RequestLogLine(
                record: RequestRecord(
                    requestID: "r-2", traceID: nil, appointmentID: nil, action: nil, status: 503, code: "unavailable",
                    failure: StoreError(kind: .timeout, operation: "write\nthe \"change\"")),
                method: "G\"E\u{7}T", route: "none", milliseconds: 0),
            [
                "request_id": "r-2", "status": .stringConvertible(503), "code": "unavailable",
                "error": "\(StoreError(kind: .timeout, operation: "write\nthe \"change\""))", "method": "G\"E\u{7}T",
                "route": "none", "duration_ms": .stringConvertible(0),
            ]
        ),
    ]

    @Test(
        "request log: typed facts give the same line as a metadata dictionary",
        arguments: [Settings.LogFormat.json, .text], [Logger.Level.debug, .info, .error]
    )
    func factsOfARequestAreWrittenAsADictionaryIs(_ format: Settings.LogFormat, _ level: Logger.Level) {
        for (facts, metadata) in Self.requests {
            let handler = LineLogHandler(logLevel: .debug, format: format, instance: "i 1")
            let line = handler.line(level, "it \"happened\"", facts, at: Self.time)
            #expect(String(decoding: line, as: UTF8.self) == Self.line(format, level, metadata))
        }
    }

    @Test("log: a logger's own metadata is written, and an event's wins over it")
    func theHandlersMetadataIsWritten() {
        var handler = LineLogHandler(
            metadataProvider: Logger.MetadataProvider { ["p": "provided", "q": "provided"] }, logLevel: .debug,
            format: .text, instance: "i 1")
        handler[metadataKey: "q"] = "own"
        handler[metadataKey: "r"] = "own"
        #expect(handler[metadataKey: "r"] == "own")
        func line(_ metadata: Logger.Metadata?) -> String {
            let event = LogEvent(
                level: .info, message: "m", error: nil, metadata: metadata, source: nil, file: "", function: "", line: 0
            )
            return String(decoding: handler.line(for: event, at: Self.time), as: UTF8.self)
        }
        #expect(line(["r": "event"]).hasSuffix(" info m p=provided q=provided r=event\n"))
        #expect(line(nil).hasSuffix(" info m p=provided q=provided r=own\n"))
    }

    @Test("log: the note on dropped lines has the format of the other lines")
    func theNoteOnDroppedLinesIsALine() {
        func note(_ format: Settings.LogFormat) -> String {
            let handler = LineLogHandler(logLevel: .debug, format: format, instance: "i 1")
            return String(decoding: handler.note(onDropped: 3, at: Self.time), as: UTF8.self)
        }
        #expect(note(.text) == "2026-12-01T17:00:00.120000Z warning 3 lines of the log were dropped\n")
        #expect(
            note(.json) == #"""
                <4>{"ts":"2026-12-01T17:00:00.120000Z","level":"warning","msg":"3 lines of the log were dropped",\#
                "instance":"i 1"}

                """#)
    }

    @Test("request log: the JSON and text lines")
    func theLineIsWhatOperatorsKnow() {
        #expect(
            Self.line(.json, .info, Self.requests[0].1) == #"""
                <6>{"ts":"2026-12-01T17:00:00.120000Z","level":"info","msg":"it \"happened\"","instance":"i 1",\#
                "action":"no_show","appointment_id":"00000000-0000-4000-8000-000000000001","code":"ok",\#
                "duration_ms":12,"from":"confirmed","method":"PATCH","request_id":"r-1","role":"professional",\#
                "route":"/api/appointments/{id}","status":200,"to":"no_show",\#
                "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}

                """#)
        #expect(
            Self.line(.text, .warning, ["b": "x\ny", "a": .stringConvertible(1)])
                == "2026-12-01T17:00:00.120000Z warning it \"happened\" a=1 b=x\\u{a}y\n")
    }
}
