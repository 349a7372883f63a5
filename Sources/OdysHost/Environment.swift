internal import Glibc
public import OdysCore

extension SettingsSource {
    /// This process's environment, and the files of this host.
    public static var process: SettingsSource {
        var variables: [String: String] = [:]
        var notUTF8: Set<String> = []
        var entry = environ
        while let pair = entry.pointee {
            let bytes = UnsafeRawBufferPointer(start: pair, count: strlen(pair))
            let parts = bytes.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 {
                let name = String(decoding: parts[0], as: UTF8.self)
                if let value = String(validating: parts[1], as: UTF8.self) {
                    variables[name] = value
                } else {
                    notUTF8.insert(name)
                }
            }
            entry += 1
        }
        return SettingsSource(variables: variables, notUTF8: notUTF8, readFile: Environment.readFile)
    }
}

/// The process's environment and the files it names.
public enum Environment {
    /// Those variables that are UTF-8.
    public static var variables: [String: String] { SettingsSource.process.variables }

    /// The content of a small text file, or why it cannot be read.
    public static func readFile(_ path: String) -> Result<String, ReadError> {
        read(path).flatMap { bytes in
            String(validating: bytes, as: UTF8.self).map(Result.success)
                ?? .failure(ReadError("\(path) is not UTF-8 text"))
        }
    }

    /// The bytes of a small file. A failure on the way is one: a part of a secret is none.
    static func read(_ path: String) -> Result<[UInt8], ReadError> {
        // fopen(3) opens directories too; reading one is what fails.
        guard let file = fopen(path, "re") else { return .failure(ReadError(errnoOf: path)) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes += chunk[..<count]
            guard bytes.count <= 1 << 20 else { return .failure(ReadError("\(path) is larger than a megabyte")) }
        }
        // fread(3) does not tell the end of the file from an error.
        return ferror(file) == 0 ? .success(bytes) : .failure(ReadError(errnoOf: path))
    }

    /// What tells a file from what it was before; equal while nobody changed it. All zero where it is not there.
    public static func version(ofFile path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [0, 0, 0, 0] }
        return [Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
    }
}

extension ReadError {
    /// What errno says of a file or directory that was just tried.
    init(errnoOf path: String) {
        self.init("cannot read \(path): \(String(cString: strerror(errno)))", isMissing: errno == ENOENT)
    }
}
