internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import OdysDelivery

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes tokens, for trying the endpoint.",
        subcommands: [Mint.self])

    struct Mint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a token that is signed with ODYS_JWT_SECRET.")

        @Option(help: "The user id to speak for.")
        var sub: String
        @Option(help: "Seconds until it expires.")
        var ttl = 900

        func run() throws {
            let settings = try Config.settings()
            guard (1...Limits.userIDBytesMax).contains(sub.utf8.count) else {
                throw Failure(usage: "--sub must have 1 to \(Limits.userIDBytesMax) bytes")
            }
            print(
                settings.tokens.key.mint(
                    subject: sub, expires: time(nil) + ttl, issuer: settings.tokens.issuer,
                    audience: settings.tokens.audience))
        }
    }
}
