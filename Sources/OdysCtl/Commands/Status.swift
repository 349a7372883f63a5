internal import ArgumentParser
internal import Glibc
internal import OdysCore

/// `odysctl status`: what the responders of this host are at.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Asks the responders of this host what they are at.",
        discussion: "Over their sockets, so whoever may write to those: root, or a member of the web server's group.")

    @Argument(help: "Instances; all of them without any.")
    var instances: [String] = []
    @OptionGroup var options: InstanceOptions
    @Flag(help: "Show it again every two seconds, until interrupted.")
    var watch = false
    @Flag(help: "Show each thread.")
    var full = false
    @OptionGroup var output: OutputOptions

    private static let secondsBetween: UInt32 = 2

    func run() throws {
        var isGood = true
        repeat {
            let instances = try options.find(instances)
            let answers = instances.map { ($0.name, ask($0)) }
            isGood = answers.allSatisfy { $0.1["error"] == nil && $0.1["ready"]?.string != "fail" }
            // Back to the top of a terminal's screen, as `watch` does.
            if watch, !output.json, isatty(STDOUT_FILENO) == 1 { print("\u{1B}[H\u{1B}[2J", terminator: "") }
            show(answers)
            fflush(nil)
            if watch { wait(seconds: Self.secondsBetween) }
        } while watch
        if !isGood { throw ExitCode(1) }
    }

    private func wait(seconds: UInt32) {
        poll(nil, 0, Int32(seconds * 1_000))
    }

    private func ask(_ instance: InstanceOptions.Instance) -> JSON {
        func failed(_ words: String) -> JSON { ["instance": .string(instance.name), "error": .string(words)] }
        do throws(FastCGIClient.Failure) {
            let answer = try instance.client.get("/status/\(instance.name)\(full ? "?full" : "")")
            guard answer.status == 200, let status = try? JSON(reading: answer.body) else {
                return failed("answers with \(answer.status)")
            }
            return status
        } catch {
            return failed(error.words)
        }
    }

    private func show(_ answers: [(name: String, status: JSON)]) {
        if output.json {
            print(JSON.array(answers.map(\.status)).text)
            return
        }
        let titles = ["INSTANCE", "PID", "READY", "UP", "BUSY", "ACCEPTED", "SLOW", "QUEUE", "WHATSAPP", "EMAIL"]
        let rows = answers.map { row($0.name, $0.status) }
        let widths = titles.indices.map { column in
            ([titles] + rows).map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        for row in [titles] + rows {
            let cells = row.enumerated().map { $1 + String(repeating: " ", count: max(0, widths[$0] - $1.count)) }
            print(cells.joined(separator: "  "))
        }
        for case (let name, let status) in answers where full {
            for thread in status["perThread"]?.array ?? [] {
                print(
                    "\(name)  \(text(thread["thread"]))  \(text(thread["state"])) for \(text(thread["sinceSeconds"])) s"
                        + "  done \(text(thread["done"]))  \(text(thread["last"]))")
            }
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
        switch value {
        case .string(let text): text
        case nil, .null: "-"
        case .some(let value): value.text
        }
    }
}

/// `odysctl health`: one question, for monitors that look at exit codes.
struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks whether the responders are alive, or ready: exit 0, 1, or 3 where one does not answer.",
        subcommands: [Live.self, Ready.self])

    struct Live: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The process and one of its threads answer.")
        @Argument(help: "An instance; all of them without one.")
        var instances: [String] = []
        @OptionGroup var options: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() throws { try Health.ask("healthz", instances, options, output) }
    }

    struct Ready: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "It can do its work: the database answers and has the schema, threads get on.")
        @Argument(help: "An instance; all of them without one.")
        var instances: [String] = []
        @OptionGroup var options: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() throws { try Health.ask("readyz", instances, options, output) }
    }

    private static func ask(
        _ page: String, _ names: [String], _ options: InstanceOptions, _ output: OutputOptions
    ) throws {
        var worst: Int32 = 0
        var answers: [JSON] = []
        for instance in try options.find(names) {
            do throws(FastCGIClient.Failure) {
                let answer = try instance.client.get("/\(page)/\(instance.name)")
                let report = (try? JSON(reading: answer.body)) ?? .null
                if answer.status != 200 { worst = max(worst, 1) }
                answers.append(report)
                if !output.json { show(instance.name, report) }
            } catch {
                worst = 3
                answers.append(["instance": .string(instance.name), "status": "fail", "error": .string(error.words)])
                if !output.json { print("\(instance.name): \(error.words)") }
            }
        }
        if output.json { print(JSON.array(answers).text) }
        if worst != 0 { throw ExitCode(worst) }
    }

    private static func show(_ name: String, _ report: JSON) {
        print("\(name): \(report["status"]?.string ?? "no answer")")
        guard case .object(let checks) = report["checks"] else { return }
        for check in checks {
            let first = check.value.array?.first
            if let output = first?["output"]?.string {
                print("   \(check.name) \(first?["status"]?.string ?? ""): \(output)")
            }
        }
    }
}
