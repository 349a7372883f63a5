/// A request to act, as it reaches the rules.
public struct ActionRequest: Sendable, Equatable {
    /// Nil for an action that does not exist. Only a party of the appointment is told so.
    public let action: AppointmentAction?
    public let reason: String?
    public let userID: UserID
    /// The version that the caller has seen; nil where any will do.
    public let expectedVersion: Int?
    public let excludedVersions: ExcludedVersions
    public let idempotencyKey: IdempotencyKey?

    public init(
        action: AppointmentAction?, reason: String?, userID: UserID, expectedVersion: Int? = nil,
        excludedVersions: ExcludedVersions = .only([]), idempotencyKey: IdempotencyKey? = nil
    ) {
        self.action = action
        self.reason = reason
        self.userID = userID
        self.expectedVersion = expectedVersion
        self.excludedVersions = excludedVersions
        self.idempotencyKey = idempotencyKey
    }

    /// Reads a PATCH: its media type, its size, its body and the fields that steer it, in this order.
    static func plan(_ request: Request, _ id: AppointmentID, by userID: UserID) -> Plan {
        // nginx makes CONTENT_TYPE of the first field only, and passes each of them as HTTP_CONTENT_TYPE too.
        if request.field(.clientContentType) == .repeated { return .refuse(.invalidHeader) }
        if let refusal = mediaTypeRefusal(request.field(.contentType)) { return .refuse(refusal) }
        let bytes: [UInt8]
        switch request.body {
        case .tooLarge: return .refuse(.bodyTooLarge)
        case .broken: return .refuse(.malformedBody)
        case .bytes(let read): bytes = read
        }
        guard let body = try? JSON(reading: bytes), let action = body["action"]?.string,
            let reason = reason(in: body["reason"])
        else { return .refuse(.malformedBody) }
        guard case .success(let key) = IdempotencyKey.key(in: request.field(.idempotencyKey)),
            case .success(let version) = Precondition.version(in: request.field(.ifMatch)),
            case .success(let excluded) = Precondition.excluded(in: request.list(.ifNoneMatch))
        else { return .refuse(.invalidHeader) }
        return .act(
            id,
            ActionRequest(
                action: AppointmentAction(wire: action), reason: reason, userID: userID, expectedVersion: version,
                excludedVersions: excluded,
                idempotencyKey: key.map {
                    IdempotencyKey(key: $0, actor: userID, method: request.method, path: "\(id)", body: body)
                }))
    }

    private static func mediaTypeRefusal(_ field: Request.Field) -> Refusal? {
        switch field {
        case .absent: return .unsupportedMediaType
        case .repeated: return .invalidHeader
        // What nearly everybody sends.
        case .one("application/json"): return nil
        case .one(let value):
            let type = value.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
            return type == "application/json" && !value.contains(",") ? nil : .unsupportedMediaType
        }
    }

    /// The reason as it is kept: each line break (CR LF, as HTML forms send it, CR or LF) and each tab becomes a space,
    /// and one without a word is none. Returns nil where it is no text, too long then, or holds another control
    /// character.
    public static func reason(in member: JSON?) -> String?? {
        switch member {
        case nil, .null: return .some(nil)
        case .bool, .integer, .number, .array, .object: return nil
        case .string(let text):
            var kept = String.UnicodeScalarView()
            var last: Unicode.Scalar = " "
            for scalar in text.unicodeScalars {
                switch scalar {
                case "\n" where last == "\r": break
                case "\r", "\n", "\t": kept.append(" ")
                case _ where scalar.isControl: return nil
                default: kept.append(scalar)
                }
                last = scalar
            }
            guard kept.count <= Limits.reasonScalarsMax else { return nil }
            let reason = String(kept)
            return .some(reason.isBlank ? nil : reason)
        }
    }
}
