internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// The tools that `odysctl mcp` offers. All of them act for the one professional that was named at the start.
struct MCPTools {
    let store: ProfessionalStore
    let appointments: AppointmentStore
    /// The zone of `ODYS_TIME_ZONE`.
    let zone: String

    var all: [MCPTool] { [today, customer, revenue, update] }

    // MARK: Calling

    private func tool(
        _ name: String, _ title: String, _ description: String, arguments: [MCPArgument], result: JSON,
        changes: Bool = false, _ body: @escaping (MCPArguments) throws(MCPProblem) -> JSON
    ) -> MCPTool {
        MCPTool(
            name: name, title: title, description: description, input: MCPArgument.schema(arguments + [.professional]),
            output: result, isReadOnly: !changes
        ) { values in
            do throws(MCPProblem) {
                let values = try MCPArguments(values, arguments + [.professional], of: store.professional.id)
                let result = try body(values)
                log("\(name): ok")
                return MCPResult(result)
            } catch {
                log("\(name): \(error.content["code"]?.string ?? "")", error)
                return MCPResult(error.content, isError: true)
            }
        }
    }

    /// To standard error, without arguments or results: they are personal data.
    private func log(_ line: String, _ problem: MCPProblem? = nil) {
        var text = "mcp: \(line)"
        if case .store(let error) = problem { text += ": \(error)" }
        complain(text)
    }

    private func asking<Value>(_ body: () throws(StoreError) -> Value) throws(MCPProblem) -> Value {
        do throws(StoreError) { return try body() } catch { throw .store(error) }
    }

    // MARK: The tools

    private var today: MCPTool {
        tool(
            "get_appointments_today", "Appointments of today", "All appointments of the current day, in order.",
            arguments: [
                MCPArgument(
                    name: "timezone", description: "IANA name of the zone whose day is meant; default \(zone).",
                    isRequired: false)
            ],
            result: .schema([
                ("professionalId", .text), ("timezone", .text), ("date", .text),
                (
                    "appointments",
                    .list([
                        ("appointment_id", .text), ("time", .text), ("customer_name", .text), ("status", .text),
                        ("service_name", .text),
                    ])
                ),
            ])
        ) { arguments throws(MCPProblem) in
            let zone = arguments["timezone"] ?? self.zone
            if LocalTime.problem(zone: zone) != nil { throw .argument("timezone is not known here") }
            // One thread, so the process's zone may change for a moment; messages are written in the other one.
            use(zone)
            defer { use(self.zone) }
            let now = try asking { () throws(StoreError) in try store.now() }
            let day = LocalTime.day(of: now)
            let bookings = try asking { () throws(StoreError) in try store.bookings(from: day.start, to: day.end) }
            let civil = LocalTime.civil(now)
            return [
                "professionalId": .string(store.professional.id), "timezone": .string(zone),
                "date": .string("\(civil.year)-\(civil.month.twoDigits)-\(civil.day.twoDigits)"),
                "appointments": .array(
                    bookings.map { booking in
                        let time = LocalTime.civil(booking.startsAt)
                        return [
                            "appointment_id": .string(booking.id),
                            "time": .string("\(time.hour.twoDigits):\(time.minute.twoDigits)"),
                            "customer_name": .string(booking.customerName), "status": .string(booking.status.rawValue),
                            "service_name": .string(store.professional.profession),
                        ]
                    }),
            ]
        }
    }

    private func use(_ zone: String) {
        // Whether there is such a zone was asked before.
        do throws(SettingsError) { try LocalTime.use(zone: zone) } catch { preconditionFailure("\(error)") }
    }

    private var customer: MCPTool {
        tool(
            "get_customer_by_phone", "Customer by phone",
            "The customers with a phone, however it was typed, and their last appointments.",
            arguments: [MCPArgument(name: "phone", description: "At least four characters.", minimum: 4)],
            result: .schema([
                ("normalized", .text),
                ("matches", .list([("client", .any), ("appointments", .any)])),
            ])
        ) { arguments throws(MCPProblem) in
            let phone = arguments["phone"] ?? ""
            let wanted = Phone.normalise(phone) ?? phone.digits
            guard !wanted.isEmpty else { throw .argument("phone has no digits") }
            let customers = try asking { () throws(StoreError) in try store.customers() }
            var matches: [JSON] = []
            for customer in customers where (Phone.normalise(customer.phone) ?? customer.phone.digits) == wanted {
                let bookings = try asking { () throws(StoreError) in
                    try store.bookings(of: customer, limit: Limits.customerAppointmentsMax)
                }
                matches.append([
                    "client": [
                        "id": .string(customer.id), "name": .string(customer.name), "phone": .string(customer.phone),
                        "email": JSON(customer.email),
                    ],
                    "appointments": .array(
                        bookings.map { booking in
                            [
                                "appointment_id": .string(booking.id), "startsAt": .string(booking.startsAt.iso8601),
                                "status": .string(booking.status.rawValue),
                                "paymentStatus": .string(booking.paymentStatus.rawValue),
                            ]
                        }),
                ])
            }
            return ["normalized": .string(wanted), "matches": .array(matches)]
        }
    }

    private var revenue: MCPTool {
        let days = ["week": 7, "month": 30, "year": 365]
        return tool(
            "get_revenue_summary", "Revenue",
            "Paid appointments of the last 7, 30 or 365 days, at today's price; amounts in centavos.",
            arguments: [MCPArgument(name: "period", description: "", choices: ["week", "month", "year"])],
            result: .schema([
                ("professionalId", .text), ("period", .text), ("currency", .text), ("from", .text), ("to", .text),
                ("count", .number), ("totalCentavos", .number), ("averageCentavos", .number),
            ])
        ) { arguments throws(MCPProblem) in
            let period = arguments["period"] ?? ""
            let now = try asking { () throws(StoreError) in try store.now() }
            let from = now.advanced(bySeconds: -Double(days[period] ?? 0) * 86_400)
            let (count, price) = try asking { () throws(StoreError) in try store.revenue(from: from, to: now) }
            return [
                "professionalId": .string(store.professional.id), "period": .string(period), "currency": "BRL",
                "from": .string(from.iso8601), "to": .string(now.iso8601), "count": .integer(count),
                "totalCentavos": .integer(count * price), "averageCentavos": .integer(count == 0 ? 0 : price),
            ]
        }
    }

    private var update: MCPTool {
        tool(
            "update_appointment_status", "Change a status",
            "Confirms, rejects, cancels or completes an appointment or marks a no-show, and sends the messages that "
                + "belong to it. What the rules forbid is refused.",
            arguments: [
                MCPArgument(name: "appointmentId", description: "A UUID."),
                MCPArgument(
                    name: "status", description: "The status that the appointment is to have.",
                    choices: Status.allCases.map(\.rawValue)),
                MCPArgument(
                    name: "reason", description: "For rejected, cancelled and no_show; at most 500 characters.",
                    minimum: 0, isRequired: false),
            ],
            result: .schema([("success", .flag), ("appointment", .any), ("messages", .any)]), changes: true
        ) { arguments throws(MCPProblem) in
            let reason = try arguments.reason()
            guard let id = AppointmentID(arguments["appointmentId"] ?? "") else { throw .refusal(.notFound) }
            // As a client of somebody else's appointment this user may act over HTTP, but not as a professional.
            switch try asking({ () throws(StoreError) in try store.owns(id) }) {
            case nil: throw .refusal(.notFound)
            case .some(false): throw .refusal(.forbidden)
            case .some(true): break
            }
            let status = arguments["status"] ?? ""
            // A status that no action leads to is refused as an action that does not exist.
            let action = Status(rawValue: status).flatMap { AppointmentAction(leadingTo: $0) }
            let request = ActionRequest(action: action, reason: reason, userID: store.professional.userID)
            switch try asking({ () throws(StoreError) in
                try appointments.act(id, request, requestID: Identifier.text())
            }) {
            case .refused(let refusal): throw .refusal(refusal)
            case .changed(let change):
                guard let answer = try? JSON(reading: change.answer.body) else {
                    preconditionFailure("an answer is JSON")
                }
                return answer
            case .replayed: preconditionFailure("only a request with a key is replayed")
            }
        }
    }
}

extension Int {
    fileprivate var twoDigits: String { self < 10 ? "0\(self)" : "\(self)" }
}

extension String {
    fileprivate var digits: String { filter { $0.isASCII && $0.isNumber } }
}
