internal import ArgumentParser
internal import OdysCore
internal import OdysHost

/// A responder of this host, by its socket.
struct Instance {
    let name: String
    let path: String

    /// Those whose sockets are in the directory, by number.
    static func all(in directory: String) -> Result<[Instance], ReadError> {
        Directory.names(in: directory).map { names in
            names.filter { $0.hasPrefix("fcgi-") && $0.hasSuffix(".sock") }.map { String($0.dropFirst(5).dropLast(5)) }
                .sorted { (Int($0) ?? .max, $0) < (Int($1) ?? .max, $1) }.map { named($0, in: directory) }
        }
    }

    static func named(_ name: String, in directory: String) -> Instance {
        Instance(name: name, path: "\(directory)/fcgi-\(name).sock")
    }

    /// - Parameter page: such as `status`.
    /// - Returns: the HTTP status, and the body where it is JSON.
    func ask(_ page: String, query: String = "") throws(FastCGIClient.Failure) -> (status: Int, report: JSON?) {
        let answer = try FastCGIClient(path: path).get("/\(page)/\(name)\(query)")
        return (answer.status, try? JSON(reading: answer.body))
    }
}

/// The checks of a health report that do not pass.
func faults(_ report: JSON?) -> [(check: String, status: String, output: String)] {
    guard case .object(let checks) = report?["checks"] else { return [] }
    return checks.compactMap { check in
        guard let entry = check.value.array?.first, let output = entry["output"]?.string else { return nil }
        return (check.name, entry["status"]?.string ?? "", output)
    }
}

/// Which responders a command asks.
struct InstanceOptions: ParsableArguments {
    @Argument(help: "Instances; all of them where none is named.") var instances: [String] = []
    @Option(help: "Where the sockets are, named fcgi-INSTANCE.sock.") var socketDir = "/run/odys"
    @Option(help: "One socket, wherever it is.") var socket: String?

    func find() throws(Failure) -> [Instance] {
        if let socket {
            guard instances.count <= 1 else { throw .usage("--socket is one instance's") }
            return [Instance(name: instances.first ?? "1", path: socket)]
        }
        for name in instances where !name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }) {
            throw .usage("'\(name)' is no instance's name")
        }
        if !instances.isEmpty { return instances.map { Instance.named($0, in: socketDir) } }
        let all = try Instance.all(in: socketDir)
            .mapError { Failure.unreachable("\($0); --socket-dir says where the sockets are") }.get()
        guard !all.isEmpty else { throw .unreachable("there is no instance in \(socketDir)") }
        return all
    }
}
