internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// Writes a line for the operator to standard error.
func printError(_ line: String) {
    writeError("odysctl: \(line)")
}

func writeError(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// An error that ends the command with its own exit code.
protocol ExplainedError: Error {
    /// 1 a problem was found, 2 wrong usage or configuration, 3 a dependency cannot be reached.
    var exitCode: Int32 { get }
    /// What to tell the operator.
    var lines: [String] { get }
}

/// Why a command itself ends.
enum Failure: ExplainedError {
    case problem(String)
    case usage(String)
    case unreachable(String)

    var exitCode: Int32 {
        switch self {
        case .problem: 1
        case .usage: 2
        case .unreachable: 3
        }
    }

    var lines: [String] {
        switch self {
        case .problem(let line), .usage(let line), .unreachable(let line): [line]
        }
    }
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
