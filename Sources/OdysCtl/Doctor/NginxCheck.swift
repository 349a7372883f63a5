internal import OdysCore
internal import OdysHost

/// Whether nginx's configuration includes Odys, and has the current map of allowed origins.
struct NginxCheck: DoctorCheck {
    /// Of nginx.conf.
    let directory: String
    let settings: Settings

    func findings() -> [Finding] {
        guard case .success(let main) = Environment.readFile("\(directory)/nginx.conf") else {
            return [
                Finding(
                    "nginx", .problem, "\(directory)/nginx.conf cannot be read",
                    "name nginx's directory with --nginx-dir; where it is on another host, run this there")
            ]
        }
        let site = main + directives(in: "conf.d") + directives(in: "sites-enabled")
        var findings: [Finding] = []
        if !site.includes("odys-http.conf"), !names(in: "conf.d").contains("odys-http.conf") {
            findings.append(
                Finding("nginx", .problem, "odys-http.conf is not included", "copy it to \(directory)/conf.d"))
        }
        if !site.includes("odys-api.conf") {
            findings.append(
                Finding(
                    "nginx", .problem, "no server includes odys-api.conf",
                    "add 'include snippets/odys-api.conf;' to the site's server{}, and reload nginx"))
        }
        let path = "\(directory)/odys/origins.conf"
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

    /// The files of a subdirectory, one after another.
    private func directives(in subdirectory: String) -> String {
        names(in: subdirectory).map { name in
            (try? Environment.readFile("\(directory)/\(subdirectory)/\(name)").get()) ?? ""
        }.joined(separator: "\n")
    }

    /// Without hidden files, in order; none where there is no such subdirectory.
    private func names(in subdirectory: String) -> [String] {
        ((try? Directory.names(in: "\(directory)/\(subdirectory)")) ?? []).filter { !$0.hasPrefix(".") }.sorted()
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
