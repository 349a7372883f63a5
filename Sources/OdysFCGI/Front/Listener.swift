internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysHost
internal import Synchronization

/// What the threads wait for, in one epoll set: the listening socket, the connections that the web server keeps for its
/// next request, and the descriptor that ends the waiting.
///
/// The listening socket is never shut down: an inherited one is shared with the parent and with other processes, which
/// would all lose it.
final class Listener: Sendable {
    private struct Connections {
        /// Those that are kept and wait for a request.
        var idle: Set<Int32> = []
        /// Those, and the ones that a thread has in hand.
        var count = 0
        var isStopping = false
        /// Nobody waits any more for what is kept.
        var isStopped = false
    }

    let socket: Int32
    private let wake: Int32
    private let epoll: Int32
    private let connections = Mutex(Connections())

    init(_ listen: Settings.Listen) throws(SettingsError) {
        switch listen {
        case .inherited: socket = try Listener.inherited()
        case .unix(let path): socket = try Listener.bind(unix: path)
        case .tcp(let address, let port): socket = try Listener.bind(tcp: address, port)
        }
        // Several threads wait for the same socket; whoever comes second must not block in accept.
        let flags = fcntl(socket, F_GETFL)
        guard fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0 else { throw Listener.error("fcntl") }
        wake = eventfd(0, Int32(EFD_CLOEXEC))
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard wake >= 0, epoll >= 0 else { throw Listener.error("eventfd, epoll_create1") }
        watch(wake, EPOLL_CTL_ADD, EPOLLIN.rawValue)
        watch(socket, EPOLL_CTL_ADD, Self.once)
    }

    deinit {
        close(epoll)
        close(wake)
    }

    /// One thread is woken by what happens, and nobody else before it says so.
    private static let once = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue

    /// The peer has closed: its side, or all of it.
    private static let ended = EPOLLHUP.rawValue | EPOLLRDHUP.rawValue

    private func watch(_ descriptor: Int32, _ operation: Int32, _ events: UInt32) {
        var event = epoll_event(events: events, data: epoll_data_t(fd: descriptor))
        let failed = epoll_ctl(epoll, operation, descriptor, &event)
        precondition(failed == 0, "epoll_ctl: \(String(cString: strerror(errno)))")
    }

    /// Blocks until there is a connection with something to read, or until `stop`.
    ///
    /// - Parameter idle: called before it waits, and now and then while nothing comes; not where a connection is there
    ///   already.
    /// - Returns: a connection that never blocks by itself, for the calling thread alone; nil after `stop`.
    func next(idle: () -> Void) -> WebConnection? {
        var event = epoll_event()
        var patience: Int32 = 0
        while true {
            guard epoll_wait(epoll, &event, 1, patience) == 1 else {
                idle()
                patience = Int32(Limits.idleBeatSeconds * 1_000)
                continue
            }
            switch event.data.fd {
            case wake: return nil
            case socket: if let connection = accept() { return connection }
            case let descriptor:
                connections.withLock { _ = $0.idle.remove(descriptor) }
                let connection = WebConnection(descriptor, of: self, wasKept: true)
                if event.events & Self.ended == 0 || !connection.hasEnded { return connection }
            }
        }
    }

    private func accept() -> WebConnection? {
        var isOutOfDescriptors = false
        let connection: Int32 = connections.withLock {
            guard !$0.isStopping else { return -1 }
            let connection = accept4(socket, nil, nil, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
            // Another process was faster, or the peer has gone; both are nothing.
            isOutOfDescriptors = connection < 0 && (errno == EMFILE || errno == ENFILE)
            if connection >= 0 { $0.count += 1 }
            if !isOutOfDescriptors { watch(socket, EPOLL_CTL_MOD, Self.once) }
            return connection
        }
        if isOutOfDescriptors {
            // They come back when other threads finish; until then the connection waits in the queue.
            Clock.pause(milliseconds: 20)
            connections.withLock { if !$0.isStopping { watch(socket, EPOLL_CTL_MOD, Self.once) } }
        }
        return connection < 0 ? nil : WebConnection(connection, of: self)
    }

    /// Takes a connection whose request is answered: its next one goes to whichever thread is free. Where there are
    /// more than a web server needs, it is asked to end this one; where it does not heed that, we do.
    func keep(_ connection: WebConnection) {
        let operation = connection.wasKept ? EPOLL_CTL_MOD : EPOLL_CTL_ADD
        let descriptor: Int32? = connections.withLock {
            guard $0.count <= Limits.connectionsMax, !$0.isStopped else { return nil }
            let descriptor = connection.release()
            $0.idle.insert(descriptor)
            if $0.count > Limits.connectionsWanted { Self.askToEnd(descriptor) }
            return descriptor
        }
        if let descriptor { watch(descriptor, operation, Self.once) }
    }

    /// A connection has ended.
    func forget() {
        connections.withLock { $0.count -= 1 }
    }

    /// Accepts no more connections, waits for the web server to end those that it keeps, for a second or two, and makes
    /// everybody's `next` return nil from then on. Connections that nobody took stay in the queue for the next process.
    ///
    /// Closed by us, a connection could take a request with it that the web server has just sent, and a PATCH is never
    /// sent again. So the web server is asked to end it: by a record that nginx skips in front of an answer, while
    /// anything to read makes it close a connection without a request (ngx_http_upstream_keepalive_close_handler).
    func stop() {
        connections.withLock {
            $0.isStopping = true
            epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
        }
        let deadline = Clock.uptime + Limits.connectionFarewellSeconds
        while askIdleToEnd(), Clock.uptime < deadline { Clock.pause(milliseconds: 1) }
        connections.withLock { $0.isStopped = true }
        var one: UInt64 = 1
        write(wake, &one, 8)
    }

    /// - Returns: whether there are any connections.
    private func askIdleToEnd() -> Bool {
        connections.withLock {
            for descriptor in $0.idle where Self.hasReadAll(descriptor) { Self.askToEnd(descriptor) }
            return $0.count > 0
        }
    }

    private static func askToEnd(_ descriptor: Int32) {
        // FCGI_STDERR of request 1, with nothing in it.
        let record: [UInt8] = [1, 7, 0, 1, 0, 0, 0, 0]
        send(descriptor, record, record.count, Int32(MSG_NOSIGNAL))
    }

    /// Whether the peer has read what was sent to it: read together with an answer, the record would go unnoticed.
    private static func hasReadAll(_ descriptor: Int32) -> Bool {
        var unread: Int32 = 0
        // unix(7), tcp(7): SIOCOUTQ, here under its other name.
        return ioctl(descriptor, UInt(TIOCOUTQ), &unread) == 0 && unread == 0
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
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        // A socket that refuses is what a killed process leaves behind; anything else at the path is somebody's.
        let probe = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        let isAnswered = withUnsafeSocketAddress(&address) { connect(probe, $0, size) } == 0
        let refusal = errno
        close(probe)
        var status = stat()
        let isSocket = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
        if !isAnswered, refusal == ECONNREFUSED, isSocket { unlink(path) }
        // Whoever may write to the socket can speak as the web server: its owner and group, nobody else.
        let mask = umask(0o117)
        defer { umask(mask) }
        guard withUnsafeSocketAddress(&address, { Glibc.bind(socket, $0, size) }) == 0, listen(socket, backlog) == 0
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

    private static func error(_ doing: String) -> SettingsError {
        SettingsError(problems: ["ODYS_LISTEN: \(doing): \(String(cString: strerror(errno)))"])
    }
}

private func withUnsafeSocketAddress(
    _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>) -> Int32
) -> Int32 {
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
}
