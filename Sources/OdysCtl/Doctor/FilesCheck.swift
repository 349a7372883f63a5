internal import Glibc
internal import OdysCore
internal import OdysHost

/// Whether other users of this host can read the files of secrets, or replace what the settings trust.
struct FilesCheck {
    /// The environment file, where there is one.
    let settingsFile: String
    /// Nil where the settings are wrong.
    let settings: Settings?

    func findings() -> [Finding] {
        let secrets = [settingsFile] + SettingsSource.process.secretFiles
        let trusted = [settings?.tokens.keySetFile, settings?.database.certificateAuthority].compactMap(\.self)
        let modes = (secrets + trusted).compactMap { path in othersMode(path).map { (path, $0) } }
        let problems = modes.compactMap { path, mode in
            if mode & S_IWOTH != 0 {
                problem("\(path) can be written by every user of this host", "chmod o-w \(path)")
            } else if mode & S_IROTH != 0, secrets.contains(path) {
                problem(
                    "\(path) holds secrets, and every user of this host can read it",
                    "chmod 0640 \(path) && chgrp odys \(path)")
            } else {
                nil as Finding?
            }
        }
        let isGood = problems.isEmpty && !modes.isEmpty
        return isGood ? [Finding("files", "those of secrets are closed to other users")] : problems
    }

    private func problem(_ cause: String, _ remedy: String) -> Finding { Finding("files", .problem, cause, remedy) }

    /// The mode of a file; 0 where a directory above keeps other users away from it, nil where there is none.
    private func othersMode(_ path: String) -> mode_t? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let mode = status.st_mode
        // realpath(3) allocates the path for a buffer of NULL.
        guard let resolved = realpath(path, nil) else { return mode }
        defer { free(resolved) }
        var directory = String(cString: resolved)[...]
        while let slash = directory.lastIndex(of: "/"), slash != directory.startIndex {
            directory = directory[..<slash]
            if stat(String(directory), &status) == 0, status.st_mode & S_IXOTH == 0 { return 0 }
        }
        return mode
    }
}
