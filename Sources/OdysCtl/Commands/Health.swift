internal import ArgumentParser
internal import OdysCore

/// `odysctl health`: one question, for monitors that look at exit codes.
struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks whether the responders are alive, or ready: exit 0, 1, or 3 where one does not answer.",
        subcommands: [Live.self, Ready.self])

    struct Live: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The process and one of its threads answer.")
        @OptionGroup var options: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() throws { try Health.ask("healthz", options, output) }
    }

    struct Ready: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "It can do its work: the database answers and has the schema, threads make progress.")
        @OptionGroup var options: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() throws { try Health.ask("readyz", options, output) }
    }

    private static func ask(_ page: String, _ options: InstanceOptions, _ output: OutputOptions) throws {
        var worst: Int32 = 0
        var answers: [JSON] = []
        var lines: [String] = []
        for instance in try options.find() {
            do throws(FastCGIClient.Failure) {
                let answer = try instance.client.get("/\(page)/\(instance.name)")
                let report = (try? JSON(reading: answer.body)) ?? .null
                if answer.status != 200 { worst = max(worst, 1) }
                answers.append(report)
                lines += Self.lines(instance.name, report)
            } catch {
                worst = 3
                answers.append(["instance": .string(instance.name), "status": "fail", "error": .string(error.words)])
                lines.append("\(instance.name): \(error.words)")
            }
        }
        output.show(.array(answers), orLines: lines)
        if worst != 0 { throw ExitCode(worst) }
    }

    private static func lines(_ name: String, _ report: JSON) -> [String] {
        var lines = ["\(name): \(report["status"]?.string ?? "no answer")"]
        guard case .object(let checks) = report["checks"] else { return lines }
        for check in checks {
            let first = check.value.array?.first
            if let output = first?["output"]?.string {
                lines.append("   \(check.name) \(first?["status"]?.string ?? ""): \(output)")
            }
        }
        return lines
    }
}
