internal import Glibc
internal import OdysCore
internal import OdysDelivery

// What the running instances say of themselves, and whether their callers' keys can be had.

extension Doctor {
    /// Asks each responder behind a socket whether it is ready. What a socket's own state is, `sockets` says.
    func instances(_ listen: Settings.Listen) -> [Finding] {
        var options = InstanceOptions()
        options.socketDir = socketDir
        options.socket = nil
        switch listen {
        case .tcp: return []
        case .unix(let path):
            guard access(path, F_OK) == 0 else { return [] }
            options.socket = path
        case .inherited: break
        }
        guard let instances = try? options.find([]) else { return [] }
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

    /// Whether the key set at the address can be fetched and has a key that can be used.
    static func keys(_ tokens: TokenSettings) -> [Finding] {
        guard let url = tokens.keySetURL else { return [] }
        switch KeySetFetch(url).fetch() {
        case .failure(let failure):
            return [
                Finding(
                    "keys", .unreachable, "ODYS_JWKS_URL: \(failure)",
                    "correct the address, or repair its server; known keys are used for 24 h meanwhile")
            ]
        case .success(let set) where set.keys.isEmpty:
            return [
                Finding(
                    "keys", .problem,
                    "ODYS_JWKS_URL: no key of the set can be used"
                        + set.leftOut.map { "; \($0)" }.joined(),
                    "publish an ES256 key, or an RS256 key of at least 2,048 bits")
            ]
        case .success(let set):
            return [Finding("keys", "\(set.keys.count) at ODYS_JWKS_URL")]
        }
    }
}
