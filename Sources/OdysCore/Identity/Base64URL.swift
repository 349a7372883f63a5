private let base64urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

/// The value of each ASCII character as a base64url digit; 255 where it is none.
private let base64urlValues: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in base64urlAlphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
}()

/// Base64url without padding.
func base64urlText(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
        buffer = buffer << 8 | UInt32(byte)
        bits += 8
        while bits >= 6 {
            bits -= 6
            out.append(base64urlAlphabet[Int(buffer >> UInt32(bits) & 63)])
        }
    }
    if bits > 0 { out.append(base64urlAlphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
    return String(decoding: out, as: UTF8.self)
}

/// Decodes base64url without padding, strictly: one text for each sequence of bytes (RFC 7515, appendix C;
/// RFC 4648, 3.5).
func base64url(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    let values = base64urlValues
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
