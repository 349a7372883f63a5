internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// Whether the account can log in and has its rights, and whether the server and its schema are as they must be.
struct DatabaseCheck {
    let settings: DatabaseSettings
    /// Mebibytes that must be free where the server keeps its data.
    let freeMiB: Int

    func findings() -> [Finding] {
        let before = Clock.now
        do throws(StoreError) {
            let server = try DatabaseInspection(settings)
            // Before anything else takes time.
            let clock = self.clock(server, since: before)
            return [Finding("database", "\(settings.user) may log in to \(settings.name)")] + program(server) + [clock]
                + settings(server) + disk(server)
        } catch {
            let isOfSettings = error.cause?.isOfSettings ?? false
            return [Finding("database", isOfSettings ? .configuration : .unreachable, "\(error)", error.remedy)]
        }
    }

    private func program(_ server: DatabaseInspection) -> [Finding] {
        let (version, schema, missing) = (server.serverVersion, server.schemaVersion, server.missingGrants)
        let needed = Migrations.requiredVersion
        return [
            Finding(
                "server", DatabaseInspection.isSupported(version), version, else: "\(version) is too old",
                "use MariaDB 10.11 or newer"),
            Finding(
                "schema", schema >= needed, "has version \(schema)", else: "has version \(schema) of \(needed)",
                "run 'odysctl migrate up'"),
            Finding(
                "grants", missing.isEmpty, "are enough",
                else: "\(settings.user) lacks \(missing.joined(separator: ", "))",
                "run what 'odysctl migrate grants' prints, as the database's administrator"),
        ] + server.deviations.map { Finding("schema", .problem, "\($0)", $0.remedy) }
    }

    /// The server read its clock between `before` and now; only a time outside of that is a difference.
    private func clock(_ server: DatabaseInspection, since before: Instant) -> Finding {
        let early = Double(before.microseconds - server.now.microseconds) / 1e6
        let late = Double(server.now.microseconds - Clock.now.microseconds) / 1e6
        let seconds = max(early, late, 0)
        return Finding(
            "clock", seconds <= Limits.clockDifferenceSecondsMax, "this host and the database agree",
            else: "this host and the database differ by \(Int(seconds)) s",
            "keep both hosts in time by NTP; tokens are judged by one clock, appointments by the other")
    }

    private func settings(_ server: DatabaseInspection) -> [Finding] {
        let (durability, obstacles) = (server.settings.durability, server.settings.obstacles)
        func findings(_ subject: String, _ problems: [String]) -> [Finding] {
            problems.map { problem in
                let parts = problem.split(separator: ":", maxSplits: 1)
                return Finding(subject, .problem, String(parts[0]), String(parts[parts.count - 1].drop { $0 == " " }))
            }
        }
        return findings("writes", obstacles)
            + (durability.isEmpty
                ? [Finding("durability", "what MariaDB acknowledges is kept")] : findings("durability", durability))
    }

    /// Only where the server is on this host.
    private func disk(_ server: DatabaseInspection) -> [Finding] {
        switch settings.server {
        case .socket: break
        case .hosts(let hosts, _): guard hosts.contains(where: isLoopback) else { return [] }
        }
        var status = statvfs()
        guard statvfs(server.dataDirectory, &status) == 0 else { return [] }
        let free = Int(status.f_bavail) * Int(status.f_frsize) / (1024 * 1024)
        let found = "\(free) MiB are free in \(server.dataDirectory)"
        let remedy = "make room: MariaDB stops writing when the disk is full"
        return [Finding("disk", free >= freeMiB, found, else: "\(found), less than \(freeMiB)", remedy)]
    }
}
