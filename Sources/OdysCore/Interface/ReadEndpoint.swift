// `GET /api/appointments/{id}` and its `/history`, for the two parties. The checks come in the order of a PATCH.

extension AppointmentEndpoint {
    func read(_ route: Route, by userID: UserID, _ request: Request, _ requestID: String) -> Response {
        do throws(StoreError) {
            switch route {
            case .appointment(let id):
                guard let reading = try readAppointment(id) else { return refuse(.notFound, request, requestID, id) }
                return show(reading.appointment, to: userID, request, requestID, withETag: true) { role in
                    reading.body(for: role, rules: rules)
                }
            case .history(let id):
                guard let history = try readHistory(id) else { return refuse(.notFound, request, requestID, id) }
                return show(history.appointment, to: userID, request, requestID, withETag: false) { role in
                    history.json(for: role).bytes
                }
            }
        } catch {
            return refuse(
                error.isUnavailability ? .unavailable : .internalError, request, requestID, route.id, nil, error)
        }
    }

    /// The `ETag` is the version, which is what `If-Match` takes. It does not stand for the whole answer, which changes
    /// with the clock too; so there is no 304.
    private func show(
        _ appointment: Appointment, to userID: UserID, _ request: Request, _ requestID: String, withETag: Bool,
        _ body: (Role) -> [UInt8]
    ) -> Response {
        switch appointment.parties(for: userID) {
        case .failure(let refusal):
            return refuse(refusal, request, requestID, appointment.id)
        case .success(let parties):
            record(
                Record(
                    requestID: requestID, traceID: traceID(of: request), appointmentID: appointment.id, status: 200,
                    code: "read", action: nil, role: parties.caller, failure: nil))
            let etag = withETag ? [Header("ETag", "\"\(appointment.version)\"")] : []
            return Response(
                status: 200, headers: [Header("Content-Type", "application/json")] + etag,
                body: body(parties.caller))
        }
    }
}
