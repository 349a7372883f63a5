/// The parts of an address that matter for trusting it.
struct URLParts {
    let scheme: String
    let host: String

    /// Nil for a text that is no address of one of these schemes, or that holds a user name, blanks or control
    /// characters.
    init?(_ text: String, schemes: [String]) {
        guard let colon = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        let authority = text[colon.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard schemes.contains(scheme), !authority.isEmpty, !authority.contains("@"),
            !text.contains(where: \.isWhitespace), !text.hasControlCharacters
        else { return nil }
        self.scheme = scheme
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = String(authority[...end])
        } else {
            host = String(authority.prefix { $0 != ":" })
        }
        guard !host.isEmpty else { return nil }
    }
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
