/// A request to read, as it reaches the store.
public struct ReadRequest: Sendable, Equatable {
    public let userID: UserID
    /// The version that the caller has seen (`If-Match`); nil where any will do.
    let expectedVersion: Int?
    /// The page of a history: what is older than this version; nil for the newest.
    public let before: Int?

    public init(userID: UserID, expectedVersion: Int? = nil, before: Int? = nil) {
        self.userID = userID
        self.expectedVersion = expectedVersion
        self.before = before
    }

    /// - Parameter isPaged: whether the query may name a page. Other names in a query are ignored.
    static func plan(
        _ request: Request, by userID: UserID, isPaged: Bool, _ make: (ReadRequest) -> Plan
    ) -> Plan {
        guard case .success(let version) = Precondition.version(in: request.field(.ifMatch)) else {
            return .refuse(.invalidHeader)
        }
        let pages = isPaged ? request.query.utf8.split(separator: UInt8(ascii: "&")).compactMap(Self.page) : []
        guard pages.count <= 1, pages.allSatisfy({ (1...Int(UInt32.max)).contains($0 ?? 0) }) else {
            return .refuse(.malformedBody)
        }
        return make(ReadRequest(userID: userID, expectedVersion: version, before: pages.first ?? nil))
    }

    /// The value of `before`; nil for another name, a nil inside for a value that is no number.
    private static func page(_ pair: Substring.UTF8View) -> Int?? {
        let name = "before".utf8
        guard pair.starts(with: name), [nil, UInt8(ascii: "=")].contains(pair.dropFirst(name.count).first) else {
            return nil
        }
        return .some(Int(digits: String(Substring(pair.dropFirst(name.count + 1)))))
    }
}
