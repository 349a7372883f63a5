@testable import OdysCore

/// HMAC with SHA-256 (RFC 2104, FIPS 180-4), written for these tests so that what verifies a token did not sign it.
enum Signature {
    static func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let block = (key.count > 64 ? sha256(key) : key)
        let padded = block + [UInt8](repeating: 0, count: 64 - block.count)
        return sha256(padded.map { $0 ^ 0x5C } + sha256(padded.map { $0 ^ 0x36 } + message))
    }

    static func sha256(_ message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [
            0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
        ]
        var bytes = message + [0x80]
        while bytes.count % 64 != 56 { bytes.append(0) }
        let bits = UInt64(message.count) * 8
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }
        for start in stride(from: 0, to: bytes.count, by: 64) { compress(bytes[start..<start + 64], &state) }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) } }
    }

    private static func compress(_ block: ArraySlice<UInt8>, _ state: inout [UInt32]) {
        var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { index in
            block[index..<index + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<64 {
            let low = words[index - 15]
            let high = words[index - 2]
            let first = rotated(low, 7) ^ rotated(low, 18) ^ low >> 3
            let second = rotated(high, 17) ^ rotated(high, 19) ^ high >> 10
            words.append(words[index - 16] &+ first &+ words[index - 7] &+ second)
        }
        var h = state
        for (word, constant) in zip(words, constants) {
            let choice = h[4] & h[5] ^ ~h[4] & h[6]
            let majority = h[0] & h[1] ^ h[0] & h[2] ^ h[1] & h[2]
            let upper = rotated(h[4], 6) ^ rotated(h[4], 11) ^ rotated(h[4], 25)
            let lower = rotated(h[0], 2) ^ rotated(h[0], 13) ^ rotated(h[0], 22)
            let first = h[7] &+ upper &+ choice &+ constant &+ word
            h = [first &+ lower &+ majority, h[0], h[1], h[2], h[3] &+ first, h[4], h[5], h[6]]
        }
        state = zip(state, h).map { $0 &+ $1 }
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]
}

/// Tokens made from the texts of their parts.
enum TokenSamples {
    static let secret = "0123456789abcdef0123456789abcdef"
    /// 2030-01-01T00:00:00Z.
    static let now = 1_893_456_000.0
    static let header = #"{"alg":"HS256","typ":"JWT"}"#

    static func token(_ claims: String, header: String = header, secret: String = secret) -> String {
        token(bytes: Array(claims.utf8), header: header, secret: secret)
    }

    static func token(bytes claims: [UInt8], header: String = header, secret: String = secret) -> String {
        let signed = encoded(Array(header.utf8)) + "." + encoded(claims)
        return signed + "." + encoded(Signature.hmac(Array(signed.utf8), key: Array(secret.utf8)))
    }

    /// Base64url without padding.
    static func encoded(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return stride(from: 0, to: bytes.count, by: 3).map { start in
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            return String((0...group.count).map { digits[bits >> (18 - 6 * $0) & 63] })
        }.joined()
    }

    static func verifier(issuer: String? = nil, audience: String? = nil) -> TokenVerifier {
        TokenVerifier(
            keys: KeyRing(secret: TokenKey(sharedSecret: secret)), issuer: issuer, audience: audience)
    }
}

extension TokenVerifier {
    func userID(in token: String, now: Double) -> UserID? { examine(token, now: now).verified?.userID }
}
