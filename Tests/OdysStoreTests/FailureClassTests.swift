import Foundation
import OdysCore
import Testing

@testable import OdysStore

@Suite("Failures: each error of the server has a class") struct FailureClassTests {
    @Test("failures: each number stands in one class")
    func eachNumberHasOneClass() {
        let codes = FailureClass.table.flatMap(\.codes)
        #expect(codes.count > 120)
        #expect(codes.count == Set(codes).count)
    }

    @Test(
        "failures: numbers → kind",
        arguments: [
            (1213, .deadlock), (1615, .deadlock), (1205, .timeout), (2013, .connectionLost), (1180, .connectionLost),
            (1040, .refusing), (1461, .refusing), (4151, .refusing), (1698, .refusing), (1665, .refusing),
            (1045, .refusing), (1862, .refusing), (1130, .refusing), (1290, .refusing), (1021, .refusing),
            (1047, .refusing), (1142, .refusing), (1049, .schema), (1054, .schema), (1364, .schema), (1449, .schema),
            (1644, .schema), (1062, .schema), (1406, .schema), (1064, .unexpected), (45_001, .unexpected),
            (1_105, .unknown), (0, .unknown), (9_999, .unknown),
        ] as [(Int32, StoreError.Kind)])
    func numbersHaveKinds(_ code: Int32, _ kind: StoreError.Kind) {
        #expect(FailureClass(code: code, sqlState: "HY000").kind == kind)
    }

    @Test("failures: SQLSTATE 45000 with a number of its own is a trigger's; ours are ours")
    func aSignalIsATriggers() {
        #expect(FailureClass(code: 31_001, sqlState: "45000").kind == .schema)
        #expect(FailureClass(code: 45_002, sqlState: "45000").kind == .unexpected)
    }

    @Test("failures: unavailable but for our own bugs; every kind has a remedy, an unknown one its number")
    func onlyBugsAreInternal() {
        for kind in StoreError.Kind.allCases {
            let error = StoreError(kind: kind, code: 9_999, sqlState: "HY000", operation: "read")
            #expect(error.isUnavailability == (kind != .unexpected))
            #expect(!error.remedy.isEmpty)
            #expect("\(error)".contains("error 9999"))
        }
    }

    @Test(
        "connect: the account's fault is named, and never a bug of ours",
        arguments: [
            ("IDENTIFIED BY 'x' ACCOUNT LOCK", "x", 4_151, "locked"),
            ("IDENTIFIED VIA unix_socket", "x", 1_698, "does not log in by a password"),
            ("IDENTIFIED BY 'x'", "y", 1_045, "login is refused"),
            ("IDENTIFIED BY 'x' PASSWORD EXPIRE", "x", 1_820, "expired"),
            ("IDENTIFIED BY 'x' WITH MAX_CONNECTIONS_PER_HOUR 1", "x", 1_226, "no connection left"),
            ("IDENTIFIED BY 'x'", "x", 1_044, "may not use the database"),
        ])
    func theAccountsFaultIsNamed(_ identified: String, _ password: String, _ code: UInt32, _ words: String) throws {
        let database = try TestDatabase()
        let user = "odys_" + UUID().uuidString.prefix(8).lowercased()
        try database.run("CREATE USER \(user)@localhost \(identified)")
        defer { #expect(throws: Never.self) { try database.run("DROP USER \(user)@localhost") } }
        if code != 1_044 { try database.run("GRANT SELECT ON \(database.name).* TO \(user)@localhost") }
        let settings = try database.settings(database: database.name, user: user, password: password)
        // The limited account may connect once.
        if code == 1_226 { try Connection(settings).connect() }
        let failure = #expect(throws: StoreError.self) { try Connection(settings).connect() }
        #expect(failure?.code == code)
        #expect(failure?.isUnavailability == true)
        #expect(failure?.cause?.words.contains(words) == true)
    }

    @Test("connect: a server that does not take the session → refusing")
    func aForeignServerIsNoBug() {
        let error = StoreError(kind: .unexpected, code: 1_193, sqlState: "HY000", operation: "set up the session")
        #expect(error.atConnect.kind == .refusing)
        #expect(error.atConnect.code == 1_193)
    }
}

/// Triggers that the platform adds while this program runs.
@Suite("Failures: triggers of the platform") struct TriggerTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
        try database.run("CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY)")
    }

    @Test(
        "act: a trigger is created beneath a prepared statement → the next action of each shape succeeds",
        arguments: ["appointments", "appointment_events", "notifications", "outbox"])
    func aNewTriggerCostsNoRequest(table: String) throws {
        let connection = try database.connection()
        let store = try fixture.store(connection)
        for (hour, action) in ["confirm", "reject", "cancel"].enumerated() {
            let id = try fixture.appointment(hour: 2 * hour)
            #expect(try store.act(id, fixture.request(action), requestID: "r").change != nil)
        }
        let event = table == "appointments" ? "UPDATE" : "INSERT"
        try database.connection(.migration).executeScript(
            "CREATE TRIGGER watching AFTER \(event) ON \(table) FOR EACH ROW INSERT INTO seen VALUES ()",
            operation: "create a trigger")
        for (hour, action) in ["confirm", "reject", "cancel"].enumerated() {
            let id = try fixture.appointment(hour: 20 + 2 * hour)
            #expect(try store.act(id, fixture.request(action), requestID: "r").change != nil, "\(action)")
        }
        #expect(try database.count("seen") > 0)
        try database.connection(.migration).executeScript("DROP TRIGGER watching", operation: "drop the trigger")
        let id = try fixture.appointment(hour: 40)
        #expect(try store.act(id, fixture.request("confirm"), requestID: "r").change != nil)
    }

    @Test(
        "act: a trigger that fails → unavailable, with its cause",
        arguments: [
            ("DEFINER = nobody@nowhere", "INSERT INTO seen VALUES ()", "definer of a trigger"),
            ("", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Camila'", "a trigger"),
            ("", "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = 'Camila'", "a trigger"),
            ("", "INSERT INTO seen_no_more VALUES ()", "1146"),
        ])
    func aFailingTriggerIsNamed(definer: String, body: String, words: String) throws {
        let id = try fixture.appointment()
        try database.connection(.migration).executeScript(
            "CREATE \(definer) TRIGGER failing BEFORE INSERT ON notifications FOR EACH ROW \(body)",
            operation: "create a trigger")
        let failure = #expect(throws: StoreError.self) {
            try fixture.store().act(id, fixture.request("confirm"), requestID: "r")
        }
        #expect(failure?.kind == .schema)
        #expect("\(failure!)".contains(words) && !"\(failure!)".contains("Camila"))
        #expect(try database.count("appointments WHERE status = 'confirmed'") == 0)
    }
}
