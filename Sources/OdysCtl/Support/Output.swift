internal import ArgumentParser
internal import Glibc
internal import OdysCore
internal import Synchronization

/// How a command prints its result: one JSON value for programs, or lines for people.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for programs.") var json = false

    /// Prints lines that may hold what strangers wrote: none of it makes another line.
    func show(_ value: @autoclosure () -> JSON, orLines lines: @autoclosure () -> [String]) {
        show(value(), orText: lines().map { $0.shown + "\n" }.joined())
    }

    /// Prints a text of several lines whose line ends are all ours.
    func show(_ value: @autoclosure () -> JSON, orText text: @autoclosure () -> String) {
        StandardOutput.put(json ? value().shown + "\n" : text().shownLines)
    }
}

/// Where results go. What could not be written is told at the end, and makes the exit code 1 whatever the command did.
enum StandardOutput {
    /// The error of the first write that failed. Nothing is written after it.
    private static let failure = Atomic<Int32>(0)

    static var hasFailed: Bool { failure.load(ordering: .relaxed) != 0 }

    /// Occupies standard descriptors that are closed: the next connection would get their number, and our output. What
    /// is open for reading alone, cannot be written to.
    static func open() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            _ = Glibc.open("/dev/null", O_RDONLY)
        }
    }

    /// Writes the text as it is: only what `shown` has made goes here.
    static func put(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty, !hasFailed {
                let count = write(STDOUT_FILENO, rest.baseAddress, rest.count)
                if count > 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                } else if errno == EAGAIN {
                    // Whoever gave us the descriptor may have made it non-blocking.
                    var descriptor = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&descriptor, 1, -1)
                } else if errno != EINTR {
                    fail(errno)
                }
            }
        }
    }

    /// Why something was not written; nil where all was. close(2): a file system may tell of an error only here.
    static func close() -> String? {
        if !hasFailed, Glibc.close(STDOUT_FILENO) != 0 { fail(errno) }
        return hasFailed ? String(cString: strerror(failure.load(ordering: .relaxed))) : nil
    }

    private static func fail(_ error: Int32) { failure.store(error, ordering: .relaxed) }
}

/// A line of a table: each cell is padded to its width, but at least one space follows it; cells without a width are
/// printed as they are.
func row(_ widths: Int..., cells: String...) -> String {
    cells.enumerated().map { $0 < widths.count ? $1.padded(widths[$0]) : $1 }.joined()
}

extension String {
    func padded(_ width: Int) -> String {
        let text = shown
        return text + String(repeating: " ", count: max(1, width - text.count))
    }
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

func printError(_ line: String) { writeError("odysctl: \(line.shown)") }

/// - Parameter text: may have several lines, all of them ours.
func writeError(_ text: String) {
    var text = text.shownLines + "\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
