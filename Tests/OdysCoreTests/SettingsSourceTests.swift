import Testing

@testable import OdysCore

/// Empty variables, files that cannot be read, and bytes that are not text.
@Suite struct SettingsSourceTests {
    private static let secret = SettingsSamples.secret

    private static func problems(
        _ changes: [String: String?], files: [String: String?] = [:], notUTF8: Set<String> = []
    ) -> [String] {
        let environment = SettingsSamples.least.merging(changes.compactMapValues(\.self)) { $1 }
            .filter { changes[$0.key] != .some(nil) && !notUTF8.contains($0.key) }
        do throws(SettingsError) {
            _ = try Settings(SettingsSamples.source(environment, files: files, notUTF8: notUTF8))
            return []
        } catch {
            return error.problems
        }
    }

    // MARK: Empty

    @Test("empty variable: every setting keeps its default")
    func anEmptyVariableHasNoValue() throws {
        let empty = Dictionary(uniqueKeysWithValues: Setting.allCases.map { ($0.name, "") })
        func text(_ environment: [String: String]) throws -> String {
            var text = ""
            dump(try SettingsSamples.read([:], base: environment), to: &text)
            return text
        }
        #expect(try text(empty.merging(SettingsSamples.least) { $1 }) == text(SettingsSamples.least))
    }

    @Test("empty secret: the systemd credential is used")
    func anEmptySecretDoesNotHideItsCredential() throws {
        let files = ["/c/odys-jwt-secret": Self.secret, "/c/odys-db-password": "pass\n"]
        let settings = try SettingsSamples.read(
            ["ODYS_JWT_SECRET": "", "ODYS_DB_PASSWORD": "", "CREDENTIALS_DIRECTORY": "/c"], files: files)
        #expect(settings.tokens.secret == TokenKey(sharedSecret: Self.secret))
        #expect(settings.database.password == "pass")
    }

    @Test("secret and its file both set: a problem, even where one is empty", arguments: ["", "value"], ["", "/f"])
    func aSecretAndItsFileTogetherAreAProblem(_ value: String, _ file: String) {
        let problems = Self.problems(
            ["ODYS_DB_PASSWORD": value, "ODYS_DB_PASSWORD_FILE": file], files: ["/f": "x"])
        #expect(problems == ["ODYS_DB_PASSWORD: is set, and so is ODYS_DB_PASSWORD_FILE; keep one"])
    }

    // MARK: Unreadable

    @Test("secret's file unreadable: a problem, also beside a key set")
    func anUnreadableFileIsAProblem() {
        let changes = ["ODYS_JWT_SECRET": nil, "ODYS_JWT_SECRET_FILE": "/d", "ODYS_JWKS_URL": "https://issuer.example"]
        #expect(Self.problems(changes, files: ["/d": nil]) == ["ODYS_JWT_SECRET_FILE: cannot read /d: Is a directory"])
    }

    @Test("credential unreadable: a problem; missing: none")
    func anUnreadableCredentialIsAProblem() {
        let changes = [
            "ODYS_JWT_SECRET": nil, "CREDENTIALS_DIRECTORY": "/c", "ODYS_JWKS_URL": "https://issuer.example",
        ]
        #expect(
            Self.problems(changes, files: ["/c/odys-jwt-secret": nil])
                == ["ODYS_JWT_SECRET: cannot read /c/odys-jwt-secret: Is a directory"])
        #expect(Self.problems(changes) == [])
    }

    // MARK: Not UTF-8

    @Test("variable not UTF-8: one problem, by name", arguments: Setting.allCases)
    func bytesThatAreNotTextAreAProblem(_ setting: Setting) {
        #expect(Self.problems([:], notUTF8: [setting.name]) == ["\(setting.name): is not UTF-8 text"])
    }

    @Test("variable not UTF-8: file names, unknown ones and the credentials' directory too; others do not matter")
    func otherVariablesOfOursAreProblemsToo() {
        let ours: Set = ["ODYS_SMTP_PASSWORD_FILE", "ODYS_FOO", "EVOLUTION_FOO", "CREDENTIALS_DIRECTORY"]
        let problems = Self.problems([:], notUTF8: ours.union(["PATH", "LANG"]))
        #expect(Set(problems) == Set(ours.map { "\($0): is not UTF-8 text" }) && problems.count == ours.count)
    }

    @Test("parts: only the variables that a part reads can be its problem")
    func aPartReadsItsOwnVariables() throws {
        let source = SettingsSamples.source(SettingsSamples.least, notUTF8: ["ODYS_PAYLOAD_DAYS"])
        #expect(throws: Never.self) { _ = try (DatabaseSettings(source), MessagingSettings(source)) }
        #expect(throws: SettingsError(problems: ["ODYS_PAYLOAD_DAYS: is not UTF-8 text"])) { try Retention(source) }
    }
}
