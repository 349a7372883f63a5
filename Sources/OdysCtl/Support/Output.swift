internal import ArgumentParser
internal import OdysCore

/// How a command prints its result: one JSON value for programs, or lines for people.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for programs.") var json = false

    func show(_ value: @autoclosure () -> JSON, orLines lines: @autoclosure () -> [String]) {
        if json {
            print(value().text)
        } else {
            for line in lines() { print(line) }
        }
    }

    func show(_ value: @autoclosure () -> JSON, orText text: @autoclosure () -> String) {
        if json {
            print(value().text)
        } else {
            print(text(), terminator: "")
        }
    }
}

/// A line of a table: each cell is padded to its width, but at least one space follows it; cells without a width are
/// printed as they are.
func row(_ widths: Int..., cells: String...) -> String {
    cells.enumerated().map { $0 < widths.count ? $1.padded(widths[$0]) : $1 }.joined()
}

extension String {
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}

extension Instant {
    /// UTC, to the millisecond.
    var displayText: String { String(sql.dropLast(3)) }
}

extension JSON {
    /// To the microsecond; `null` where there is none.
    init(_ instant: Instant?) {
        self.init(instant?.iso8601Microseconds)
    }
}
