import Testing

@testable import OdysCore

@Suite("JWT compact form: parts, base64url, signature") struct TokenFormTests {
    private static let token = TokenSamples.token(#"{"sub":"user","exp":1893459600}"#)

    private static func isGood(_ token: String) -> Bool {
        TokenSamples.verifier().userID(in: token, now: TokenSamples.now) != nil
    }

    @Test("JWT: exactly three parts")
    func onlyThreePartsAreAToken() {
        let parts = Self.token.split(separator: ".").map(String.init)
        #expect(Self.isGood(parts.joined(separator: ".")))
        let others = [
            "", ".", "..", "...", parts[0], parts[0] + "." + parts[1], parts[0] + "." + parts[1] + ".",
            "." + parts[1] + "." + parts[2], parts[0] + ".." + parts[2], Self.token + ".", "." + Self.token,
            Self.token + "." + parts[2], " " + Self.token, Self.token + " ", Self.token + "\n", Self.token + "\0",
            "Bearer " + Self.token, Self.token + "=", Self.token.replacing(".", with: "..", maxReplacements: 1),
            parts[0] + "=." + parts[1] + "." + parts[2], parts[0] + "." + parts[1] + "==." + parts[2],
            parts[1] + "." + parts[0] + "." + parts[2], parts[0] + "." + parts[1] + "." + parts[2].lowercased(),
            String(Self.token.dropLast()), Self.token + "A", Self.token + "AAAA", Self.token.replacing(".", with: ","),
        ]
        for other in others { #expect(!Self.isGood(other), "\(other)") }
    }

    @Test("JWT: any changed character invalidates it")
    func noCharacterCanBeChanged() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let bytes = Array(Self.token.utf8)
        var accepted: [Int] = []
        for index in bytes.indices {
            for step in [1, 7, 16, 33] {
                guard let place = alphabet.firstIndex(of: bytes[index]) else { continue }
                var changed = bytes
                changed[index] = alphabet[(place + step) % 64]
                if Self.isGood(String(decoding: changed, as: UTF8.self)) { accepted.append(index) }
            }
        }
        #expect(accepted == [])
    }

    @Test("JWT: a signature of another secret is refused")
    func anotherSecretSignsNothing() {
        for secret in ["", "0123456789abcdef0123456789abcdeF", TokenSamples.secret + "0", TokenSamples.secret + "\n"] {
            #expect(!Self.isGood(TokenSamples.token(#"{"sub":"user","exp":1893459600}"#, secret: secret)))
        }
        let long = String(repeating: "é", count: 60)
        let verifier = TokenVerifier(
            keys: KeyRing(secret: TokenKey(sharedSecret: long)), issuer: nil, audience: nil)
        let signed = TokenSamples.token(#"{"sub":"user","exp":1893459600}"#, secret: long)
        #expect(verifier.userID(in: signed, now: TokenSamples.now)?.text == "user")
    }

    @Test("JWT: at most 8 KiB")
    func aTokenHasAtMostEightKibibytes() {
        func token(padding: Int) -> String {
            TokenSamples.token(#"{"sub":"user","exp":1893459600,"x":"\#(String(repeating: "x", count: padding))"}"#)
        }
        let base = token(padding: 0).utf8.count
        let fitting = (8 * 1_024 - base) * 3 / 4
        let longest = (fitting - 8...fitting + 8).filter { token(padding: $0).utf8.count <= 8 * 1_024 }
        #expect(longest.allSatisfy { Self.isGood(token(padding: $0)) })
        #expect(!Self.isGood(token(padding: (longest.last ?? 0) + 2)))
        #expect(longest.count > 1 && longest.count < 17)
    }

    // MARK: base64url

    /// Every text of two and of three characters.
    @Test("base64url: trailing bits must be zero")
    func leftOverBitsMustBeZero() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var decoded = 0
        var wrong: [String] = []
        for first in 0..<64 {
            for last in 0..<64 {
                let two = last % 16 == 0 ? [UInt8(first << 2 | last >> 4)] : nil
                let three = last % 4 == 0 ? [UInt8(first << 2), UInt8(last >> 2)] : nil
                for (text, bytes) in [([first, last], two), ([first, 0, last], three)] {
                    let digits = text.map { alphabet[$0] }
                    if Base64.bytes(urlSafe: digits) != bytes { wrong.append(String(decoding: digits, as: UTF8.self)) }
                    decoded += bytes == nil ? 0 : 1
                }
            }
        }
        #expect(wrong == [])
        #expect(decoded == 64 * 4 + 64 * 16)
    }

    @Test("base64url: only its alphabet is accepted")
    func onlyTheAlphabetIsRead() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for byte in UInt8.min...UInt8.max {
            for place in 0..<4 {
                var text = Array("AAAA".utf8)
                text[place] = byte
                #expect((Base64.bytes(urlSafe: text) != nil) == alphabet.contains(byte))
            }
        }
    }

    @Test("base64url: a single trailing character is refused")
    func aSingleCharacterLeftOverIsNoByte() {
        for length in 0...64 {
            let text = [UInt8](repeating: UInt8(ascii: "A"), count: length)
            #expect(
                Base64.bytes(urlSafe: text) == (length % 4 == 1 ? nil : [UInt8](repeating: 0, count: length * 3 / 4)))
        }
    }

    @Test("base64url: every sequence of bytes decodes to itself")
    func everySequenceOfBytesComesBack() {
        var random = SplitMix64(seed: 11)
        for length in 0...200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(Base64.bytes(urlSafe: Array(TokenSamples.encoded(bytes).utf8)) == bytes)
        }
    }
}
