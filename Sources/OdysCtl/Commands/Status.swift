internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysHost

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows what the responders of this host are doing.",
        discussion: "It asks over their sockets: run it as root, or as a member of the web server's group.")

    @OptionGroup var options: InstanceOptions
    @Flag(help: "Show it again every two seconds, until interrupted.") var watch = false
    @Flag(help: "Show each thread.") var full = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        var isGood = true
        repeat {
            let answers = try options.find().map { ($0.name, ask($0)) }
            isGood = answers.allSatisfy { $0.1["error"] == nil && $0.1["ready"]?.string != "fail" }
            // Back to the top of a terminal's screen, as `watch` does.
            if watch, !output.json, isatty(STDOUT_FILENO) == 1 { StandardOutput.put("\u{1B}[H\u{1B}[2J") }
            output.show(JSON(answers, each: \.1), orLines: table(answers) + (full ? answers.flatMap(threads) : []))
            if watch, !StandardOutput.hasFailed { Clock.pause(milliseconds: 2_000) }
        } while watch && !StandardOutput.hasFailed
        if !isGood { throw ExitCode(1) }
    }

    private func ask(_ instance: Instance) -> JSON {
        func failed(_ words: String) -> JSON { ["instance": .string(instance.name), "error": .string(words)] }
        do throws(FastCGIClient.Failure) {
            let (status, report) = try instance.ask("status", query: full ? "?full" : "")
            guard status == 200, let report else { return failed("answers with \(status)") }
            return report
        } catch { return failed(error.words) }
    }

    /// Each column is as wide as its widest cell.
    private func table(_ answers: [(name: String, status: JSON)]) -> [String] {
        let titles = ["INSTANCE", "PID", "READY", "UP", "BUSY", "ACCEPTED", "SLOW", "QUEUE", "WHATSAPP", "EMAIL"]
        let rows = [titles] + answers.map { row($0.name, $0.status) }
        let widths = titles.indices.map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { $1 + String(repeating: " ", count: max(0, widths[$0] - $1.count)) }
                .joined(separator: "  ")
        }
    }

    private func threads(_ name: String, _ status: JSON) -> [String] {
        (status["perThread"]?.array ?? []).map { thread in
            "\(name)  \(text(thread["thread"]))  \(text(thread["state"])) for \(text(thread["sinceSeconds"])) s"
                + "  done \(text(thread["done"]))  \(text(thread["last"]))"
        }
    }

    private func row(_ name: String, _ status: JSON) -> [String] {
        if let error = status["error"]?.string { return [name, "-", error] }
        func channel(_ name: String) -> String {
            let breaker = status["channels"]?.array?.first { $0["channel"]?.string == name }?["breaker"]?.string
            let pending = text(status["outbox"]?[name]?["pending"])
            return "\(pending) pending, \(breaker ?? "not delivered here")"
        }
        return [
            name, text(status["pid"]), text(status["ready"]), "\(text(status["uptimeSeconds"])) s",
            "\(text(status["threads"]?["busy"]))/\(text(status["threads"]?["total"]))", text(status["accepted"]),
            text(status["slow"]), text(status["queue"]), channel("whatsapp"), channel("email"),
        ]
    }

    private func text(_ value: JSON?) -> String {
        guard let value, value != .null else { return "-" }
        return value.string ?? value.text
    }
}
