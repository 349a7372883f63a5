internal import ArgumentParser
internal import Glibc
internal import OdysCore

/// How a command prints its result: one JSON value for programs, or lines for people.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for programs.") var json = false

    func show(_ value: @autoclosure () -> JSON, orLines lines: @autoclosure () -> [String]) {
        show(value(), orText: lines().map { $0 + "\n" }.joined())
    }

    func show(_ value: @autoclosure () -> JSON, orText text: @autoclosure () -> String) {
        print(json ? value().text + "\n" : text(), terminator: "")
    }
}

/// A line of a table: each cell is padded to its width, but at least one space follows it; cells without a width are
/// printed as they are.
func row(_ widths: Int..., cells: String...) -> String {
    cells.enumerated().map { $0 < widths.count ? $1.padded(widths[$0]) : $1 }.joined()
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

extension Instant {
    /// UTC, to the millisecond.
    var displayText: String { String(sql.dropLast(3)) }
}

/// Why a command ends, in words for the operator.
struct Failure: Error {
    /// 1 a problem was found, 2 wrong usage or configuration, 3 a dependency cannot be reached.
    let exitCode: Int32
    let line: String

    static func problem(_ line: String) -> Failure { Failure(exitCode: 1, line: line) }
    static func usage(_ line: String) -> Failure { Failure(exitCode: 2, line: line) }
    static func unreachable(_ line: String) -> Failure { Failure(exitCode: 3, line: line) }
}

func printError(_ line: String) { writeError("odysctl: \(line)") }

func writeError(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
