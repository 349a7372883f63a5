internal import CLinux

/// The memory of this process, which holds secrets and personal data.
public enum ProcessMemory {
    /// No core file of it is made, and no other process of the same user reads it: prctl(2), PR_SET_DUMPABLE, which
    /// does not fail for 0. A limit of core files to 0 bytes does not hold where `core_pattern` is a pipe (core(5)).
    public static func forbidDumps() { _ = odys_set_dumpable(0) }
}
