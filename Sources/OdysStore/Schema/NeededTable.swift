internal import OdysCore

/// What the statements of this program need of one table: the one description, beside the files of `sql/`, which make
/// it so. All else is lived with: further columns, more values of an ENUM, wider texts, invisible columns, any
/// collation.
struct NeededTable {
    let name: String
    /// The migration that makes it; 0 for a table of the platform.
    let since: Int
    let columns: [NeededColumn]
    let keys: [NeededKey]
    /// The columns that every row is inserted with, so that all others need a default; nil where none is inserted.
    let inserted: [String]?

    init(_ name: String, since: Int, _ columns: [NeededColumn], _ keys: [NeededKey], inserted: [String]? = nil) {
        self.name = name
        self.since = since
        self.columns = columns
        self.keys = keys
        self.inserted = inserted
    }
}

struct NeededColumn {
    enum Form: Equatable {
        case uuid
        /// `DATETIME` with so many digits of a second. Not `TIMESTAMP`, which ends in 2038, and may set itself.
        case instant(digits: Int)
        case integer
        /// A text that is only read.
        case text
        /// A text that is also written: so many characters of utf8mb4.
        case written(Int)
        /// The values of one of our enumerations, as an ENUM or a text.
        case words([String])
        /// Exactly so many bytes.
        case bytes(Int)
    }

    /// Whether it is read as a value, written as NULL, or neither.
    enum Nullability { case never, needed, either }

    let name: String
    let form: Form
    let null: Nullability
    /// Where the platform inserts without it.
    let defaultValue: String?
    /// The migration that adds it; where its schema is older, it may be missing.
    let since: Int

    init(_ name: String, _ form: Form, null: Nullability = .never, default value: String? = nil, since: Int = 0) {
        self.name = name
        self.form = form
        self.null = null
        defaultValue = value
        self.since = since
    }

    /// As the files of `sql/` define it.
    var definition: String { "\(type) \(constraints)" }

    /// What follows the type.
    var constraints: String {
        (null == .never ? "NOT NULL" : "NULL") + (defaultValue.map { " DEFAULT \($0)" } ?? "")
    }

    private var type: String {
        switch form {
        case .uuid: "UUID"
        case .instant: "DATETIME(6)"
        case .integer: "INT"
        case .text: "TEXT"
        case .written(let length): length > 255 ? "TEXT" : "VARCHAR(\(length))"
        case .words(let values): "ENUM(\(values.map { "'\($0)'" }.joined(separator: ", ")))"
        case .bytes(let length): "BINARY(\(length))"
        }
    }
}

struct NeededKey {
    let columns: [String]
    let isUnique: Bool
    /// A statement names it.
    let name: String?
    let since: Int

    static func unique(_ columns: String...) -> NeededKey {
        NeededKey(columns: columns, isUnique: true, name: nil, since: 0)
    }

    static func named(_ name: String, _ columns: String..., isUnique: Bool = false, since: Int = 0) -> NeededKey {
        NeededKey(columns: columns, isUnique: isUnique, name: name, since: since)
    }
}

extension NeededTable {
    static let all = [migrations] + platform + own

    /// A platform's framework may have a table of this name.
    static let migrations = NeededTable(
        "schema_migrations", since: 0,
        [
            NeededColumn("version", .integer), NeededColumn("name", .written(100)),
            NeededColumn("checksum", .written(64), null: .needed),
        ], [.unique("version")], inserted: ["version", "name"])

    private static let statuses = Status.allCases.map(\.rawValue)
    private static let payments = PaymentStatus.allCases.map(\.rawValue)
    private static let roles = Role.allCases.map(\.rawValue)
    private static let channels = Channel.allCases.map(\.rawValue)

    /// Without what only `odysctl timeline` and the tools of `odysctl mcp` read.
    private static let platform = [
        NeededTable(
            "professionals", since: 0,
            [
                NeededColumn("id", .uuid), NeededColumn("user_id", .text), NeededColumn("name", .text),
                NeededColumn("slug", .text), NeededColumn("phone", .text),
            ], [.unique("id")]),
        NeededTable(
            "clients", since: 0,
            [
                NeededColumn("id", .uuid), NeededColumn("user_id", .text, null: .either),
                NeededColumn("professional_id", .uuid), NeededColumn("name", .text), NeededColumn("phone", .text),
                NeededColumn("email", .text, null: .either),
            ], [.unique("id")]),
        NeededTable(
            "appointments", since: 0,
            [
                NeededColumn("id", .uuid), NeededColumn("professional_id", .uuid), NeededColumn("client_id", .uuid),
                NeededColumn("starts_at", .instant(digits: 0)), NeededColumn("ends_at", .instant(digits: 0)),
                NeededColumn("status", .words(statuses), default: sqlList([Status.pendingConfirmation])),
                NeededColumn("payment_status", .words(payments), default: sqlList([PaymentStatus.none])),
                NeededColumn("version", .integer, default: "1", since: 1),
                NeededColumn("updated_at", .instant(digits: 0), default: "(UTC_TIMESTAMP(6))", since: 1),
            ], [.unique("id"), .named("appointments_slot", "professional_id", "ends_at", "starts_at", since: 1)]),
        NeededTable(
            "notifications", since: 0,
            [
                NeededColumn("id", .uuid), NeededColumn("recipient_id", .written(36)),
                NeededColumn("recipient_type", .words(roles)),
                NeededColumn("type", .words(NotificationType.allCases.map(\.rawValue))),
                NeededColumn("title", .written(60)), NeededColumn("body", .written(Limits.notificationScalarsMax)),
                NeededColumn("appointment_id", .uuid, null: .either, since: 1),
            ], [],
            inserted: [
                "recipient_id", "recipient_type", "type", "title", "body", "created_at", "appointment_id",
            ]),
    ]

    private static let own = [
        NeededTable(
            "appointment_events", since: 2,
            [
                NeededColumn("appointment_id", .uuid), NeededColumn("version", .integer),
                NeededColumn("action", .words(AppointmentAction.allCases.map(\.rawValue))),
                NeededColumn("actor_user_id", .written(64)), NeededColumn("actor_role", .words(roles)),
                NeededColumn("reason", .written(500), null: .needed), NeededColumn("from_status", .words(statuses)),
                NeededColumn("to_status", .words(statuses)), NeededColumn("from_payment_status", .words(payments)),
                NeededColumn("to_payment_status", .words(payments)), NeededColumn("request_id", .text),
                NeededColumn("marker", .bytes(16)), NeededColumn("created_at", .instant(digits: 6)),
            ], [.unique("appointment_id", "version"), .unique("marker")],
            inserted: [
                "appointment_id", "version", "action", "actor_user_id", "actor_role", "reason", "from_status",
                "to_status", "from_payment_status", "to_payment_status", "request_id", "marker", "created_at",
            ]),
        NeededTable(
            "outbox", since: 2,
            [
                NeededColumn("id", .integer), NeededColumn("message_uid", .uuid),
                NeededColumn("appointment_id", .uuid, null: .needed),
                NeededColumn("appointment_version", .integer, null: .needed),
                NeededColumn("channel", .words(channels)), NeededColumn("recipient_role", .words(roles)),
                NeededColumn("recipient", .written(255)), NeededColumn("template", .written(64)),
                NeededColumn("payload", .written(4_000)),
                NeededColumn("state", .words(OutboxState.allCases.map(\.rawValue))),
                NeededColumn("attempts", .integer), NeededColumn("lost_claims", .integer),
                NeededColumn("unclear", .integer), NeededColumn("available_at", .instant(digits: 6)),
                NeededColumn("expires_at", .instant(digits: 6)), NeededColumn("lease_token", .bytes(16), null: .needed),
                NeededColumn("provider_id", .written(255), null: .needed),
                NeededColumn("last_error", .written(255), null: .needed),
                NeededColumn("created_at", .instant(digits: 6)),
                NeededColumn("finished_at", .instant(digits: 6), null: .needed),
                NeededColumn("emptied_at", .instant(digits: 6), null: .needed, since: 4),
            ],
            [
                .named("PRIMARY", "id", isUnique: true), .unique("message_uid"),
                .named(
                    "outbox_once", "appointment_id", "appointment_version", "channel", "recipient_role",
                    isUnique: true),
                .named("outbox_claim", "state", "channel", "available_at", "id"),
                .named("outbox_finished", "emptied_at", "finished_at", since: 4),
                .named(
                    "outbox_history", "appointment_id", "recipient_role", "appointment_version", "created_at",
                    since: 5),
            ], inserted: ["channel", "recipient_role", "recipient", "template", "payload"]),
        NeededTable(
            "idempotency_keys", since: 2,
            [
                NeededColumn("actor_hash", .bytes(32)), NeededColumn("key_hash", .bytes(32)),
                NeededColumn("fingerprint", .bytes(32)), NeededColumn("status", .integer),
                NeededColumn("etag", .written(32), null: .needed), NeededColumn("body", .written(65_536)),
                NeededColumn("expires_at", .instant(digits: 6)),
            ], [.unique("actor_hash", "key_hash")],
            inserted: ["actor_hash", "key_hash", "fingerprint", "status", "body"]),
        NeededTable(
            "whatsapp_contexts", since: 2,
            [
                NeededColumn("phone", .text), NeededColumn("professional_id", .uuid),
                NeededColumn("appointment_id", .uuid), NeededColumn("expires_at", .instant(digits: 6)),
            ], [.unique("phone")], inserted: ["phone", "professional_id", "appointment_id", "expires_at"]),
        NeededTable(
            "channel_rate", since: 3,
            [NeededColumn("channel", .words(channels)), NeededColumn("next_at", .instant(digits: 6))],
            [.unique("channel")]),
        NeededTable(
            "operator_actions", since: 3,
            [
                NeededColumn("operator", .written(64)), NeededColumn("action", .written(32)),
                NeededColumn("outbox_id", .integer, null: .needed),
                NeededColumn("detail", .written(255), null: .needed),
                NeededColumn("created_at", .instant(digits: 6)),
            ], [], inserted: ["operator", "action"]),
    ]
}
