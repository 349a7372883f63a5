internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysStore

/// The operator's command. Settings come from the same environment variables as the responder's.
@main
struct OdysCtl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "odysctl",
        abstract: "Operates Odys: the schema, the messages, the settings.",
        discussion: """
            Exit codes: 0 good, 1 a problem was found, 2 wrong usage or configuration, 3 a dependency cannot be reached.
            """,
        version: Product.version,
        subcommands: [
            Migrate.self, Outbox.self, Messages.self, TimelineCommand.self, Cleanup.self, Message.self, Config.self,
            Token.self, StatusCommand.self, Health.self, Doctor.self, MCP.self,
        ])

    static func main() {
        // A reader that has gone, as in `odysctl … | head`, ends the output and nothing else.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            for line in failure.lines { complain(line) }
            exit(withError: ExitCode(failure.code))
        } catch let code as ExitCode {
            exit(withError: code)
        } catch {
            // The parser's own exit code for wrong usage is 64; help and version are no errors.
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success {
                if !message.isEmpty { print(message) }
                exit(withError: ExitCode(0))
            }
            if !message.isEmpty { writeError(message) }
            exit(withError: ExitCode(2))
        }
    }
}

/// Tells the operator of a problem.
func complain(_ line: String) {
    writeError("odysctl: \(line)")
}

private func writeError(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Why a command ends, in words for the operator.
struct Failure: Error {
    let code: Int32
    let lines: [String]

    init(problem line: String) {
        code = 1
        lines = [line]
    }

    init(_ error: SettingsError) {
        code = 2
        lines = error.problems
    }

    init(usage line: String) {
        code = 2
        lines = [line]
    }

    init(unreachable line: String) {
        code = 3
        lines = [line]
    }

    init(_ error: StoreError) {
        code = error.kind == .connectionLost || error.kind == .refusing ? 3 : 1
        lines =
            error.isDenied
            ? ["\(error)", "the user lacks a grant: see 'odysctl migrate grants', and ODYS_DB_MIGRATE_USER for 'up'"]
            : ["\(error)"]
    }
}

/// Reads settings; what is wrong with them ends the command.
func reading<Value>(_ body: () throws(SettingsError) -> Value) throws -> Value {
    do throws(SettingsError) { return try body() } catch { throw Failure(error) }
}

/// Works on the database; a failure ends the command.
func working<Value>(_ body: () throws(StoreError) -> Value) throws -> Value {
    do throws(StoreError) { return try body() } catch { throw Failure(error) }
}

/// Options that every command has.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for programs.")
    var json = false
}

extension String {
    /// A column of a table.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
