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
        let answers = try options.find().map { instance -> (code: Int32, report: JSON, lines: [String]) in
            let name = instance.name
            do throws(FastCGIClient.Failure) {
                let (status, report) = try instance.ask(page)
                let lines =
                    ["\(name): \(report?["status"]?.string ?? "no answer")"]
                    + faults(report).map { "   \($0.check) \($0.status): \($0.output)" }
                return (status == 200 ? 0 : 1, report ?? .null, lines)
            } catch {
                let report: JSON = ["instance": .string(name), "status": "fail", "error": .string(error.words)]
                return (3, report, ["\(name): \(error.words)"])
            }
        }
        output.show(JSON(answers, each: \.report), orLines: answers.flatMap(\.lines))
        if let worst = answers.map(\.code).max(), worst != 0 { throw ExitCode(worst) }
    }
}
