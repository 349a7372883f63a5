@testable import OdysCore

/// Keys and tokens that were made elsewhere, with PyJWT and Python's cryptography. The tokens are for `u`, until
/// 1893459600.
enum KeySamples {
    static let ecX = "np3pv4sXdLwVpdSH8G5SeSRDPnJh--YKuT1MAWyER9c"
    static let ecY = "A1RbeClU2C9hq3_snuwmzRQm9qMnOPNN1VpERmWvTOM"
    static let rsaN =
        "1LwQXLuA_ew6msV50MjJY7xl_5ydSafwoxSstPrKhqGKeh_7jjJWij5BBJbj6e3Nj4evKy7qFALiTtXm0vlUFdTS"
        + "wJV8nn_ZxEtTvEvWDgMGSzey-mBqS16Wy7Yji4H0e1x4hUuAJFtEollMb8u7qKM_nI4TlcUjan1iUbXJy5RsFHcV"
        + "eCKHb8TvztLA_SywOwk_FQCTRIz5l4O5A7pawLMVmecVC4ANJtH-gK0Wu52TZBRPjUSc9W77CdMyyQy01aTeOD80"
        + "J1mjq67j1241Dkcl0CxYAjonbhFTkc267Q-GZv1hHsb-7scT8PAJkk1csxJmUlzUKGF_DiAM4ammAQ"
    /// 1024 bits.
    static let weakN =
        "pd-pJ6S58ZUgh6W_TuZFB8HiQ9NfTFCDxZFggAajdN8kB_PF-ykSDQRA0ThNCslIgEKmSWgoS2zvPsr5Hc_x0x48"
        + "Qoyt_lHQhhr7gTgt3-Y-uLxizFvm-ob6WnSKo-Eky0B4cOV8O3ErGI0XPVCvJSkUmYSobP3iomqfJEYkUtU"
    static let p384 = (
        x: "LibZjXYRK3jjrfc0_K_3jZLAVR2BJIBCWH4KHFP5hJh5vjCihP824T7zlqghNN8A",
        y: "mXeweNScqBcG3kJMKcrCSvpyrT0rPLtiWCpR_kIkqqpDLhAmQi5AVsE1DaCzQOwL"
    )
    static let es256 =
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJ1IiwiZXhwIjoxODkzNDU5N"
        + "jAwfQ.rfpAhOGGCwlCCgVC9RyhB5JJ4XEBxjaEtOqchtKvGmakvUFTHmQuQrBcSyt6eHx0z-BrcjYdY75x25TzXP"
        + "_TKg"
    /// Without a `kid`.
    static let es256Unnamed =
        "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1IiwiZXhwIjoxODkzNDU5NjAwfQ.k7z7tOXez27O"
        + "7ieRqwh-PzLiq2GOuRqkmosPSvEKGcoBgktB6-6bbB1n7Q78StIqEJOJu_FpZuqVVNBFpl-viw"
    static let rs256 =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1IiwiZXhwIjoxODkzNDU5"
        + "NjAwfQ.06GL6JwgkdT03emO5pimagODnbc544pKS1x744QXY0ZYXyCdy-eNsm7yi5BRXVKDpac53p8Y6cwTyzwkV"
        + "8Y7Sb3vFqIzYszIcXCtKgbXwiDusNsjrTU0_Ym0Tqa8wxQpJ9b4hISf78Z3ORx3FAhJP8jBhOSG9eK1dutUrOAiS"
        + "0i4jJes57M7JlBX1EdLAiuXuAL8n882McNmeHo0chkOYrhjMMdVw2RYxASHw7-EDe3KoeYfJfQuIueUNgTpluPEp"
        + "v6n_3c-vv1LvMB523FyqDGrxkCAUVvGz_dzKDKUUp6YCeSK8IRcefYlMstssaERuCqx4Telm9oe78z35UbyiQ"
    /// Signed with the RSA key too, by other algorithms.
    static let ps256 =
        "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYS0xIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1IiwiZXhwIjoxODkzNDU5"
        + "NjAwfQ.bUuIgzOhrbIfFRSjUhIlb1R1w7r_Ld_I48u4Xin79yrIvmOYIxzHq3vXtDr1PHi1IW1LRifINylNXSP14"
        + "DNHpfZjVh9f4XKADOjRFLRi4Tkp_fW9vPx6RP_Xl_GN7hmZZ9-OHFWuOCZMGyYLdcEK5xSgcakNTUcCCJoxQNu0j"
        + "F6eE2LEiTCS5B1tJrpiWC6L07zcv1A0TCtIxnVqrwsbQq74Uo0sujLLfJYHz2VH08LawVhOIQEKicahcPK_rwGZj"
        + "EsOFurIKFXsbgQInQtPnPbLupcran8wx-RlyHGkAcy66W-3S6uepodLaQzpo-C_77sotoLU9G5s5v-q3o7z4g"
    static let rs512 =
        "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYS0xIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1IiwiZXhwIjoxODkzNDU5"
        + "NjAwfQ.CmHEFBCRHjUfsqcRfmaHlGq-jU6_frDdVQJBQ4DCvB5XUM8cLOiqJSSBzmuxlB6OoRtUo08QWQSF1RI3z"
        + "VhCigCdUaQgnc7t1jKenNUDySWgWpjODanXGWXJdDZ52i2dvc7huhg3Yu1WCdCnp3q1Ab08G5MYmh1MKqsl6geB-"
        + "5qfmskCvL2YlmlFldjMVJge8-vr7ZDhLgLSKnNUGVulPgvQ5n0Rp9fsLCmsCWfzw9YiRKM96H3VeN69DWCx-x6Dh"
        + "R0kNIy7zdEKdv_CGn-oXe8cTu9xF9ydRRUh8nxMgStxt5ZiS4liUVNYumm-on56H2NB36wtsADzItXVQYb9pg"

    /// A key of a set, changed. A value of nil leaves a member out.
    static func jwk(_ base: [String: JSON], _ changes: [String: JSON?] = [:]) -> JSON {
        var members = base
        for (name, value) in changes { members[name] = value }
        return .object(members.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value) })
    }

    static let ec: [String: JSON] = [
        "kty": "EC", "crv": "P-256", "kid": "ec-1", "x": .string(ecX), "y": .string(ecY),
    ]
    static let rsa: [String: JSON] = ["kty": "RSA", "kid": "rsa-1", "n": .string(rsaN), "e": "AQAB"]

    static func set(_ keys: [JSON]) throws -> KeySet {
        try KeySet(reading: JSON.object([.init("keys", .array(keys))]).bytes)
    }

    static func verifier(_ keys: [JSON], secret: String? = nil) throws -> TokenVerifier {
        TokenVerifier(
            keys: KeyRing(secret: secret.map(TokenKey.init), published: try set(keys).keys), issuer: nil, audience: nil)
    }
}
