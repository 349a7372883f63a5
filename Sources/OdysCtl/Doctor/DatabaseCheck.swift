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
                + durability(server) + disk(server)
        } catch { return [unusable(error)] }
    }

    private func unusable(_ error: StoreError) -> Finding {
        switch error.code {
        // ER_ACCESS_DENIED_ERROR, ER_DBACCESS_DENIED_ERROR
        case 1044, 1045:
            Finding(
                "database", .configuration, "\(error): the login is refused",
                "correct ODYS_DB_USER and ODYS_DB_PASSWORD, or the account in MariaDB")
        // ER_BAD_DB_ERROR
        case 1049:
            Finding(
                "database", .configuration, "\(error): there is no such database",
                "correct ODYS_DB_NAME, or create the database and run 'odysctl migrate up'")
        default:
            Finding(
                "database", .unreachable, "\(error)",
                "start MariaDB, or correct ODYS_DB_SOCKET or ODYS_DB_HOST; look at its log")
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
        ]
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

    private func durability(_ server: DatabaseInspection) -> [Finding] {
        if server.durability.isEmpty { return [Finding("durability", "what MariaDB acknowledges is kept")] }
        return server.durability.map { problem in
            let parts = problem.split(separator: ":", maxSplits: 1)
            return Finding("durability", .problem, String(parts[0]), String(parts[parts.count - 1].drop { $0 == " " }))
        }
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
