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

/// The login name, for the record of what operators did.
var operatorName: String { userName(getuid()) ?? "uid \(getuid())" }

func userName(_ id: uid_t) -> String? { getpwuid(id).map { String(cString: $0.pointee.pw_name) } }
