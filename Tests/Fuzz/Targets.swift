internal import Crypto

/// The parsers of what comes from outside, one target for each. Compiled into one module with the core, so that what
/// is internal there can be called; a new parser needs one more case.
enum Target: String, CaseIterable {
    case json, body, fields, phone, token, claims, cookie, keys, records, address

    /// Reads the input, and stops the process where something is read that must not be.
    func read(_ input: [UInt8]) {
        switch self {
        case .json: readJSON(input)
        case .body: readBody(input)
        case .fields: readFields(input)
        case .phone: readPhone(input)
        case .token: readToken(input)
        case .claims: readClaims(input)
        case .cookie: readCookie(input)
        case .keys: readKeys(input)
        case .records: readRecords(input)
        case .address: readAddress(input)
        }
    }
}

/// What is read can be written, and is then read as the same.
private func readJSON(_ input: [UInt8]) {
    guard let value = try? JSON(reading: input) else { return }
    let text = value.bytes
    guard let again = try? JSON(reading: text) else { preconditionFailure("what was written cannot be read") }
    precondition(again.bytes == text)
    func fingerprint(_ body: JSON) -> [UInt8] {
        IdempotencyKey(key: "k", actor: UserID("user"), method: "PATCH", path: "/", body: body).fingerprint
    }
    precondition(fingerprint(value) == fingerprint(again))
}

private func readBody(_ input: [UInt8]) {
    guard let id = AppointmentID("00000000-0000-4000-8000-000000000000") else { preconditionFailure("no id") }
    let request = Request(
        method: "PATCH", target: "/", fields: [(.contentType, "application/json")], body: .bytes(input))
    switch ActionRequest.plan(request, id, by: UserID("user")) {
    case .act(_, let action):
        guard let reason = action.reason else { return }
        precondition((1...Limits.reasonScalarsMax).contains(reason.unicodeScalars.count))
        precondition(!reason.hasControlCharacters)
    case .refuse(let refusal): precondition(refusal == .malformedBody)
    case .preflight, .read, .readHistory: preconditionFailure("a PATCH acts or is refused")
    }
}

private func readFields(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    if case .success(let key?) = IdempotencyKey.key(in: .one(text)) {
        precondition((1...255).contains(key.utf8.count) && !key.hasControlCharacters)
    }
    _ = Precondition.excluded(in: text)
    if case .success(let version?) = Precondition.version(in: .one(text)) { precondition(version >= 0) }
}

/// A number that was read is digits alone, and reads as itself.
private func readPhone(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    _ = Phone.stored(text)
    guard let number = Phone.normalise(text) else { return }
    precondition((8...15).contains(number.utf8.count) && number.utf8.allSatisfy { (48...57).contains($0) })
    precondition(Phone.normalise("+" + number) == number)
}

private let verifier = TokenVerifier(
    keys: KeyRing(secret: TokenKey(sharedSecret: String(repeating: "s", count: 40))), issuer: nil, audience: "odys")

/// No input is a token of ours: nobody else has the secret.
private func readToken(_ input: [UInt8]) {
    precondition(verifier.examine(String(decoding: input, as: UTF8.self), now: 1_000).verified == nil)
}

/// Lines are fields. A token is a part of what came.
private func readCookie(_ input: [UInt8]) {
    let fields = String(decoding: input, as: UTF8.self).split(separator: "\n").map(String.init)
    guard let token = SessionCookie("sb").token(in: fields) else { return }
    precondition(token.utf8.count <= Limits.cookieBytesMax)
}

/// Whatever a set holds, no key of it is a secret.
private func readKeys(_ input: [UInt8]) {
    guard let set = try? KeySet(reading: input) else { return }
    precondition(set.keys.allSatisfy { $0.algorithm != .hs256 })
}

/// Claims that were signed with the secret: they are read, whatever they are.
private func readClaims(_ input: [UInt8]) {
    let header = encoded(Array(#"{"alg":"HS256"}"#.utf8))
    let signed = header + [UInt8(ascii: ".")] + encoded(input)
    let signature = Array(
        HMAC<SHA256>.authenticationCode(
            for: signed, using: SymmetricKey(data: [UInt8](repeating: UInt8(ascii: "s"), count: 40))))
    let token = String(decoding: signed + [UInt8(ascii: ".")] + encoded(signature), as: UTF8.self)
    guard let user = verifier.examine(token, now: 1_000).verified?.userID else { return }
    precondition((1...Limits.userIDBytesMax).contains(user.text.utf8.count))
}

private func encoded(_ bytes: [UInt8]) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for digit in 0...group.count { out.append(alphabet[bits >> (18 - 6 * digit) & 63]) }
    }
    return out
}

/// However a request is cut, it is the same request; and what is behind its end changes nothing but that it is there.
private func readRecords(_ input: [UInt8]) {
    func parse(_ bytes: [UInt8], step: Int) -> FastCGIRequestParser {
        var parser = FastCGIRequestParser()
        for count in stride(from: step, to: bytes.count, by: step) {
            bytes[..<count].withUnsafeBytes { parser.parse($0) }
        }
        bytes.withUnsafeBytes { parser.parse($0) }
        return parser
    }
    let whole = parse(input, step: input.count + 1)
    let cut = parse(input, step: 1)
    precondition(whole.progress == cut.progress && whole.requestID == cut.requestID)
    guard whole.progress == .complete else { return }
    precondition(whole.bodyLength == cut.bodyLength && whole.keepsAlive == cut.keepsAlive)
    precondition(!parse(input + [0], step: input.count + 2).keepsAlive)
}

private func readAddress(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    if MailAddress.isSafe(text) {
        precondition(!text.hasControlCharacters && !text.contains { " <>,;\"".contains($0) })
    }
    let header = MailHeader.encoded(text)
    precondition(header.utf8.allSatisfy { $0 == 13 || $0 == 10 || (32...126).contains($0) })
}
