internal import ArgumentParser
internal import OdysHost

/// The responders of this host, by their sockets.
struct InstanceOptions: ParsableArguments {
    @Argument(help: "Instances; all of them where none is named.") var instances: [String] = []
    @Option(help: "Where the sockets are, named fcgi-INSTANCE.sock.") var socketDir = "/run/odys"
    @Option(help: "One socket, wherever it is.") var socket: String?

    struct Instance {
        let name: String
        let client: FastCGIClient

        init(name: String, path: String) {
            self.name = name
            // A responder answers within this time, also while its database does not.
            client = FastCGIClient(path: path, seconds: 5)
        }
    }

    func find() throws(Failure) -> [Instance] {
        if let socket {
            guard instances.count <= 1 else { throw Failure.usage("--socket is one instance's") }
            return [Instance(name: instances.first ?? "1", path: socket)]
        }
        for name in instances where !name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }) {
            throw Failure.usage("'\(name)' is no instance's name")
        }
        let found = instances.isEmpty ? try listed() : instances
        return found.map { Instance(name: $0, path: "\(socketDir)/fcgi-\($0).sock") }
    }

    /// Whether a file of the directory is named as a responder's socket.
    static func isSocket(_ name: String) -> Bool { name.hasPrefix("fcgi-") && name.hasSuffix(".sock") }

    private func listed() throws(Failure) -> [String] {
        let entries: [String]
        do throws(Directory.Failure) {
            entries = try Directory.names(in: socketDir)
        } catch {
            throw .unreachable("\(error); --socket-dir says where the sockets are")
        }
        let names = entries.filter(Self.isSocket).map { String($0.dropFirst(5).dropLast(5)) }
        guard !names.isEmpty else { throw .unreachable("there is no instance in \(socketDir)") }
        return names.sorted { (Int($0) ?? .max, $0) < (Int($1) ?? .max, $1) }
    }
}

extension FastCGIClient.Failure {
    /// In words for the operator.
    var words: String {
        switch self {
        case .refused(let reason): "does not listen: \(reason)"
        case .silent: "does not answer"
        case .garbled: "ended without an answer"
        }
    }
}
