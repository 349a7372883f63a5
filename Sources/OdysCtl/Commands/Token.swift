internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysDelivery
internal import OdysHost

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes tokens, for trying the endpoint, and says what is wrong with one.",
        subcommands: [Mint.self, Inspect.self])

    struct Mint: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints a token that is signed with ODYS_JWT_SECRET.")
        @Option(help: "The user id to speak for.") var sub: String
        @Option(help: "Seconds until it expires.") var ttl = 900
        @OptionGroup var output: OutputOptions

        func run() throws {
            let tokens = try Config.settings().tokens
            guard (1...Limits.userIDBytesMax).contains(sub.utf8.count) else {
                throw Failure.usage("--sub must have 1 to \(Limits.userIDBytesMax) bytes")
            }
            let token = tokens.secret?.mint(
                subject: sub, expires: time(nil) + ttl, issuer: tokens.issuer, audience: tokens.audience)
            guard let token else {
                throw Failure.usage("ODYS_JWT_SECRET: is not set; a token can only be made with it")
            }
            output.show(["token": .string(token)], orLines: [token])
        }
    }

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Shows a token, the key that would verify it, and every reason why the responder would refuse it.",
            discussion: """
                The token is read from standard input: on the command line, every user of this host could read it. \
                Exit codes: 0 it would be accepted, 1 it would not, 3 the key set at ODYS_JWKS_URL is missing.
                """)

        @Option(help: "A file that holds the token, in place of standard input.") var file: String?
        @Argument(help: .private) var token: String?
        @OptionGroup var output: OutputOptions

        func run() throws {
            let tokens = try Config.settings().tokens
            if token != nil {
                printError("every user of this host could read this token; give it on standard input or with --file")
            }
            let text = try token ?? read()
            guard !text.isEmpty else { throw Failure.usage("give a token on standard input or with --file") }
            let fetched = try fetch(tokens)
            let examination = tokens.verifier(fetched: fetched.keys).examine(text, now: Double(time(nil)))
            output.show(report(examination, fetched.problem), orLines: lines(examination, fetched.problem))
            guard examination.verified == nil else { return }
            throw ExitCode(fetched.problem != nil && examination.namesUnknownKey ? 3 : 1)
        }

        private func read() throws(Failure) -> String {
            guard let file else { return readLine() ?? "" }
            switch Environment.readFile(file) {
            case .success(let text): return String(text.prefix { !$0.isNewline })
            case .failure(let error): throw .usage("--file: \(error)")
            }
        }

        /// The published keys, or why they cannot be fetched; the token may still be checked with another key.
        private func fetch(_ tokens: TokenSettings) throws -> (keys: [TokenKey], problem: String?) {
            guard let url = tokens.keySetURL else { return ([], nil) }
            Curl.initialize()
            switch KeySetFetch(url).fetch() {
            case .success(let set): return (set.keys, nil)
            case .failure(let failure): return ([], "ODYS_JWKS_URL cannot be fetched: \(failure)")
            }
        }

        private func report(_ examination: TokenExamination, _ problem: String?) -> JSON {
            [
                "accepted": .bool(examination.verified != nil), "header": examination.header ?? .null,
                "claims": examination.claims ?? .null,
                "key": examination.key.map { key in
                    [
                        "algorithm": JSON(key.algorithm), "kid": JSON(key.id),
                        // That of a secret would help to guess it.
                        "thumbprint": key.algorithm == .hs256 ? .null : .string(key.thumbprint),
                    ]
                } ?? .null,
                "problems": JSON(examination.problems) { .string("\($0)") }, "keySetProblem": JSON(problem),
            ]
        }

        private func lines(_ examination: TokenExamination, _ problem: String?) -> [String] {
            let key = examination.key.map { key in
                key.algorithm == .hs256
                    ? "HS256, ODYS_JWT_SECRET"
                    : "\(key.algorithm.rawValue), kid \(key.id ?? "none"), thumbprint \(key.thumbprint)"
            }
            let known = [
                examination.header.map { "header  \($0.text)" }, examination.claims.map { "claims  \($0.text)" },
                "key     \(key ?? "none")", problem.map { "        \($0)" },
            ]
            return known.compactMap { $0 } + examination.problems.map { "refused \($0)" }
                + (examination.verified == nil ? [] : ["accepted"])
        }
    }
}
