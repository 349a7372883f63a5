/// A published JSON Web Key Set (RFC 7517): those of its keys that tokens may be signed with.
public struct KeySet: Sendable, Equatable {
    public let keys: [TokenKey]
    /// Keys that were left out, and why. An unusable key does not spoil the others (RFC 7517, 5).
    public let leftOut: [String]

    /// Why a text is not a key set. The description quotes nothing of the text.
    public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public init(reading bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Limits.keySetBytesMax else {
            throw Problem(description: "is larger than \(Limits.keySetBytesMax) bytes")
        }
        guard let json = try? JSON(reading: bytes) else { throw Problem(description: "is not JSON") }
        guard let entries = json["keys"]?.array else { throw Problem(description: "has no list 'keys'") }
        guard entries.count <= Limits.keySetKeysMax else {
            throw Problem(description: "has more than \(Limits.keySetKeysMax) keys")
        }
        var keys: [TokenKey] = []
        var leftOut: [String] = []
        for (index, entry) in entries.enumerated() {
            do throws(Problem) {
                let key = try Self.key(entry)
                // A key id must name one key; the first is used.
                if let id = key.id, keys.contains(where: { TokenKey.hasSameID($0.id, id) }) {
                    throw Problem(description: "another key has the same kid")
                }
                keys.append(key)
            } catch { leftOut.append("key \(index + 1): \(error)") }
        }
        self.keys = keys
        self.leftOut = leftOut
    }

    private static func key(_ jwk: JSON) throws(Problem) -> TokenKey {
        if let problem = problem(jwk) { throw Problem(description: problem) }
        let id = jwk["kid"]?.string
        switch jwk["kty"]?.string {
        case "EC":
            guard jwk["crv"]?.string == "P-256" else { throw Problem(description: "its curve is not P-256") }
            guard let x = number(jwk["x"]), let y = number(jwk["y"]), let key = TokenKey(id: id, p256: x, y)
            else { throw Problem(description: "x and y are not a point of P-256") }
            return key
        case "RSA":
            guard let n = number(jwk["n"])?.drop(while: { $0 == 0 }), let e = number(jwk["e"]), let first = n.first
            else { throw Problem(description: "n or e is missing or not base64url") }
            let (bits, bounds) = (n.count * 8 - first.leadingZeroBitCount, Limits.rsaBits)
            guard bounds.contains(bits)
            else {
                throw Problem(description: "it has \(bits) bits, and not \(bounds.lowerBound) to \(bounds.upperBound)")
            }
            guard let key = TokenKey(id: id, rsa: Array(n), exponent: e)
            else { throw Problem(description: "n and e are not an RSA key") }
            return key
        case "oct": throw Problem(description: "it is a secret (kty oct), which must not be published")
        default: throw Problem(description: "its kty is neither EC nor RSA")
        }
    }

    /// What forbids the use of a key, apart from its numbers.
    private static func problem(_ jwk: JSON) -> String? {
        guard case .object = jwk else { return "it is not an object" }
        // Anybody who has read the set can sign with such a key.
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] where jwk[member] != nil && jwk["kty"] != "oct" {
            return "it holds its private part ('\(member)'), which must not be published"
        }
        if let id = jwk["kid"], id.string?.isEmpty != false { return "its kid is not a text" }
        if let use = jwk["use"], use != "sig" { return "its use is not sig" }
        if let operations = jwk["key_ops"], operations.array?.contains("verify") != true {
            return "its key_ops do not include verify"
        }
        guard let algorithm = jwk["alg"] else { return nil }
        let expected: TokenKey.Algorithm = jwk["kty"] == "EC" ? .es256 : .rs256
        return algorithm == .string(expected.rawValue) || jwk["kty"] == "oct"
            ? nil : "its alg is not \(expected.rawValue)"
    }

    private static func number(_ value: JSON?) -> [UInt8]? { value?.string.flatMap { Base64.bytes(urlSafe: $0.utf8) } }
}
