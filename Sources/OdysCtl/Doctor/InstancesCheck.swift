internal import Glibc
internal import OdysCore
internal import OdysHost

/// Whether the responders' sockets exist, only the web server may write to them, and each responder is ready.
struct InstancesCheck {
    let listen: Settings.Listen
    /// Where the sockets are, unless `listen` names one.
    let directory: String

    func findings() -> [Finding] {
        let instances: [Instance]
        switch listen {
        case .tcp(let address, let port): return [Finding("sockets", "the responder listens on \(address):\(port)")]
        case .unix(let path): instances = [Instance(name: "1", path: path)]
        case .inherited: instances = (try? Instance.all(in: directory).get()) ?? []
        }
        guard !instances.isEmpty else {
            let remedy = "enable odys-fcgi@N.socket, or name the directory with --socket-dir"
            return [Finding("sockets", .problem, "there is no fcgi-N.sock in \(directory)", remedy)]
        }
        return instances.map(\.path).map(socket) + instances.filter { access($0.path, F_OK) == 0 }.map(readiness)
    }

    private func socket(_ path: String) -> Finding {
        func problem(_ cause: String, _ remedy: String) -> Finding { Finding("sockets", .problem, cause, remedy) }
        var status = stat()
        guard lstat(path, &status) == 0 else {
            return problem(
                "\(path): \(String(cString: strerror(errno)))", "start the responder, or correct ODYS_LISTEN")
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return problem("\(path) is not a socket", "remove it and start odys-fcgi@N.socket again")
        }
        let mode = String(status.st_mode & 0o7777, radix: 8)
        guard status.st_mode & S_IWOTH == 0 else {
            return problem(
                "\(path) has mode \(mode): anybody on this host may speak as the web server",
                "give it mode 0660 and nginx's group, as odys-fcgi@.socket does")
        }
        let user = userName(status.st_uid) ?? "\(status.st_uid)"
        let group = getgrgid(status.st_gid).map { String(cString: $0.pointee.gr_name) } ?? "\(status.st_gid)"
        return Finding("sockets", "\(path) is \(user):\(group) with mode \(mode)")
    }

    private func readiness(_ instance: Instance) -> Finding {
        do throws(FastCGIClient.Failure) {
            let (status, report) = try instance.ask("readyz")
            let causes = faults(report).map { "\($0.check): \($0.output)" }
            return Finding(
                "instances", status == 200 && report?["status"] == "pass", "instance \(instance.name) is ready",
                else: "instance \(instance.name): "
                    + (causes.isEmpty ? "answers with \(status)" : causes.joined(separator: "; ")),
                "docs/OPERATIONS.md, 'The checks of /readyz', says what to do for each")
        } catch {
            return Finding(
                "instances", .unreachable, "instance \(instance.name) \(error.words)",
                access(instance.path, W_OK) == 0
                    ? "start it: systemctl restart odys-fcgi@\(instance.name); its log says why it ended"
                    : "ask as root, or as a member of the socket's group: runuser -u odys -g odys -G odys-web")
        }
    }
}
