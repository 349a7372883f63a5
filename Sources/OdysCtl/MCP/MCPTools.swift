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

    /// Those that change nothing.
    var reading: [MCPTool] { [today, customer, revenue] }

    private func tool(
        _ name: String, _ title: String, _ description: String, arguments: [MCPArgument], result: JSON,
        changes: Bool = false, _ body: @escaping (JSON) throws -> JSON
    ) -> MCPTool {
        let arguments = arguments + [.professional]
        let json: JSON = [
            "name": .string(name), "title": .string(title), "description": .string(description),
            "inputSchema": MCPArgument.schema(arguments), "outputSchema": result,
            // Changes send messages to people.
            "annotations": [
                "readOnlyHint": .bool(!changes), "destructiveHint": .bool(changes), "openWorldHint": .bool(changes),
            ],
        ]
        return MCPTool(name: name, json: json) { values in
            // The log has no arguments or results: they are personal data.
            do {
                try MCPArgument.check(values, arguments, of: store.professionalID)
                let result = try body(values)
                printError("mcp: \(name): ok")
                return (result, false)
            } catch {
                let content = MCPProblem.content(of: error)
                let cause = error is StoreError ? ": \(error)" : ""
                printError("mcp: \(name): \(content["code"]?.string ?? "")\(cause)")
                return (content, true)
            }
        }
    }

    private var today: MCPTool {
        tool(
            "get_appointments_today", "Appointments of today",
            "The appointments of the current day, in order; 'more' where there are too many to show.",
            arguments: [.optional("timezone", "IANA name of the zone whose day is meant; default \(zone).")],
            result: .schema([
                "professionalId": .textType, "timezone": .textType, "date": .textType,
                "appointments": .list([
                    "appointment_id": .textType, "time": .textType, "customer_name": .textType, "status": .textType,
                    "service_name": .textType,
                ]),
            ])
        ) { arguments in
            let zone = arguments["timezone"]?.string ?? self.zone
            // One thread, so the process's zone may change for a moment; messages are written in the other one.
            guard (try? LocalTime.use(zone: zone)) != nil else {
                throw MCPProblem.argument("timezone is not known here")
            }
            defer {
                if (try? LocalTime.use(zone: self.zone)) == nil { preconditionFailure("the zone was used before") }
            }
            let now = try store.now()
            let day = LocalTime.day(of: now)
            let found = try store.bookings(from: day.start, to: day.end, limit: Limits.dayAppointmentsMax + 1)
            let bookings = found.prefix(Limits.dayAppointmentsMax)
            let civil = LocalTime.civil(now)
            let date = Instant(year: civil.year, month: civil.month, day: civil.day, hour: 0, minute: 0, second: 0)
            let result: JSON = [
                "professionalId": .string(store.professionalID), "timezone": .string(zone),
                "date": .string(String(date.iso8601.prefix(10))),
                "appointments": JSON(bookings) { booking in
                    [
                        "appointment_id": .string(booking.id),
                        "time": .string(PortugueseDate.time(LocalTime.civil(booking.startsAt))),
                        "customer_name": JSON(typed: booking.customerName), "status": JSON(booking.status),
                        "service_name": JSON(typed: store.profession),
                    ]
                },
            ]
            return found.count > bookings.count ? result.with(["more": .bool(true)]) : result
        }
    }

    private var customer: MCPTool {
        tool(
            "get_customer_by_phone", "Customer by phone",
            "The customers with a phone, however it was typed, and their last appointments.",
            arguments: [MCPArgument(name: "phone", description: "At least four characters.", minimum: 4)],
            result: .schema(["normalized": .textType, "matches": .list(["client": [:], "appointments": [:]])])
        ) { arguments in
            func digits(_ phone: String) -> String {
                Phone.normalise(phone) ?? phone.filter { $0.isASCII && $0.isNumber }
            }
            let wanted = digits(arguments["phone"]?.string ?? "")
            guard !wanted.isEmpty else { throw MCPProblem.argument("phone has no digits") }
            let customers = try store.customers(limit: Limits.customersMax) { digits($0) == wanted }
            let matches = try customers.map { customer -> JSON in
                let bookings = try store.bookings(of: customer, limit: Limits.customerAppointmentsMax)
                return [
                    "client": [
                        "id": .string(customer.id), "name": JSON(typed: customer.name),
                        "phone": JSON(typed: customer.phone),
                        // Cleaning would break an address; one that could carry words is left out.
                        "email": JSON(customer.email.flatMap { MailAddress.isSafe($0) ? $0 : nil }),
                    ],
                    "appointments": JSON(bookings) { booking in
                        [
                            "appointment_id": .string(booking.id), "startsAt": .string(booking.startsAt.iso8601),
                            "status": JSON(booking.status), "paymentStatus": JSON(booking.paymentStatus),
                        ]
                    },
                ]
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
                "professionalId": .textType, "period": .textType, "currency": .textType, "from": .textType,
                "to": .textType, "count": .integerType, "totalCentavos": .integerType, "averageCentavos": .integerType,
            ])
        ) { arguments in
            let period = arguments["period"]?.string ?? ""
            let now = try store.now()
            let from = now.advanced(bySeconds: -Double(days[period] ?? 0) * 86_400)
            let (count, price) = try store.revenue(from: from, to: now)
            return [
                "professionalId": .string(store.professionalID), "period": .string(period), "currency": "BRL",
                "from": .string(from.iso8601), "to": .string(now.iso8601), "count": .integer(count),
                "totalCentavos": .integer(count * price), "averageCentavos": .integer(count == 0 ? 0 : price),
            ]
        }
    }

    var update: MCPTool {
        tool(
            "update_appointment_status", "Change a status",
            "Confirms, rejects, cancels or completes an appointment or marks a no-show, and sends the messages that "
                + "belong to it. What the rules forbid is refused.",
            arguments: [
                MCPArgument(name: "appointmentId", description: "A UUID."),
                MCPArgument(
                    name: "status", description: "The status that the appointment is to have.",
                    choices: Status.allCases.map(\.rawValue)),
                .optional("reason", "For rejected, cancelled and no_show; at most 500 characters.", minimum: 0),
            ], result: .schema(["success": .booleanType, "appointment": [:], "messages": [:]]), changes: true
        ) { arguments in
            guard let reason = ActionRequest.reason(in: arguments["reason"]) else {
                throw MCPProblem.refusal(.malformedBody)
            }
            guard let id = AppointmentID(arguments["appointmentId"]?.string ?? ""), let isOwn = try store.owns(id)
            else { throw MCPProblem.refusal(.notFound) }
            // As a client of somebody else's appointment this user may act over HTTP, but not as a professional.
            guard isOwn else { throw MCPProblem.refusal(.forbidden) }
            // A status that no action leads to is refused as an action that does not exist.
            let status = Status(rawValue: arguments["status"]?.string ?? "")
            let action = status.flatMap { AppointmentAction(leadingTo: $0) }
            let request = ActionRequest(action: action, reason: reason, userID: store.userID)
            switch try appointments.act(id, request, requestID: Identifier.text()) {
            case .refused(let refusal): throw MCPProblem.refusal(refusal)
            case .changed(let change): return try JSON(reading: change.answer.body)
            case .replayed: preconditionFailure("only a request with a key is replayed")
            }
        }
    }
}
