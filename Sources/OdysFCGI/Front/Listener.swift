internal import CFCGI
internal import Glibc
internal import OdysCore
internal import OdysHost
internal import Synchronization

/// What the workers wait for, in one epoll set: the listening socket, the kept-alive connections of the web server,
/// and the descriptor that ends the waiting.
///
/// The listening socket is never shut down: an inherited one is shared with the parent and with other processes,
/// which would all lose it.
final class Listener: Sendable {
    private struct Connections {
        /// Kept alive, waiting for a request.
        var idle: Set<Int32> = []
        /// Idle ones and those with a request in flight.
        var count = 0
        var isStopping = false
        /// No idle connection is waited for any more.
        var isStopped = false
    }

    let socket: Int32
    private let wake: Int32
    private let epoll: Int32
    private let connections = Mutex(Connections())

    init(_ listen: Settings.Listen) throws(SettingsError) {
        socket = try ListeningSocket.descriptor(for: listen)
        // Several processes wait for the same socket; the second one must not block in accept.
        let flags = fcntl(socket, F_GETFL)
        guard fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0 else { throw ListeningSocket.error("fcntl") }
        // A request waits whole in the socket until it is judged. Where the kernel gives less, the default holds,
        // which is enough for usual requests; accepted connections inherit it.
        var size = Int32(Limits.requestBytesMax)
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        wake = eventfd(0, Int32(EFD_CLOEXEC))
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard wake >= 0, epoll >= 0 else { throw ListeningSocket.error("eventfd, epoll_create1") }
        watch(wake, EPOLL_CTL_ADD, EPOLLIN.rawValue)
        watch(socket, EPOLL_CTL_ADD, Self.once)
    }

    deinit {
        close(epoll)
        close(wake)
    }

    /// EPOLLONESHOT: one thread is woken, and the descriptor is disarmed until re-armed.
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
    /// - Parameters:
    ///   - pollFirst: whether `idle` is called before it waits. Without it, `idle` is called only when some seconds
    ///     have passed without a connection, which saves a system call for each request.
    ///   - idle: what the thread does while it has nothing to do.
    /// - Returns: a non-blocking connection, for the calling thread alone; nil after `stop`.
    func next(pollFirst: Bool, idle: () -> Void) -> WebConnection? {
        var event = epoll_event()
        var timeout = pollFirst ? 0 : Self.beatMilliseconds
        while true {
            guard epoll_wait(epoll, &event, 1, timeout) == 1 else {
                idle()
                timeout = Self.beatMilliseconds
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

    private static let beatMilliseconds = Int32(Limits.idleBeatSeconds * 1_000)

    private func accept() -> WebConnection? {
        var isOutOfDescriptors = false
        let connection: Int32 = connections.withLock {
            guard !$0.isStopping else { return -1 }
            let connection = accept4(socket, nil, nil, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
            // Another process accepted it first, or the peer has disconnected: neither is an error.
            isOutOfDescriptors = connection < 0 && (errno == EMFILE || errno == ENFILE)
            if connection >= 0 { $0.count += 1 }
            if !isOutOfDescriptors { watch(socket, EPOLL_CTL_MOD, Self.once) }
            return connection
        }
        if isOutOfDescriptors {
            // Other threads will free some; until then the connection waits in the backlog.
            Clock.pause(milliseconds: 20)
            connections.withLock { if !$0.isStopping { watch(socket, EPOLL_CTL_MOD, Self.once) } }
        }
        return connection < 0 ? nil : WebConnection(connection, of: self)
    }

    /// Takes back a connection whose request is answered; its next request goes to whichever thread is free. With more
    /// connections than a web server needs, the peer is asked to close this one; beyond a second bound we close it.
    func keep(_ connection: WebConnection) {
        let operation = connection.wasKept ? EPOLL_CTL_MOD : EPOLL_CTL_ADD
        let descriptor: Int32? = connections.withLock {
            guard $0.count <= Limits.connectionsMax, !$0.isStopped else { return nil }
            let descriptor = connection.handOn()
            $0.idle.insert(descriptor)
            if $0.count > Limits.connectionsWanted { Self.requestClose(descriptor) }
            return descriptor
        }
        if let descriptor { watch(descriptor, operation, Self.once) }
    }

    /// A connection has ended.
    func forget() { connections.withLock { $0.count -= 1 } }

    /// Accepts no more connections, waits a second or two until the web server has closed the idle ones, and makes
    /// `next` return nil in every thread. Connections that were not accepted stay in the backlog for the next process.
    ///
    /// If we closed an idle connection, a request that the web server has just sent on it would be lost, and a PATCH is
    /// never sent again. So the web server is asked to close it: anything to read makes nginx close an idle connection
    /// (ngx_http_upstream_keepalive_close_handler), and before a response nginx skips the record that is sent.
    func stop() {
        connections.withLock {
            $0.isStopping = true
            epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
        }
        let deadline = Clock.uptime + Limits.drainIdleSeconds
        while requestCloseOfIdle(), Clock.uptime < deadline { Clock.pause(milliseconds: 1) }
        connections.withLock { $0.isStopped = true }
        var one: UInt64 = 1
        // eventfd(2): fails only where the counter would overflow.
        write(wake, &one, 8)
    }

    /// - Returns: whether there are any connections.
    private func requestCloseOfIdle() -> Bool {
        connections.withLock {
            for descriptor in $0.idle where Self.hasReadAll(descriptor) { Self.requestClose(descriptor) }
            return $0.count > 0
        }
    }

    private static func requestClose(_ descriptor: Int32) {
        var record: [UInt8] = []
        FastCGIRecord.append(.standardError, 1, [], to: &record)
        // A peer that cannot be asked has disconnected, or does not read: then we close.
        send(descriptor, record, record.count, Int32(MSG_NOSIGNAL))
    }

    /// Whether the peer has read what was sent to it: read together with an answer, the record would go unnoticed.
    private static func hasReadAll(_ descriptor: Int32) -> Bool {
        var unread: Int32 = 0
        // unix(7), tcp(7): SIOCOUTQ, here under its other name.
        return ioctl(descriptor, UInt(TIOCOUTQ), &unread) == 0 && unread == 0
    }
}
