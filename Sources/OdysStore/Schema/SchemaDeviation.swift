public import OdysCore

/// One thing in which the tables are not what the statements of this program need.
public struct SchemaDeviation: Sendable, Equatable, CustomStringConvertible {
    /// A table, or its column or key, such as `appointments.starts_at`.
    public let subject: String
    public let cause: String
    /// A statement where there is one.
    public let remedy: String
    /// Whether it is missing, or its account may not see it.
    public let isAbsence: Bool

    public var description: String { "\(subject) \(cause)" }

    init(_ subject: String, _ cause: String, _ remedy: String, isAbsence: Bool = false) {
        self.subject = subject
        self.cause = cause
        self.remedy = remedy
        self.isAbsence = isAbsence
    }
}

extension SchemaDeviation {
    /// What deviates now; what later migrations make may be missing.
    ///
    /// Another program's table of migrations says nothing about the rest, so it is named alone.
    public static func all(_ connection: Connection) throws(StoreError) -> [SchemaDeviation] {
        try connection.connect()
        let found = try connection.transaction { connection throws(StoreError) in try FoundSchema(connection) }
        let record = deviations(of: NeededTable.migrations, found, version: 0)
        if !record.isEmpty {
            return record.map { each in
                SchemaDeviation(
                    each.subject, "\(each.cause): another program's table",
                    "let that program use another name for its table (docs/DEPLOY.md)")
            }
        }
        let version = try Migrations.schemaVersion(connection)
        return NeededTable.all.flatMap { deviations(of: $0, found, version: version) }
    }

    private static func deviations(of needed: NeededTable, _ found: FoundSchema, version: Int) -> [SchemaDeviation] {
        let name = needed.name
        let restore = "restore it from a backup, or run the files of sql/ again, which add what is missing"
        guard let table = found.tables[name] else {
            // The first migration makes those of the platform.
            if version < max(needed.since, 1) { return [] }
            return [SchemaDeviation(name, "is missing", restore, isAbsence: true)]
        }
        var all: [SchemaDeviation] = []
        if table.engine != "InnoDB" {
            all.append(
                SchemaDeviation(
                    name, table.engine.isEmpty ? "is no table of its own" : "has the engine \(table.engine)",
                    table.engine.isEmpty ? "make it a table instead of a view" : "ALTER TABLE \(name) ENGINE = InnoDB"))
        }
        for column in needed.columns {
            guard let existing = table.columns[column.name] else {
                if version < column.since { continue }
                let add = "ALTER TABLE \(name) ADD COLUMN \(column.name) \(column.definition)"
                all.append(
                    SchemaDeviation(
                        "\(name).\(column.name)", "is missing", column.since + needed.since > 0 ? restore : add,
                        isAbsence: true))
                continue
            }
            if let cause = column.deviation(of: existing) {
                all.append(SchemaDeviation("\(name).\(column.name)", cause, column.remedy(of: existing, in: name)))
            }
        }
        if let inserted = needed.inserted {
            for (column, existing) in table.columns.sorted(by: { $0.key < $1.key })
            where existing.needsValue && !inserted.contains(column) {
                let value = column == "id" && existing.dataType == "uuid" ? "UUID()" : "…"
                all.append(
                    SchemaDeviation(
                        "\(name).\(column)", "takes no NULL and has no default",
                        "ALTER TABLE \(name) ALTER COLUMN `\(column)` SET DEFAULT \(value)"))
            }
        }
        for key in needed.keys where version >= key.since && !table.has(key) {
            let label = key.name.map { "\(name), key \($0)" } ?? name
            let columns = key.columns.joined(separator: ", ")
            all.append(
                SchemaDeviation(
                    label, "has no \(key.isUnique ? "unique key" : "index") (\(columns)) that can be used",
                    key.remedy(name), isAbsence: true))
        }
        return all
    }
}

extension NeededKey {
    fileprivate func remedy(_ table: String) -> String {
        let list = columns.joined(separator: ", ")
        if name == "PRIMARY" || name == nil && columns == ["id"] {
            return "ALTER TABLE \(table) ADD PRIMARY KEY (\(list))"
        }
        return "ALTER TABLE \(table) ADD \(isUnique ? "UNIQUE " : "")INDEX \(name.map { "\($0) " } ?? "")(\(list))"
    }
}

extension NeededColumn {
    fileprivate func remedy(of existing: FoundSchema.Column, in table: String) -> String {
        if form == .uuid { return "docs/DEPLOY.md has the statements, with those for the foreign keys" }
        var statements: [String] = []
        // A TIMESTAMP becomes a DATETIME of the session's zone.
        if existing.dataType == "timestamp" { statements.append("SET time_zone = '+00:00'") }
        if existing.isNullable, null == .never, form == .text || defaultValue != nil {
            statements.append(
                "UPDATE \(table) SET \(name) = \(defaultValue ?? "''") WHERE \(name) IS NULL")
        }
        let fits = mismatch(with: existing) == nil
        statements.append(
            "ALTER TABLE \(table) MODIFY \(name) \(fits ? "\(existing.columnType) \(constraints)" : definition)")
        return statements.joined(separator: "; ")
    }

    /// How an existing column deviates; nil where the statements can live with it.
    fileprivate func deviation(of existing: FoundSchema.Column) -> String? {
        if let needs = mismatch(with: existing) {
            return "is \(existing.columnType)\(existing.charset(where: needs)) and must be \(needs)"
        }
        switch null {
        case .never: return existing.isNullable ? "may be NULL" : nil
        case .needed: return existing.isNullable ? nil : "must take NULL"
        case .either: return nil
        }
    }

    /// What its type must be instead.
    private func mismatch(with existing: FoundSchema.Column) -> String? {
        let type = existing.dataType
        let texts = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"]
        switch form {
        case .uuid: return type == "uuid" ? nil : "UUID"
        case .instant(let digits):
            return type == "datetime" && existing.digits >= digits
                ? nil : digits > 0 ? "DATETIME(\(digits))" : "DATETIME"
        case .integer:
            return ["tinyint", "smallint", "mediumint", "int", "bigint"].contains(type) ? nil : "an integer"
        case .text:
            let readable = texts + ["uuid", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"]
            return readable.contains(type) ? nil : "a text"
        case .written(let length):
            let holds = type == "uuid" ? 36 : texts.contains(type) ? existing.length : 0
            if holds < length { return "a text of \(length) characters" }
            return type == "uuid" || existing.characterSet == "utf8mb4" ? nil : "of the character set utf8mb4"
        case .words(let values):
            let missing = type == "enum" ? values.filter { !existing.columnType.contains("'\($0)'") } : []
            let longest = values.map(\.utf8.count).max() ?? 0
            if !texts.contains(type) || existing.length < longest && type != "enum" {
                return "an ENUM or a text of \(longest) characters"
            }
            return missing.isEmpty ? nil : "one that has \(missing.joined(separator: ", "))"
        case .bytes(let length):
            let fits = type == "binary" ? existing.length == length : type == "varbinary" && existing.length >= length
            return fits ? nil : "BINARY(\(length))"
        }
    }
}

/// The tables that are there, by information_schema.
private struct FoundSchema {
    struct Column {
        let dataType: String
        let columnType: String
        let isNullable: Bool
        /// Characters of a text, bytes of a binary one.
        let length: Int
        let digits: Int
        let characterSet: String
        /// Whether a row cannot be inserted without it. An ENUM takes its first value.
        let needsValue: Bool

        func charset(where needs: String) -> String {
            needs.hasPrefix("of the character set") ? " of \(characterSet)" : ""
        }
    }

    struct Table {
        /// Empty for a view.
        let engine: String
        var columns: [String: Column] = [:]
        /// The columns of each index that the server may use, in order.
        var keys: [String: (columns: [String], isUnique: Bool)] = [:]

        func has(_ needed: NeededKey) -> Bool {
            keys.contains { name, key in
                (needed.name ?? name) == name && (key.isUnique || !needed.isUnique)
                    && (needed.isUnique
                        ? key.columns.sorted() == needed.columns.sorted() : key.columns.starts(with: needed.columns))
            }
        }
    }

    private(set) var tables: [String: Table] = [:]

    init(_ connection: Connection) throws(StoreError) {
        for row in try connection.query(
            "SELECT table_name, COALESCE(engine, '') FROM information_schema.tables WHERE table_schema = DATABASE()",
            operation: "look at the tables")
        { tables[try row.text(0)] = Table(engine: try row.text(1)) }
        for row in try connection.query(Self.columns, operation: "look at the columns") {
            tables[try row.text(0)]?.columns[try row.text(1)] = Column(
                dataType: try row.text(2), columnType: try row.text(3), isNullable: try row.bool(4),
                length: try row.integer(5), digits: try row.integer(6), characterSet: try row.text(7),
                needsValue: try row.bool(8))
        }
        for row in try connection.query(Self.keys, operation: "look at the keys") {
            let (table, key) = (try row.text(0), try row.text(1))
            let columns = (tables[table]?.keys[key]?.columns ?? []) + [try row.text(2)]
            tables[table]?.keys[key] = (columns, try row.bool(3))
        }
    }

    private static let columns = """
        SELECT table_name, column_name, data_type, column_type, is_nullable = 'YES',
            CAST(LEAST(COALESCE(character_maximum_length, 0), 1000000000) AS SIGNED),
            CAST(COALESCE(datetime_precision, 0) AS SIGNED), COALESCE(character_set_name, ''),
            is_nullable = 'NO' AND column_default IS NULL AND data_type <> 'enum' AND is_generated = 'NEVER'
                AND extra NOT LIKE '%auto_increment%'
        FROM information_schema.columns WHERE table_schema = DATABASE()
        """

    /// An ignored index is none. A part of a text is not its column.
    private static let keys = """
        SELECT table_name, index_name, CONCAT(column_name, IF(sub_part IS NULL, '', '(…)')), non_unique = 0
        FROM information_schema.statistics WHERE table_schema = DATABASE() AND ignored = 'NO'
        ORDER BY table_name, index_name, seq_in_index
        """
}
