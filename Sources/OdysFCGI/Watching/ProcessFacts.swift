internal import Glibc
internal import OdysHost

/// What the kernel tells of this process, from `/proc/self` (proc(5)).
struct ProcessFacts {
    let cpuSeconds: Double
    let residentBytes: Int
    let virtualBytes: Int
    let threads: Int
    let openDescriptors: Int
    let descriptorsMax: Int

    /// Nil where `/proc` cannot be read.
    init?() {
        guard case .success(let stat) = Environment.readFile("/proc/self/stat"),
            let afterName = stat.lastIndex(of: ")")
        else { return nil }
        // The fields behind the name begin with the third.
        let fields = stat[stat.index(after: afterName)...].split(separator: " ").map { Int($0) ?? 0 }
        guard fields.count > 21 else { return nil }
        cpuSeconds = Double(fields[11] + fields[12]) / Double(sysconf(Int32(_SC_CLK_TCK)))
        threads = fields[17]
        virtualBytes = fields[20]
        residentBytes = fields[21] * sysconf(Int32(_SC_PAGESIZE))
        // One of them is the directory's own, open only while it is read.
        openDescriptors = max(0, ((try? Directory.names(in: "/proc/self/fd")) ?? []).count - 1)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        descriptorsMax = Int(clamping: limit.rlim_cur)
    }

    /// Connections that wait in the queue of a listening Unix socket: the kernel's list has one line for each, with
    /// the listener's path and the state "connecting" (02). Nil where it cannot be told.
    static func queueLength(of listener: Int32) -> Int? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isKnown = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        guard isKnown == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        let path = withUnsafeBytes(of: &address.sun_path) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard !path.isEmpty, case .success(let list) = Environment.readFile("/proc/self/net/unix") else { return nil }
        return list.split(separator: "\n").count { line in
            let fields = line.split(separator: " ", maxSplits: 7)
            return fields.count == 8 && fields[5] == "02" && fields[7].utf8.elementsEqual(path.utf8)
        }
    }
}
