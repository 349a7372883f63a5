internal import Logging
internal import OdysCore

/// What the log says of a request.
///
/// It is the one value of such a line's metadata: a dictionary of its members would cost more than all else that a line
/// takes.
struct RequestFacts: CustomStringConvertible, Sendable {
    let record: AppointmentEndpoint.Record
    let method: String
    let route: String
    let milliseconds: Int

    /// In the order of the names, as in every line.
    func write(to json: inout JSONWriter) {
        json.member("action", ifPresent: record.action?.rawValue)
        json.member("appointment_id", ifPresent: record.appointmentID?.description)
        json.member("code", record.code)
        json.member("duration_ms", milliseconds)
        json.member("error", ifPresent: record.failure?.description)
        json.member("from", ifPresent: record.transition?.from.rawValue)
        json.member("method", method)
        json.member("request_id", record.requestID)
        json.member("role", ifPresent: record.role?.rawValue)
        json.member("route", route)
        json.member("status", record.status)
        json.member("to", ifPresent: record.transition?.to.rawValue)
        json.member("trace_id", ifPresent: record.traceID)
    }

    /// The same for a person: `action=confirm appointment_id=…`.
    var description: String {
        var json = JSONWriter()
        json.object(write)
        guard case .object(let members)? = try? JSON(reading: json.bytes) else {
            preconditionFailure("what was written is an object")
        }
        return members.map { "\($0.name)=\($0.value.string ?? $0.value.text)" }.joined(separator: " ")
    }
}

extension Logger {
    /// One line for what a request did, or why it failed. Refusals are the caller's affair, and debugging's.
    func record(_ record: AppointmentEndpoint.Record, _ request: Request, seconds: Double) {
        let level: Level
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
        let facts = RequestFacts(
            record: record, method: String(request.method.prefix(16)), route: request.route,
            milliseconds: Int((seconds * 1_000).rounded()))
        log(level: level, "\(message)", metadata: [LineLogHandler.request: .stringConvertible(facts)])
    }
}

extension Request {
    /// The path without its ids, of which there are few: for the log and for the status page.
    var route: String {
        let appointments = "/api/appointments/"
        if path.hasSameStart(as: appointments) {
            let rest = path.utf8.dropFirst(appointments.utf8.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return "/api/appointments/{id}" }
            return rest[slash...].elementsEqual("/history".utf8) ? "/api/appointments/{id}/history" : "none"
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 3, ["healthz", "readyz", "metrics", "status"].contains(parts[1]) {
            return "/\(parts[1])/{n}"
        }
        return "none"
    }
}
