internal import Glibc
public import OdysCore

/// The entries of a directory.
public enum Directory {
    /// The names of all entries but "." and "..", in no particular order, or why it cannot be read.
    public static func names(in path: String) -> Result<[String], ReadError> {
        guard let directory = opendir(path) else { return .failure(ReadError(errnoOf: path)) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            // readdir(3): nil means the end or an error; only errno, set to 0 before, tells which.
            errno = 0
            guard let entry = readdir(directory) else { break }
            // The record ends with the name, so it may be shorter than `dirent`: copying `d_name` would read past it.
            let record = UnsafeRawPointer(entry)
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = String(cString: record.advanced(by: offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
        return errno == 0 ? .success(names) : .failure(ReadError(errnoOf: path))
    }
}
