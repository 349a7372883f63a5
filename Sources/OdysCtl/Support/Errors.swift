internal import OdysCore
internal import OdysHost
internal import OdysStore

/// An error that ends the command with its own exit code.
protocol ExplainedError: Error {
    /// 1 a problem was found, 2 wrong usage or configuration, 3 a dependency cannot be reached.
    var exitCode: Int32 { get }
    /// What to tell the operator.
    var lines: [String] { get }
}

/// Why a command itself ends.
struct Failure: ExplainedError {
    let exitCode: Int32
    let lines: [String]

    static func problem(_ line: String) -> Failure { Failure(exitCode: 1, lines: [line]) }
    static func usage(_ line: String) -> Failure { Failure(exitCode: 2, lines: [line]) }
    static func unreachable(_ line: String) -> Failure { Failure(exitCode: 3, lines: [line]) }
}

extension SettingsError: ExplainedError {
    var exitCode: Int32 { 2 }
    var lines: [String] { problems }
}

extension StoreError: ExplainedError {
    var exitCode: Int32 { kind == .connectionLost || kind == .refusing ? 3 : 1 }
    var lines: [String] {
        isDenied
            ? ["\(self)", "the user lacks a grant: see 'odysctl migrate grants', and ODYS_DB_MIGRATE_USER for 'up'"]
            : ["\(self)"]
    }
}
