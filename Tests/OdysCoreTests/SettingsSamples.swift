@testable import OdysCore

enum SettingsSamples {
    static let secret = "0123456789abcdef0123456789abcdef"

    /// The least that is needed.
    static let least = [
        "ODYS_DB_SOCKET": "/run/mysqld/mysqld.sock", "ODYS_JWT_SECRET": secret, "ODYS_APP_URL": "https://app.example",
    ]

    static let evolution = [
        "EVOLUTION_API_URL": "https://evolution.example", "EVOLUTION_API_KEY": "evolution-key",
        "EVOLUTION_INSTANCE": "odys",
    ]

    static let mail = ["ODYS_SMTP_URL": "smtp://127.0.0.1:25", "ODYS_MAIL_FROM": "agenda@odys.example"]

    static func read(
        _ changes: [String: String?], base: [String: String] = least, files: [String: String?] = [:]
    ) throws(SettingsError) -> Settings {
        var environment = base
        for (name, value) in changes { environment[name] = value }
        return try Settings(source(environment, files: files))
    }

    /// A file whose content is nil is there and cannot be read.
    static func source(
        _ environment: [String: String], files: [String: String?] = [:], notUTF8: Set<String> = []
    ) -> SettingsSource {
        SettingsSource(variables: environment, notUTF8: notUTF8) { path in
            guard let content = files[path] else {
                return .failure(ReadError("cannot read \(path): gone", isMissing: true))
            }
            return content.map(Result.success) ?? .failure(ReadError("cannot read \(path): Is a directory"))
        }
    }

    static func problems(
        _ changes: [String: String?], base: [String: String] = least, files: [String: String?] = [:]
    ) -> [String] {
        do throws(SettingsError) {
            _ = try read(changes, base: base, files: files)
            return []
        } catch {
            return error.problems
        }
    }

    /// The names of the variables that something is wrong with.
    static func names(
        _ changes: [String: String?], base: [String: String] = least, files: [String: String?] = [:]
    ) -> [String] {
        problems(changes, base: base, files: files).map { String($0.prefix { $0 != ":" }) }
    }
}
