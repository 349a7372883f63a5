import Foundation
import OdysCore
import Testing

@testable import OdysHost

extension ProcessTests {
    /// What this host gives to the settings: variables and files.
    @Suite(.serialized) struct EnvironmentTests {
        private static func set(_ name: String, _ bytes: [UInt8]) {
            setenv(name, bytes.map { CChar(bitPattern: $0) } + [0], 1)
        }

        @Test("variables: UTF-8 is taken, other bytes are reported and never repaired")
        func bytesAreValidated() throws {
            Self.set("ODYS_INSTANCE", Array("é=1".utf8))
            // "é" in Latin-1.
            Self.set("ODYS_DB_PASSWORD", [UInt8](repeating: 0xE9, count: 40))
            defer { for name in ["ODYS_INSTANCE", "ODYS_DB_PASSWORD"] { unsetenv(name) } }
            #expect(Environment.variables["ODYS_INSTANCE"] == "é=1")
            #expect(Environment.variables["ODYS_DB_PASSWORD"] == nil)
            do throws(SettingsError) {
                _ = try Settings(.process)
                Issue.record("the settings were taken")
            } catch {
                #expect(error.problems.contains("ODYS_DB_PASSWORD: is not UTF-8 text"))
            }
        }

        @Test("readFile: a directory, a failed read(2) and a missing file are problems, each by its reason")
        func whatCannotBeReadIsAProblem() {
            func problem(_ path: String) -> ReadError? {
                if case .failure(let error) = Environment.readFile(path) { error } else { nil }
            }
            #expect(problem("/etc") == ReadError("cannot read /etc: Is a directory"))
            // Address 0 of a process is never mapped: read(2) fails with EIO.
            #expect(problem("/proc/self/mem") == ReadError("cannot read /proc/self/mem: Input/output error"))
            #expect(problem("/gone") == ReadError("cannot read /gone: No such file or directory", isMissing: true))
            #expect(problem("/dev/zero") == ReadError("/dev/zero is larger than a megabyte"))
        }

        @Test("readFile: content is the bytes of the file, and must be UTF-8")
        func contentIsText() throws {
            let path = FileManager.default.temporaryDirectory.appending(path: "odys-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            for (bytes, text) in [([], ""), (Array("é\r\n".utf8), "é\r\n"), ([0xE9], nil)] as [([UInt8], String?)] {
                try Data(bytes).write(to: URL(filePath: path))
                #expect(
                    (try? Environment.readFile(path).get())?.unicodeScalars.map(\.value)
                        == text?.unicodeScalars.map(\.value))
            }
        }
    }
}
