internal import Crypto

/// What makes a repeated request recognisable: hashes, so that no key or user id is stored.
public struct IdempotencyKey: Sendable, Equatable {
    /// SHA-256 of the caller's user id: keys of different callers are different keys.
    public let actorHash: [UInt8]
    public let keyHash: [UInt8]
    /// SHA-256 of method, path and body. The body counts as a value: other blanks or another order of its members are
    /// the same request.
    public let fingerprint: [UInt8]

    public init(key: String, actor: UserID, method: String, path: String, body: JSON) {
        actorHash = IdempotencyKey.hash(actor.text.utf8)
        keyHash = IdempotencyKey.hash(key.utf8)
        fingerprint = IdempotencyKey.hash("\(method)\n\(path)\n\(body.canonical.text)".utf8)
    }

    /// The key in the field `Idempotency-Key`: a token, or a structured-field string (RFC 9651) with the same meaning.
    /// Returns nil where there is no such field; a failure where it cannot be used.
    static func key(in field: Request.Field) -> Result<String?, Refusal> {
        switch field {
        case .absent: return .success(nil)
        case .repeated: return .failure(.invalidHeader)
        case .one(let value):
            guard value.utf8.allSatisfy(\.isVisibleASCII) else { return .failure(.invalidHeader) }
            var key = value[...]
            if key.hasPrefix("\"") {
                guard key.utf8.count >= 2, key.hasSuffix("\"") else { return .failure(.invalidHeader) }
                key = key.dropFirst().dropLast()
            }
            return (1...255).contains(key.utf8.count) ? .success(String(key)) : .failure(.invalidHeader)
        }
    }

    private static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        SHA256.hash(data: Array(bytes)).withUnsafeBytes { Array($0) }
    }
}

/// The answer to a request, as it is stored for its repetition.
public struct StoredAnswer: Sendable, Equatable {
    public let status: Int
    public let etag: String
    public let body: [UInt8]

    public init(status: Int, etag: String, body: [UInt8]) {
        self.status = status
        self.etag = etag
        self.body = body
    }
}

/// Versions of an appointment with which a request is not carried out (`If-None-Match`).
public enum ExcludedVersions: Sendable, Equatable {
    case all
    case only([Int])

    func contains(_ version: Int) -> Bool {
        switch self {
        case .all: true
        case .only(let versions): versions.contains(version)
        }
    }
}

/// What a request says of the version that it is meant for (RFC 9110, 13.1).
enum Precondition {
    /// The versions in `If-None-Match`: `*`, or a list of entity tags, which are compared weakly.
    ///
    /// - Parameter list: nil where there is no such field.
    static func excluded(in list: String?) -> Result<ExcludedVersions, Refusal> {
        guard let list else { return .success(.only([])) }
        if list == "*" { return .success(.all) }
        // What stands between quotation marks, and every other part is a tag.
        let parts = list.utf8.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count > 1, parts.count % 2 == 1, list.utf8.count <= Limits.headerBytesMax else {
            return .failure(.invalidHeader)
        }
        for index in stride(from: 0, to: parts.count, by: 2) {
            let between = parts[index].filter { $0 != " " && $0 != "\t" }
            let rest = between.drop { $0 == "," }
            let isLast = index == parts.count - 1
            guard rest.isEmpty || rest == "W/" && !isLast, index == 0 || isLast || between.hasPrefix(",") else {
                return .failure(.invalidHeader)
            }
        }
        // A tag that is no version of ours matches none.
        return .success(.only(stride(from: 1, to: parts.count, by: 2).compactMap { Int(digits: parts[$0]) }))
    }

    /// The version in `If-Match`, which the caller has seen.
    ///
    /// - Returns: nil where any version will do; a failure where the field cannot be used. Only a version that we
    ///   could have sent is one: no weak tags, no lists.
    static func version(in field: Request.Field) -> Result<Int?, Refusal> {
        switch field {
        case .absent, .one("*"): return .success(nil)
        case .repeated: return .failure(.invalidHeader)
        case .one(let value):
            guard value.utf8.count >= 3, value.hasPrefix("\""), value.hasSuffix("\"") else {
                return .failure(.invalidHeader)
            }
            let digits = value.dropFirst().dropLast()
            guard let version = Int(digits), String(version) == digits, version >= 0 else {
                return .failure(.invalidHeader)
            }
            return .success(version)
        }
    }
}

extension JSON {
    /// The same value with the members of every object in the order of their names' bytes.
    fileprivate var canonical: JSON {
        switch self {
        case .null, .bool, .integer, .number, .string: self
        case .array(let elements): .array(elements.map(\.canonical))
        case .object(let members):
            .object(
                members.map { Member($0.name, $0.value.canonical) }
                    .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) })
        }
    }
}
