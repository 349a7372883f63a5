internal import OdysCore

/// Whether the settings are valid, and every name is one that exists.
struct SettingsCheck: DoctorCheck {
    let settings: Result<Settings, SettingsError>

    func findings() -> [Finding] {
        switch settings {
        case .failure(let error):
            return error.problems.map {
                Finding("settings", .configuration, $0, "correct it; 'odysctl config show' tells where it comes from")
            }
        case .success(let settings):
            let unknown = settings.unknown.map {
                Finding("settings", .problem, "\($0): there is no such setting", "correct its name or remove it")
            }
            return (unknown.isEmpty ? [Finding("settings", "are good")] : unknown)
                + [Finding("timezone", "\(settings.messaging.timeZone) is known to this host")]
        }
    }
}
