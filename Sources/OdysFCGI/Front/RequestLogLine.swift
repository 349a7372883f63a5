internal import Logging
internal import OdysCore

/// What the log says of a request.
///
/// It goes to the handler as it is: a dictionary of its members as metadata would cost more than the rest of the line.
struct RequestLogLine: CustomStringConvertible {
    let record: RequestRecord
    let method: String
    let route: String
    let milliseconds: Int

    /// In the order of the names, as in every line.
    private func forEachMember(_ visit: (StaticString, JSON) -> Void) {
        func text(_ name: StaticString, _ text: String?) { if let text { visit(name, .string(text)) } }
        text("action", record.action?.rawValue)
        text("appointment_id", record.appointmentID?.description)
        text("code", record.code)
        visit("duration_ms", .integer(milliseconds))
        text("error", record.failure?.description)
        text("from", record.transition?.from.rawValue)
        text("method", method)
        text("request_id", record.requestID)
        text("role", record.role?.rawValue)
        text("route", route)
        visit("status", .integer(record.status))
        text("to", record.transition?.to.rawValue)
        text("trace_id", record.traceID)
    }

    func write(to json: inout JSONWriter) { forEachMember { json.member($0, $1) } }

    /// The same for a person: `action=confirm appointment_id=…`.
    var description: String {
        var parts: [String] = []
        forEachMember { parts.append("\($0)=\($1.string ?? $1.text)") }
        return parts.joined(separator: " ")
    }
}

extension LineLogHandler {
    /// One line for what a request did, or why it failed. Refusals are the caller's concern, and shown when debugging.
    func record(_ record: RequestRecord, _ request: Request, _ route: Route, seconds: Double) {
        let level: Logger.Level
        let message: String
        if let failure = record.failure {
            (level, message) = (.error, "a request failed: \(failure.remedy)")
        } else if record.code == "read" {
            (level, message) = (.debug, "an appointment was read")
        } else if record.status == 200 {
            (level, message) = (.info, record.code == "replayed" ? "an answer was replayed" : "an appointment changed")
        } else {
            (level, message) = (.debug, "a request was refused")
        }
        guard level >= logLevel else { return }
        let line = RequestLogLine(
            record: record, method: request.method.loggableMethod,
            route: route.name, milliseconds: Int((seconds * 1_000).rounded()))
        log(level, message, line)
    }
}

extension String {
    /// A method, which a client chose: short and of letters, as all that we offer, or only that it is another.
    fileprivate var loggableMethod: String {
        utf8.count <= 16 && utf8.allSatisfy(\.isASCIILetter) ? self : "other"
    }
}
