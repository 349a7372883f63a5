internal import OdysCore
internal import OdysDelivery

/// Whether the key set at ODYS_JWKS_URL can be fetched and has a usable key.
struct KeySetCheck: DoctorCheck {
    let tokens: TokenSettings

    func findings() -> [Finding] {
        guard let url = tokens.keySetURL else { return [] }
        switch KeySetFetch(url).fetch() {
        case .failure(let failure):
            return [
                Finding(
                    "keys", .unreachable, "ODYS_JWKS_URL: \(failure)",
                    "correct the address, or repair its server; known keys are used for 24 h meanwhile")
            ]
        case .success(let set) where set.keys.isEmpty:
            return [
                Finding(
                    "keys", .problem,
                    "ODYS_JWKS_URL: no key of the set can be used"
                        + set.leftOut.map { "; \($0)" }.joined(),
                    "publish an ES256 key, or an RS256 key of at least 2,048 bits")
            ]
        case .success(let set):
            return [Finding("keys", "\(set.keys.count) at ODYS_JWKS_URL")]
        }
    }
}
