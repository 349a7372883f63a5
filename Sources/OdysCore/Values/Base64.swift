/// Base64 (RFC 4648): the standard alphabet with padding for mail, the URL-safe one without padding for tokens.
enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlSafe: [UInt8] = standard.dropLast(2) + "-_".utf8

    /// The value of each byte as a URL-safe digit; 255 where it is none.
    private static let urlSafeValues: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in urlSafe.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    static func text(_ bytes: [UInt8]) -> String {
        text(bytes, standard) + String(repeating: "=", count: (3 - bytes.count % 3) % 3)
    }

    static func urlSafeText(_ bytes: [UInt8]) -> String { text(bytes, urlSafe) }

    /// Decodes the URL-safe form strictly: one text for each sequence of bytes (RFC 7515, appendix C; RFC 4648, 3.5).
    static func bytes(urlSafe text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        let values = urlSafeValues
        var out: [UInt8] = []
        out.reserveCapacity(text.count * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for character in text {
            let value = values[Int(character)]
            guard value != 255 else { return nil }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        // Left-over bits must be zero, else two texts would mean the same bytes.
        return buffer & ((1 << UInt32(bits)) - 1) == 0 ? out : nil
    }

    private static func text(_ bytes: [UInt8], _ alphabet: [UInt8]) -> String {
        var out: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                out.append(alphabet[Int(buffer >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { out.append(alphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
        return String(decoding: out, as: UTF8.self)
    }
}
