internal import OdysCore
internal import OdysHost

/// Whether nginx's configuration includes Odys, and has the current map of allowed origins.
struct NginxCheck {
    /// Of nginx.conf.
    let directory: String
    let settings: Settings

    func findings() -> [Finding] {
        var problems: [Finding] = []
        func found(_ cause: String, _ remedy: String) { problems.append(Finding("nginx", .problem, cause, remedy)) }
        guard let main = try? Environment.readFile("\(directory)/nginx.conf").get() else {
            found(
                "\(directory)/nginx.conf cannot be read",
                "name nginx's directory with --nginx-dir; where it is on another host, run this there")
            return problems
        }
        let files = names(in: "conf.d") + names(in: "sites-enabled")
        let site = ([main] + files.compactMap { try? Environment.readFile("\(directory)/\($0)").get() })
            .joined(separator: "\n")
        if !site.includes("odys-http.conf"), !files.contains("conf.d/odys-http.conf") {
            found("odys-http.conf is not included", "copy it to \(directory)/conf.d")
        }
        if !site.includes("odys-api.conf") {
            found(
                "no server includes odys-api.conf",
                "add 'include snippets/odys-api.conf;' to the site's server{}, and reload nginx")
        }
        let path = "\(directory)/odys/origins.conf"
        let map = try? Environment.readFile(path).get()
        if map != Config.Nginx.map(of: settings) {
            found(
                "\(path) \(map == nil ? "cannot be read" : "is not what ODYS_ALLOWED_ORIGINS says")",
                "odysctl config nginx > \(path), and reload nginx")
        }
        return problems.isEmpty ? [Finding("nginx", "includes Odys, and knows the allowed origins")] : problems
    }

    /// The files of a subdirectory but the hidden ones, in order; none where there is no such subdirectory.
    private func names(in subdirectory: String) -> [String] {
        let names = (try? Directory.names(in: "\(directory)/\(subdirectory)").get()) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted().map { "\(subdirectory)/\($0)" }
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
