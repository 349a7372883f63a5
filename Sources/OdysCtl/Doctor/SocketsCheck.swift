internal import Glibc
internal import OdysCore
internal import OdysHost

/// Whether the responders' sockets exist and only the web server may write to them.
struct SocketsCheck: DoctorCheck {
    let listen: Settings.Listen
    /// Where the sockets are, unless `listen` names one.
    let directory: String

    func findings() -> [Finding] {
        let paths: [String]
        switch listen {
        case .tcp(let address, let port): return [Finding("sockets", "the responder listens on \(address):\(port)")]
        case .unix(let path): paths = [path]
        case .inherited:
            let names = (try? Directory.names(in: directory)) ?? []
            paths = names.filter(InstanceOptions.isSocket).sorted().map { "\(directory)/\($0)" }
        }
        guard !paths.isEmpty else {
            return [
                Finding(
                    "sockets", .problem, "there is no fcgi-N.sock in \(directory)",
                    "enable odys-fcgi@N.socket, or name the directory with --socket-dir")
            ]
        }
        return paths.map(socket)
    }

    private func socket(_ path: String) -> Finding {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            return Finding(
                "sockets", .problem, "\(path): \(String(cString: strerror(errno)))",
                "start the responder, or correct ODYS_LISTEN")
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return Finding(
                "sockets", .problem, "\(path) is not a socket", "remove it and start odys-fcgi@N.socket again")
        }
        let mode = String(status.st_mode & 0o7777, radix: 8)
        let owners = "\(Self.user(status.st_uid)):\(Self.group(status.st_gid))"
        guard status.st_mode & S_IWOTH == 0 else {
            return Finding(
                "sockets", .problem, "\(path) has mode \(mode): anybody on this host may speak as the web server",
                "give it mode 0660 and nginx's group, as odys-fcgi@.socket does")
        }
        return Finding("sockets", "\(path) is \(owners) with mode \(mode)")
    }

    private static func user(_ id: uid_t) -> String {
        getpwuid(id).map { String(cString: $0.pointee.pw_name) } ?? "\(id)"
    }

    private static func group(_ id: gid_t) -> String {
        getgrgid(id).map { String(cString: $0.pointee.gr_name) } ?? "\(id)"
    }
}
