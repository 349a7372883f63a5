import Foundation
import Glibc
import OdysCore
import OdysHost
import Testing

@Suite struct DirectoryTests {
    @Test("names: every entry but . and .., of any length")
    func everyEntryIsNamed() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let names = ["a", ".hidden", "ção", String(repeating: "x", count: 255)] + (0..<2_000).map { "fcgi-\($0).sock" }
        for name in names { try Data().write(to: directory.appending(path: name)) }
        #expect(try Set(Directory.names(in: directory.path()).get()) == Set(names))
    }

    @Test("names: an unreadable directory is an error with its path and reason")
    func whatCannotBeReadIsAnError() {
        for (path, reason) in [("/nowhere", "No such file or directory"), ("/etc/hostname", "Not a directory")] {
            let failure = #expect(throws: ReadError.self) { try Directory.names(in: path).get() }
            #expect(failure?.description == "cannot read \(path): \(reason)")
        }
    }
}

@Suite struct UnixSocketTests {
    private func bound(_ path: String) -> String? {
        UnixSocket.withAddress(of: path) { address, length in
            address.withMemoryRebound(to: UInt8.self, capacity: Int(length)) { bytes in
                String(decoding: UnsafeBufferPointer(start: bytes, count: Int(length)).dropFirst(2), as: UTF8.self)
            }
        }
    }

    @Test("address: a path ends with NUL, an abstract name begins with it")
    func pathsAndAbstractNames() {
        #expect(bound("/run/odys/fcgi-1.sock") == "/run/odys/fcgi-1.sock\0")
        #expect(bound("@odys/notify") == "\0odys/notify")
    }

    @Test("address: 1 to 107 bytes")
    func theLengthIsBounded() {
        #expect(UnixSocket.pathBytesMax == 107)
        #expect(bound(String(repeating: "x", count: 107))?.utf8.count == 108)
        #expect(bound(String(repeating: "x", count: 108)) == nil)
        #expect(bound("") == nil)
    }

    @Test("address: bind accepts it, as a path and as an abstract name")
    func theKernelTakesIt() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).sock").path()
        defer { unlink(file) }
        for path in [file, "@odys-test-\(UUID().uuidString)"] {
            let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            #expect(UnixSocket.withAddress(of: path) { bind(listener, $0, $1) } == 0)
            #expect(listen(listener, 1) == 0)
            let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(client) }
            #expect(UnixSocket.withAddress(of: path) { connect(client, $0, $1) } == 0, "\(path)")
        }
    }
}
