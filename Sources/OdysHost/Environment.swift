internal import Glibc
public import OdysCore

/// The process's environment and the files it names: what `Settings` reads from.
public enum Environment {
    public static var variables: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let pair = entry.pointee {
            let text = String(cString: pair)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }

    /// The content of a small text file, or why it cannot be read.
    public static func readFile(_ path: String) -> Result<String, SettingsError> {
        guard let file = fopen(path, "re") else {
            return .failure(SettingsError(problems: ["cannot read \(path): \(String(cString: strerror(errno)))"]))
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes += chunk[..<count]
            guard bytes.count <= 1 << 20 else {
                return .failure(SettingsError(problems: ["\(path) is larger than a megabyte"]))
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(SettingsError(problems: ["\(path) is not UTF-8 text"]))
        }
        return .success(text)
    }

    /// What tells a file from what it was before; equal while nobody changed it. All zero where it is not there.
    public static func version(ofFile path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [0, 0, 0, 0] }
        return [Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
    }
}
