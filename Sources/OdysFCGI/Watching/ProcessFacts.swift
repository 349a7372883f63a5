internal import Glibc
internal import OdysHost

/// What the kernel tells of this process, from `/proc/self` (proc(5)).
struct ProcessFacts {
    let cpuSeconds: Double
    let residentBytes: Int
    let virtualBytes: Int
    let threads: Int
    let openDescriptors: Int
    /// 0 where it cannot be told.
    let descriptorsMax: Int

    /// Nil where `/proc` cannot be read.
    init?() {
        guard case .success(let stat) = Environment.readFile("/proc/self/stat"),
            let afterName = stat.lastIndex(of: ")")
        else { return nil }
        // The fields behind the name begin with the third.
        let fields = stat[stat.index(after: afterName)...].split(separator: " ").map { Int($0) ?? 0 }
        guard fields.count > 21 else { return nil }
        // sysconf(3) fails only for names that the system does not know.
        cpuSeconds = Double(fields[11] + fields[12]) / Double(sysconf(Int32(_SC_CLK_TCK)))
        threads = fields[17]
        virtualBytes = fields[20]
        residentBytes = fields[21] * sysconf(Int32(_SC_PAGESIZE))
        // One of them is the directory's own, open only while it is read.
        openDescriptors = max(0, ((try? Directory.names(in: "/proc/self/fd").get()) ?? []).count - 1)
        var limit = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        descriptorsMax = isKnown ? Int(clamping: limit.rlim_cur) : 0
    }

    /// Connections that wait in the queue of a listening Unix socket: the kernel's list has one line for each, with
    /// the listener's path and the state "connecting" (02). Nil where it cannot be told.
    static func queueLength(of listener: Int32) -> Int? {
        guard let path = UnixSocket.path(of: listener),
            case .success(let list) = Environment.readFile("/proc/self/net/unix")
        else { return nil }
        return list.split(separator: "\n").count { line in
            let fields = line.split(separator: " ", maxSplits: 7)
            return fields.count == 8 && fields[5] == "02" && fields[7].utf8.elementsEqual(path.utf8)
        }
    }
}
