internal import Glibc

/// The entries of a directory.
public enum Directory {
    /// Why a directory cannot be read.
    public struct Failure: Error, CustomStringConvertible {
        public let path: String
        /// The system's words, such as "No such file or directory".
        public let reason: String

        public var description: String { "\(path): \(reason)" }
    }

    /// The names of all entries but "." and "..", in no particular order.
    public static func names(in path: String) throws(Failure) -> [String] {
        guard let directory = opendir(path) else { throw failure(path) }
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
        guard errno == 0 else { throw failure(path) }
        return names
    }

    private static func failure(_ path: String) -> Failure {
        Failure(path: path, reason: String(cString: strerror(errno)))
    }
}
