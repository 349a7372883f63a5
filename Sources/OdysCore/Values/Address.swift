/// The parts of an address that matter for trusting it, and for whether it can be used.
struct URLParts {
    let scheme: String
    let host: String
    let port: Int?
    /// Whether more of a path can be put behind it.
    let isBase: Bool

    /// Nil for a text that is no address of one of these schemes, or that holds a user name, blanks or control
    /// characters.
    init?(_ text: String, schemes: [String]) {
        guard let colon = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        let authority = text[colon.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard schemes.contains(scheme), !text.contains(where: \.isWhitespace), !text.hasControlCharacters
        else { return nil }
        self.scheme = scheme
        isBase = !text.contains { "?#".contains($0) }
        // The colons of an IPv6 address are within its brackets.
        let hostEnd = authority.hasPrefix("[") ? authority.firstIndex(of: "]") : authority.startIndex
        guard let hostEnd else { return nil }
        let portStart = authority[hostEnd...].firstIndex(of: ":") ?? authority.endIndex
        host = String(authority[..<portStart])
        port = Int(digits: String(authority[portStart...].dropFirst()))
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard isBracketed ? isIPv6(host.dropFirst().dropLast()) : isHostName(host),
            portStart == authority.endIndex || (1...65_535).contains(port ?? 0)
        else { return nil }
    }
}

/// Whether a text can be the name of a host or an IPv4 address. Underscores are in no domain, but in names that
/// container networks give.
func isHostName(_ text: String) -> Bool {
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    // A name may end with the dot of the root.
    let named = labels.count > 1 && labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
    guard text.utf8.count <= 253, named.allSatisfy({ (1...63).contains($0.count) }),
        named.joined().allSatisfy({ $0.isASCIIAlphanumeric || "-_".utf8.contains($0) })
    else { return false }
    // What ends with a number is read as an IPv4 address by resolvers and browsers, also in a short form such as 127.1.
    let numbers = named.count { $0.allSatisfy(\.isASCIIDigit) }
    return named.last?.allSatisfy(\.isASCIIDigit) == false || numbers == named.count && numbers < 4 || isIPv4(text)
}

/// Whether a text is an IPv4 address in its usual form: four decimal numbers without leading zeros.
func isIPv4(_ text: some StringProtocol) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int(digits: String($0)) ?? 256 }
    return parts.count == 4 && parts.allSatisfy { $0 <= 255 } && text == parts.map(String.init).joined(separator: ".")
}

/// Whether a text is an IPv6 address (RFC 4291, 2.2): eight groups, of which "::" stands for one or more, once. The
/// last two may be an IPv4 address.
func isIPv6(_ text: some StringProtocol) -> Bool {
    let halves = String(text).split(separator: "::", omittingEmptySubsequences: false)
    var groups = halves.flatMap { $0.isEmpty ? [] : $0.split(separator: ":", omittingEmptySubsequences: false) }
    var count = groups.count
    if let last = groups.last, !text.hasSuffix(":"), isIPv4(last) {
        groups.removeLast()
        count += 1
    }
    return groups.allSatisfy {
        (1...4).contains($0.utf8.count) && $0.utf8.allSatisfy("0123456789abcdefABCDEF".utf8.contains)
    }
        && (halves.count == 1 ? count == 8 : halves.count == 2 && count < 8)
}

/// Whether a name or an address means this host. Only then may a connection do without TLS.
public func isLoopback(_ host: String) -> Bool {
    let name = host.lowercased()
    if name == "localhost" || name == "::1" || name == "[::1]" { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { (Int(digits: String($0)) ?? 256) <= 255 }
}

extension String {
    /// Without the slashes at its end.
    var withoutTrailingSlashes: String { String(reversed().drop { $0 == "/" }.reversed()) }
}
