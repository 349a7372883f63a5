import OdysCore
import Testing

@testable import OdysStore

@Suite("History: a bound for every list, whatever others insert") struct HistoryPageTests {
    let database: TestDatabase
    let fixture: Fixture

    init() throws {
        database = try TestDatabase()
        fixture = try Fixture(database)
    }

    /// An appointment with so many events, two messages of each, and as many messages without a version.
    private func appointment(events: Int, plain: Int) throws -> AppointmentID {
        let id = try fixture.appointment()
        try database.run(
            "UPDATE appointments SET version = ? WHERE id = ?", .integer(events + 1), .text(id.description))
        try database.run(
            """
            INSERT INTO appointment_events (appointment_id, version, action, actor_user_id, actor_role, from_status,
                to_status, from_payment_status, to_payment_status, request_id, marker, created_at)
            SELECT ?, seq + 1, 'paid', 'u', 'professional', 'confirmed', 'confirmed', 'none', 'captured', 'r',
                UNHEX(MD5(CONCAT(?, seq))), '2030-01-01' + INTERVAL seq SECOND FROM seq_1_to_20000 WHERE seq <= ?
            """, .text(id.description), .text(id.description), .integer(events))
        for role in Role.allCases {
            try database.run(
                """
                INSERT INTO outbox (appointment_id, appointment_version, channel, recipient_role, recipient, template,
                    payload, created_at)
                SELECT ?, seq + 1, 'whatsapp', ?, '1', 'x', '{}', '2030-01-01' + INTERVAL seq SECOND
                FROM seq_1_to_20000 WHERE seq <= ?
                """, .text(id.description), .text(role), .integer(events))
        }
        try database.run(
            """
            INSERT INTO outbox (appointment_id, channel, recipient_role, recipient, template, payload, created_at)
            SELECT ?, 'whatsapp', 'client', '1', 'plain', '{}', '2030-01-01' + INTERVAL seq SECOND
            FROM seq_1_to_20000 WHERE seq <= ?
            """, .text(id.description), .integer(plain))
        return id
    }

    /// Rows and index entries that the server read for the body.
    private func reads(_ connection: Connection, _ body: () throws -> Void) throws -> Int {
        func count() throws -> Int {
            try connection.transaction { connection throws(StoreError) in
                try connection.query(
                    """
                    SELECT CAST(SUM(VARIABLE_VALUE) AS INTEGER) FROM information_schema.SESSION_STATUS
                    WHERE VARIABLE_NAME LIKE 'Handler_read%'
                    """, [], operation: "count reads")[0].integer(0)
            }
        }
        let (start, idle) = (try count(), try count())
        try body()
        return try count() - idle - (idle - start)
    }

    private func history(
        _ id: AppointmentID, _ user: UserID? = nil, before: Int? = nil, _ connection: Connection? = nil
    ) throws -> AppointmentHistory {
        let wanted = ReadRequest(userID: user ?? fixture.professionalUser, before: before)
        let reader = AppointmentReader(try connection ?? database.connection())
        return try #require(try reader.history(of: id, wanted))
    }

    @Test("history, timeline: the rows read are bounded, for both sides and every page")
    func aLongHistoryCostsWhatItsPageCosts() throws {
        let id = try appointment(events: 20_000, plain: 20_000)
        _ = try database.rows("ANALYZE TABLE appointment_events, outbox")
        let connection = try database.connection()
        for user in [fixture.professionalUser, fixture.clientUser] {
            for before in [nil, 20_001, 10_000, 300] {
                let read = try reads(connection) {
                    let page = try history(id, user, before: before, connection)
                    #expect(page.events.count == 200 && page.messages.count == 200 && page.hasMore)
                    #expect(page.events.map(\.version) == page.events.map(\.version).sorted())
                    #expect(page.messages.map(\.createdAt) == page.messages.map(\.createdAt).sorted())
                    #expect(page.events.last?.version == (before ?? 20_002) - 1)
                    #expect(page.messages.last?.version == before.map { $0 - 1 })
                }
                #expect(read < 5_000, "\(read) for \(user) before \(String(describing: before))")
            }
        }
        let told = try reads(connection) {
            let timeline = try #require(try Timeline.read(id, connection))
            #expect(timeline.events.count == 200 && timeline.messages.count == 200 && timeline.hasMore)
        }
        #expect(told < 10_000)
        let stranger = try reads(connection) {
            let page = try history(id, UserID("x"), connection)
            #expect(page.events.isEmpty)
        }
        #expect(stranger < 20)
    }

    @Test("history: each list is complete over its pages")
    func thePagesOfEachListAreTheWhole() throws {
        let id = try appointment(events: 501, plain: 0)
        var versions: [Int] = []
        var before: Int?
        repeat {
            let page = try history(id, before: before)
            versions = page.events.map(\.version) + versions
            before = page.hasMore ? page.events.first?.version : nil
        } while before != nil
        #expect(versions == Array(2...502))
        for (user, count) in [(fixture.professionalUser, 1_002), (fixture.clientUser, 501)] {
            var uids: Set<String> = []
            var page = try history(id, user)
            // The oldest version of a page may be cut, so the next one begins with it.
            while case let count = uids.count, page.hasMore {
                uids.formUnion(page.messages.map(\.uid))
                #expect(uids.count > count)
                page = try history(id, user, before: (page.messages.compactMap(\.version).min() ?? 0) + 1)
            }
            uids.formUnion(page.messages.map(\.uid))
            #expect(uids.count == count)
        }
    }

    @Test("history: 200 of each are whole, one more is not", arguments: [(200, false), (201, true)])
    func twoHundredAreWhole(_ count: Int, _ hasMore: Bool) throws {
        let plain = try history(try appointment(events: 0, plain: count))
        #expect(plain.messages.count == 200 && plain.events.isEmpty && plain.hasMore == hasMore)
        let own = try history(try appointment(events: count, plain: 0), fixture.clientUser)
        #expect(own.messages.count == 200 && own.events.count == 200 && own.hasMore == hasMore)
        #expect(own.messages.allSatisfy { $0.role == .client })
    }

    @Test("messages to a phone: found beyond a page of others with the same last digits")
    func aSearchReadsPageByPage() throws {
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload)
            SELECT 'whatsapp', 'client', IF(seq <= 3, '5511987654321', '5521987654321'), 'x', '{}' FROM seq_1_to_1200
            """)
        let admin = OutboxAdmin(try database.connection())
        for (limit, found) in [(2, 2), (50, 3)] {
            let entries = try admin.messages(
                to: .phone("5511987654321"), state: nil, withinHours: nil, limit: limit)
            #expect(entries.map(\.recipient) == Array(repeating: "5511987654321", count: found))
        }
        #expect(
            try admin.messages(to: .phone("5521987654321"), state: .pending, withinHours: 1, limit: 700).count == 700)
    }

    @Test("customers: found page by page, at most so many")
    func customersAreFoundPageByPage() throws {
        try database.run(
            """
            INSERT INTO clients (professional_id, name, phone)
            SELECT ?, CONCAT('Bia ', seq), IF(seq % 40 = 0, '2', '1') FROM seq_1_to_1200
            """, .text(fixture.professional))
        let store = try #require(
            try ProfessionalStore(try database.connection(), professional: fixture.professional))
        #expect(try store.customers(limit: 1_000) { $0 == "2" }.count == 30)
        #expect(try store.customers(limit: 20) { $0 == "2" }.count == 20)
        #expect(try store.customers(limit: 20) { $0 == "3" }.isEmpty)
    }

    @Test("outbox: of a payload only so much is read")
    func aPayloadIsReadUpToALimit() throws {
        try database.run(
            """
            INSERT INTO outbox (channel, recipient_role, recipient, template, payload)
            VALUES ('whatsapp', 'client', '5511987654321', 'reminder_24h', JSON_QUOTE(REPEAT('é', 5000000)))
            """)
        let entry = try #require(try OutboxAdmin(try database.connection()).list(OutboxAdmin.Filter()).first)
        #expect(entry.payload.unicodeScalars.count == Limits.payloadScalarsMax)
        let store = OutboxStore(
            try database.connection(), channel: .whatsapp, exclusions: 1,
            makeLeaseToken: { [UInt8](repeating: 1, count: 16) })
        guard case .claimed(let message) = try store.claim(passingOver: []) else {
            Issue.record("nothing was claimed")
            return
        }
        #expect(message.payload.unicodeScalars.count == Limits.payloadScalarsMax)
    }
}
