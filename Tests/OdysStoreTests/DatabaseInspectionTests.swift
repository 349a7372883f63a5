import OdysStore
import Testing

@Suite struct DatabaseInspectionTests {
    @Test(arguments: [
        ("10.11.6-MariaDB-0+deb12u1", true), ("11.4.2-MariaDB", true), ("12.0.1-MariaDB-log", true),
        ("10.6.18-MariaDB", false), ("10.10.2-MariaDB", false), ("5.5.68-MariaDB", false), ("8.0.39", false),
        ("8.4.0-commercial", false), ("MariaDB", false),
    ])
    func onlyMariaDBFromThisVersionOnIsSupported(version: String, isSupported: Bool) {
        #expect(DatabaseInspection.isSupported(version) == isSupported)
    }
}
