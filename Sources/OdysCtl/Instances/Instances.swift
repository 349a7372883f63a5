internal import ArgumentParser
internal import OdysHost

/// The responders of this host, by their sockets.
struct InstanceOptions: ParsableArguments {
    @Option(help: "Where the sockets are, named fcgi-INSTANCE.sock.")
    var socketDir = "/run/odys"
    @Option(help: "One socket, wherever it is.")
    var socket: String?

    /// Seconds within which a responder answers, also while its database does not.
    static let answerSeconds = 5.0

    struct Instance {
        let name: String
        let client: FastCGIClient

        init(name: String, path: String) {
            self.name = name
            client = FastCGIClient(path: path, seconds: InstanceOptions.answerSeconds)
        }
    }

    func find(_ names: [String]) throws(Failure) -> [Instance] {
        if let socket {
            guard names.count <= 1 else { throw Failure.usage("--socket is one instance's") }
            return [Instance(name: names.first ?? "1", path: socket)]
        }
        for name in names where !name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }) {
            throw Failure.usage("'\(name)' is no instance's name")
        }
        let found = names.isEmpty ? try listed() : names
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
