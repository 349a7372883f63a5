/// Text in the header of an e-mail.
public enum MailHeader {
    /// The text as the value of a header field such as `Subject`.
    ///
    /// Printable ASCII stays as it is. Anything else becomes encoded words (RFC 2047, UTF-8, B), one a line, folded
    /// by CRLF and a space: each is at most 75 characters, and its line at most 76 with a field name of up to 12 in
    /// front. Control characters become spaces first, so no text can end the field and begin another.
    public static func encoded(_ text: String) -> String {
        let text = withoutControls(text)
        return isPlain(text) ? text : words(text).joined(separator: "\r\n ")
    }

    /// Bytes in an encoded word: 39 are 52 characters of base64, 64 with `=?UTF-8?B?` and `?=`.
    private static let wordBytesMax = 39
    /// Bytes of a plain value. A line may have 998 (RFC 5322, 2.1.1); we fold long before.
    private static let plainBytesMax = 400

    /// Printable ASCII that no reader takes for an encoded word, and that survives unfolding.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= plainBytesMax && text.utf8.allSatisfy { (32...126).contains($0) }
            && !text.contains("=?") && text.first != " " && text.last != " "
    }

    static func withoutControls(_ text: String) -> String {
        let breaks: ClosedRange<Unicode.Scalar> = "\u{2028}"..."\u{2029}"
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.isControl || breaks.contains($0) ? " " : $0 }))
    }

    /// "Each 'encoded-word' MUST represent an integral number of characters" (RFC 2047, 5): cut between scalars.
    private static func words(_ text: String) -> [String] {
        var chunks: [[UInt8]] = [[]]
        for scalar in text.unicodeScalars {
            let encoded = String(scalar).utf8
            if chunks[chunks.count - 1].count + encoded.count > wordBytesMax { chunks.append([]) }
            chunks[chunks.count - 1] += encoded
        }
        return chunks.map { "=?UTF-8?B?\(Base64.text($0))?=" }
    }
}

/// Addresses of e-mail.
public enum MailAddress {
    /// Whether the text is one plain address that can stand in a command or a header.
    ///
    /// Stricter than RFC 5321 on purpose: a dot-atom of ASCII, one `@`, a host name; no quotes, comments, spaces,
    /// address literals or non-ASCII. At most 254 bytes, 64 of them before the `@`.
    public static func isSafe(_ address: String) -> Bool {
        let bytes = Array(address.utf8)
        guard bytes.count <= 254, let at = bytes.firstIndex(of: UInt8(ascii: "@")), at <= 64 else { return false }
        let (dot, hyphen) = (UInt8(ascii: "."), UInt8(ascii: "-"))
        // Where the current label begins. The end of the address ends one too.
        var start = 0
        for index in 0...bytes.count {
            let byte = index < bytes.count ? bytes[index] : dot
            if byte == dot || index == at {
                guard index > start else { return false }
                let isInHost = start > at
                if isInHost, index - start > 63 || bytes[start] == hyphen || bytes[index - 1] == hyphen { return false }
                start = index + 1
            } else if index < at ? !isAtomByte(byte) : !(byte.isASCIIAlphanumeric || byte == hyphen) {
                return false
            }
        }
        return true
    }

    /// Whether the text is a host name that an address may have.
    static func isHost(_ name: String) -> Bool { isSafe("a@" + name) }

    /// `Name <address>` for a header field, the name quoted or encoded as it needs; nil for an unsafe address.
    public static func header(name: String, address: String) -> String? {
        guard isSafe(address) else { return nil }
        let name = MailHeader.withoutControls(name)
        guard name.contains(where: { $0 != " " }) else { return address }
        guard MailHeader.isPlain(name) else { return "\(MailHeader.encoded(name))\r\n <\(address)>" }
        if name.utf8.allSatisfy({ isAtomByte($0) || $0 == UInt8(ascii: " ") }) { return "\(name) <\(address)>" }
        var quoted = ""
        for character in name {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return "\"\(quoted)\" <\(address)>"
    }

    /// `atext` of RFC 5322.
    private static func isAtomByte(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }
}
