internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// The operator's command. Settings come from the same environment variables as the responder's.
@main struct OdysCtl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "odysctl", abstract: "Operates Odys: the schema, the messages, the settings.",
        discussion: """
            Exit codes: 0 good, 1 a problem was found, 2 wrong usage or configuration, 3 a dependency cannot be reached.
            """, version: Product.version,
        subcommands: [
            Migrate.self, Outbox.self, Messages.self, TimelineCommand.self, Cleanup.self, Message.self, Config.self,
            Token.self, Person.self, StatusCommand.self, Health.self, Doctor.self, MCP.self,
        ])

    static func main() {
        ProcessMemory.forbidDumps()
        // A closed pipe, as in `odysctl … | head`, must not kill the process.
        signal(SIGPIPE, SIG_IGN)
        StandardOutput.open()
        var exitCode = run()
        if let problem = StandardOutput.close() {
            printError("the output could not be written: \(problem)")
            exitCode = 1
        }
        exit(withError: ExitCode(exitCode))
    }

    /// - Returns: the exit code.
    private static func run() -> Int32 {
        do {
            var command = try parseAsRoot()
            try command.run()
            return 0
        } catch let error as Failure {
            return told(error.exitCode, [error.line])
        } catch let error as SettingsError {
            return told(2, error.problems)
        } catch let error as StoreError {
            let isUnreachable = error.kind == .connectionLost || error.kind == .refusing
            return told(isUnreachable ? 3 : 1, ["\(error)", error.remedy])
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            // The parser's own exit code for wrong usage is 64; help and version are not errors.
            let isFailure = exitCode(for: error) != .success
            let message = fullMessage(for: error)
            if !message.isEmpty { isFailure ? writeError(message) : StandardOutput.put(message.shownLines + "\n") }
            return isFailure ? 2 : 0
        }
    }

    private static func told(_ exitCode: Int32, _ lines: [String]) -> Int32 {
        for line in lines { printError(line) }
        return exitCode
    }
}
