internal import Glibc
internal import OdysCore
internal import OdysHost
internal import OdysStore

extension Connection {
    /// - Parameter migrating: as the user that may change the schema.
    static func current(limits: SessionLimits = .request, migrating: Bool = false) throws(SettingsError) -> Connection {
        Connection(try DatabaseSettings(.process, migrating: migrating), limits: limits)
    }
}

/// Who runs this command, for the record of what operators did: the user who logged in, which neither sudo nor su
/// changes, and beside it whom sudo names, which anybody may set.
var operatorName: String {
    // Absent where the kernel keeps none, and -1 where nobody logged in.
    let login = try? Environment.readFile("/proc/self/loginuid").get()
    let id = login.flatMap { uid_t($0.prefix { $0.isNumber }) }.flatMap { $0 == .max ? nil : $0 } ?? getuid()
    let name = userName(id) ?? "uid \(id)"
    let behind = Environment.variables["SUDO_USER"].flatMap { $0.isEmpty || $0 == name ? nil : " (SUDO_USER \($0))" }
    return String(String.UnicodeScalarView((name + (behind ?? "")).unicodeScalars.prefix(Limits.operatorScalarsMax)))
}

func userName(_ id: uid_t) -> String? { getpwuid(id).map { String(cString: $0.pointee.pw_name) } }
