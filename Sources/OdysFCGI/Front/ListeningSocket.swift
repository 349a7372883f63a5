internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysHost

/// Where the listening socket comes from: inherited, or bound here.
enum ListeningSocket {
    static func descriptor(for listen: Settings.Listen) throws(SettingsError) -> Int32 {
        switch listen {
        case .inherited: try inherited()
        case .unix(let path): try bind(unix: path)
        case .tcp(let address, let port): try bind(tcp: address, port)
        }
    }

    /// Whether a socket was passed to the process.
    static var isInherited: Bool { isListening(inheritedDescriptor) }

    private static var inheritedDescriptor: Int32 {
        let variables = Environment.variables
        let isPassed = variables["LISTEN_PID"] == "\(getpid())" && variables["LISTEN_FDS"].flatMap { Int($0) } ?? 0 > 0
        return isPassed ? 3 : 0
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var listens: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens == 1
    }

    /// The socket on descriptor 0, or the first that systemd passes (sd_listen_fds(3): from descriptor 3 on).
    private static func inherited() throws(SettingsError) -> Int32 {
        let descriptor = inheritedDescriptor
        guard isListening(descriptor) else {
            throw SettingsError(problems: [
                "ODYS_LISTEN: is not set, and descriptor 0 is not a listening socket; set it, or start it by "
                    + "systemd's socket unit"
            ])
        }
        return descriptor
    }

    private static func bind(unix path: String) throws(SettingsError) -> Int32 {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw error("socket") }
        // A socket that refuses is what a killed process leaves behind; anything else at the path is somebody's.
        let probe = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        let isRefused = UnixSocket.withAddress(of: path) { connect(probe, $0, $1) } == -1 && errno == ECONNREFUSED
        close(probe)
        var status = stat()
        if isRefused, lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
        // Whoever may write to the socket can speak as the web server: its owner and group, nobody else.
        let mask = umask(0o117)
        defer { umask(mask) }
        guard UnixSocket.withAddress(of: path, { Glibc.bind(socket, $0, $1) }) == 0, listen(socket, backlog) == 0
        else { throw error("listen on \(path)") }
        return socket
    }

    private static func bind(tcp text: String, _ port: UInt16) throws(SettingsError) -> Int32 {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(text, String(port), &hints, &found) == 0, let info = found else {
            throw SettingsError(problems: ["ODYS_LISTEN: '\(text)' is not an address; write it in numbers"])
        }
        defer { freeaddrinfo(found) }
        let socket = Glibc.socket(info.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard socket >= 0, Glibc.bind(socket, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0,
            listen(socket, backlog) == 0
        else { throw error("listen on \(text):\(port)") }
        return socket
    }

    /// A full queue fails at once, so it holds a burst; the kernel caps it at `net.core.somaxconn`.
    private static let backlog: Int32 = 512

    static func error(_ operation: String) -> SettingsError {
        SettingsError(problems: ["ODYS_LISTEN: \(operation): \(String(cString: strerror(errno)))"])
    }
}
