internal import CFCGI
internal import Glibc
internal import OdysHost

/// systemd, as the process that started us (sd_notify(3)): a datagram of lines `NAME=VALUE` to the socket that
/// `NOTIFY_SOCKET` names. Without one, nobody listens and nothing is said.
struct ServiceManager: Sendable {
    private let path: String?
    /// Seconds within which systemd wants to hear from us (sd_watchdog_enabled(3)); nil where it does not.
    let watchdogSeconds: Double?

    init(_ variables: [String: String] = Environment.variables) {
        path = variables["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        let isOurs = variables["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        let microseconds = variables["WATCHDOG_USEC"].flatMap { Int($0) } ?? 0
        watchdogSeconds = isOurs && microseconds > 0 ? Double(microseconds) / 1e6 : nil
    }

    func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }
    func status(_ status: String) { notify("STATUS=\(status)") }
    func stopping() { notify("STOPPING=1\nSTATUS=finishing what was begun") }
    func ping() { notify("WATCHDOG=1") }

    /// To be followed by `ready`.
    func reloading() { notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonicMicroseconds)") }

    /// Never waits: a service manager that does not read must not hold us up.
    private func notify(_ lines: String) {
        guard let path else { return }
        let kinds = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(AF_UNIX, kinds, 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        // A lost message is not an error: we serve with or without a service manager.
        _ = UnixSocket.withAddress(of: path) { address, length in
            sendto(socket, Array(lines.utf8), lines.utf8.count, Int32(MSG_NOSIGNAL), address, length)
        }
    }
}
