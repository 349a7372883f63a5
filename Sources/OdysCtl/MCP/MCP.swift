internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

struct MCP: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp",
        abstract: "Serves the Model Context Protocol on standard input and output, for one professional.",
        discussion: """
            An assistant that starts this command can read the professional's day, customers and revenue, and change \
            the status of their appointments, by the rules and with the messages of the HTTP interface. Whoever can \
            start it with these settings acts as the professional.
            """)

    @Option(help: "Whom it acts for: professionals.id, or a user id.") var professional: String

    func run() throws {
        let settings = try Config.settings()
        let connection = Connection(settings.database)
        guard let store = try ProfessionalStore(connection, professional: professional) else {
            throw Failure.usage("--professional names nobody")
        }
        let rules = Rules(
            enforcesStartTime: settings.enforcesStartTime,
            messages: MessageSetting(appURL: settings.messaging.appURL, civilTime: LocalTime.civil))
        let appointments = AppointmentStore(connection, rules: rules, makeID: Identifier.bytes)
        var server = ModelContextProtocol(
            tools: MCPTools(store: store, appointments: appointments, zone: settings.messaging.timeZone).all,
            instructions: "The appointments, customers and revenue of one professional. Changes of a status send "
                + "messages to people.")
        while let line = nextLine() {
            guard let answer = server.answer(to: line) else { continue }
            print(answer.text)
            // A closed pipe ends the server.
            guard fflush(nil) == 0 else { throw ExitCode(0) }
        }
    }

    /// The next line of standard input; nil at its end. A line that is too long is skipped and returned as empty,
    /// which is not JSON.
    private func nextLine() -> [UInt8]? {
        var line: [UInt8] = []
        var isTooLong = false
        while case let byte = getchar_unlocked(), byte != EOF {
            if byte == 10 {
                if line.isEmpty, !isTooLong { continue }
                return isTooLong ? [] : line
            }
            isTooLong = isTooLong || line.count == Limits.mcpLineBytesMax
            if !isTooLong { line.append(UInt8(truncatingIfNeeded: byte)) }
        }
        return nil
    }
}
