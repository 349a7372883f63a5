internal import Glibc
internal import OdysCore

/// Whether each responder behind a socket says that it is ready.
struct InstancesCheck: DoctorCheck {
    let listen: Settings.Listen
    /// Where the sockets are, unless `listen` names one.
    let directory: String

    func findings() -> [Finding] {
        var options = InstanceOptions()
        options.socketDir = directory
        options.socket = nil
        options.instances = []
        switch listen {
        case .tcp: return []
        case .unix(let path):
            guard access(path, F_OK) == 0 else { return [] }
            options.socket = path
        case .inherited: break
        }
        guard let instances = try? options.find() else { return [] }
        return instances.map { instance in
            do throws(FastCGIClient.Failure) {
                let answer = try instance.client.get("/readyz/\(instance.name)")
                return Self.finding(instance.name, answer.status, try? JSON(reading: answer.body))
            } catch {
                return Finding(
                    "instances", .unreachable, "instance \(instance.name) \(error.words)",
                    access(instance.client.path, W_OK) == 0
                        ? "start it: systemctl restart odys-fcgi@\(instance.name); its log says why it ended"
                        : "ask as root, or as a member of the socket's group: runuser -u odys -g odys -G www-data")
            }
        }
    }

    private static func finding(_ name: String, _ status: Int, _ report: JSON?) -> Finding {
        let state = report?["status"]?.string
        guard status != 200 || state != "pass" else { return Finding("instances", "instance \(name) is ready") }
        var wrong: [String] = []
        if case .object(let checks)? = report?["checks"] {
            for check in checks {
                for entry in check.value.array ?? [] where entry["status"] != "pass" {
                    wrong.append(check.name + (entry["output"]?.string.map { ": \($0)" } ?? ""))
                }
            }
        }
        let cause = wrong.isEmpty ? "answers with \(status)" : wrong.joined(separator: "; ")
        return Finding(
            "instances", .problem, "instance \(name): \(cause)",
            "docs/OPERATIONS.md, 'The checks of /readyz', says what to do for each")
    }
}
