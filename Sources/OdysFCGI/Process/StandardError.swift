internal import Glibc
internal import OdysCore
internal import Synchronization

/// Where the log goes. A reader that has stopped reading must not stop us: a line waits for a moment, then it is
/// dropped and counted, and the next ones do not wait at all until the reader takes one again.
enum StandardError {
    private static let droppedSinceLast = Mutex(0)
    private static let lost = Counter()
    /// Whether a line can be written without asking whether there is room: a regular file never makes a writer wait.
    private static let isRegularFile: Bool = {
        var status = stat()
        return fstat(STDERR_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }()

    /// Lines that were dropped.
    static var dropped: Int { lost.count }

    /// Writes a line, by one thread at a time, so that lines of several threads do not mix.
    ///
    /// - Parameter note: makes the line that goes ahead of the first one after some were dropped, from their number.
    static func write(_ line: [UInt8], note: (_ dropped: Int) -> [UInt8]) {
        droppedSinceLast.withLock { dropped in
            var hasRoom = isReady(waitMilliseconds: dropped > 0 ? 0 : Limits.logWaitMilliseconds)
            if hasRoom, dropped > 0 {
                put(note(dropped))
                dropped = 0
                hasRoom = isReady(waitMilliseconds: 0)
            }
            if !hasRoom { dropped += 1 }
            if !hasRoom || !put(line) { lost.add() }
        }
    }

    /// poll(2): a pipe or a socket that is ready takes a line of this length (below PIPE_BUF) without waiting.
    private static func isReady(waitMilliseconds: Int) -> Bool {
        if isRegularFile { return true }
        var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        return poll(&descriptor, 1, Int32(waitMilliseconds)) == 1
    }

    /// - Returns: false when the line could not be written, such as to a full disk.
    @discardableResult static func put(_ line: [UInt8]) -> Bool {
        line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) == $0.count }
    }
}
