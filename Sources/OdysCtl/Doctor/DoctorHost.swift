internal import Glibc
internal import OdysCore
internal import OdysHost

extension Doctor {
    // MARK: Sockets

    /// The socket that the settings name, else all of the directory.
    func sockets(_ listen: Settings.Listen) -> [Finding] {
        let paths: [String]
        switch listen {
        case .tcp(let address, let port): return [Finding("sockets", "the responder listens on \(address):\(port)")]
        case .unix(let path): paths = [path]
        case .inherited:
            paths = Self.names(in: socketDir).filter { $0.hasPrefix("fcgi-") && $0.hasSuffix(".sock") }
                .map { "\(socketDir)/\($0)" }
        }
        guard !paths.isEmpty else {
            return [
                Finding(
                    "sockets", .problem, "there is no fcgi-N.sock in \(socketDir)",
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

    // MARK: nginx

    func nginx(_ settings: Settings) -> [Finding] {
        guard case .success(let main) = Environment.readFile("\(nginxDir)/nginx.conf") else {
            return [
                Finding(
                    "nginx", .problem, "\(nginxDir)/nginx.conf cannot be read",
                    "name nginx's directory with --nginx-dir; where it is on another host, run this there")
            ]
        }
        let site = main + directives(in: "conf.d") + directives(in: "sites-enabled")
        var findings: [Finding] = []
        if !site.includes("odys-http.conf"), !Self.names(in: "\(nginxDir)/conf.d").contains("odys-http.conf") {
            findings.append(
                Finding("nginx", .problem, "odys-http.conf is not included", "copy it to \(nginxDir)/conf.d"))
        }
        if !site.includes("odys-api.conf") {
            findings.append(
                Finding(
                    "nginx", .problem, "no server includes odys-api.conf",
                    "add 'include snippets/odys-api.conf;' to the site's server{}, and reload nginx"))
        }
        let path = "\(nginxDir)/odys/origins.conf"
        let map = try? Environment.readFile(path).get()
        if map != Config.Nginx.map(of: settings) {
            findings.append(
                Finding(
                    "nginx", .problem,
                    map == nil ? "\(path) cannot be read" : "\(path) is not what ODYS_ALLOWED_ORIGINS says",
                    "odysctl config nginx > \(path), and reload nginx"))
        }
        return findings.isEmpty ? [Finding("nginx", "includes Odys, and knows the allowed origins")] : findings
    }

    /// The files of a directory, one after another.
    private func directives(in directory: String) -> String {
        Self.names(in: "\(nginxDir)/\(directory)").sorted().map { name in
            (try? Environment.readFile("\(nginxDir)/\(directory)/\(name)").get()) ?? ""
        }.joined(separator: "\n")
    }

    // MARK: Files

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func user(_ id: uid_t) -> String {
        getpwuid(id).map { String(cString: $0.pointee.pw_name) } ?? "\(id)"
    }

    private static func group(_ id: gid_t) -> String {
        getgrgid(id).map { String(cString: $0.pointee.gr_name) } ?? "\(id)"
    }
}

extension String {
    /// Whether a line of nginx's configuration includes a file of this name.
    fileprivate func includes(_ name: String) -> Bool {
        split(separator: "\n").contains { line in
            let words = line.trimmingPrefix(while: \.isWhitespace)
            return words.hasPrefix("include") && words.contains(name)
        }
    }
}
