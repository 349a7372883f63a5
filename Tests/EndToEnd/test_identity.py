"""Tokens of a key set through nginx: what PyJWT refuses is refused, and so are known attacks on JWT."""

import hashlib
import hmac
import json
import time
import unicodedata

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

import jwks
from jwks import base64url
from refusing import nothing_written, problem

ISSUER, AUDIENCE = "https://issuer.example/auth/v1", "authenticated"
EC, RSA = jwks.Key.es256("ec-1"), jwks.Key.rs256("rsa-1")
STRANGE = jwks.Key.es256("ec-1")  # our key's name, and another key
WEAK, ENCRYPTING, LEAKED = jwks.Key.rs256("weak", 1024), jwks.Key.es256("enc"), jwks.Key.es256("leaked")
OCT_SECRET = b"0123456789abcdef0123456789abcdef"
SET = jwks.key_set(
    EC, RSA, WEAK, ENCRYPTING.jwk(use="enc"),
    LEAKED.jwk(d=jwks.number(LEAKED.private.private_numbers().private_value, 32)),
    {"kty": "oct", "kid": "oct", "k": base64url(OCT_SECRET), "alg": "HS256"})


@pytest.fixture(scope="module")
def keyed(make_stack, tmp_path_factory):
    """A stack with a shared secret and a key set in a file."""
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(SET, encoding="utf-8")
    return make_stack("--rate-limit", "off", "--no-seed", "--no-peers", "--responders", "1", ODYS_DELIVERY="off",
                      ODYS_JWKS_FILE=str(file), ODYS_JWT_ISSUER=ISSUER, ODYS_JWT_AUDIENCE=AUDIENCE, ODYS_THREADS="4")


def good(user, **changes):
    claims = {"sub": user, "exp": int(time.time()) + 600, "iss": ISSUER, "aud": AUDIENCE, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def text(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def joined(header, claims, signature):
    return f"{base64url(text(header))}.{base64url(text(claims))}.{base64url(signature)}"


def hs256(secret, header, claims):
    signed = joined(header, claims, b"")[:-1]
    return joined(header, claims, hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def ec_signature(key, header, claims):
    """The signature in DER, as the library makes it."""
    return key.private.sign(joined(header, claims, b"")[:-1].encode(), ec.ECDSA(hashes.SHA256()))


def es256(key, header, claims):
    """A token of exactly these parts."""
    r, s = decode_dss_signature(ec_signature(key, header, claims))
    return joined(header, claims, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def es256_with(signature):
    """A valid token, but for its signature, which is made from the valid one in DER."""
    def make(user):
        header, claims = HEAD, good(user)
        return joined(header, claims, signature(ec_signature(EC, header, claims)))
    return make


def raw(der):
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def changed(token, **parts):
    """A valid token with a part of its text replaced."""
    names = ("header", "claims", "signature")
    return ".".join(parts.get(name, part) for name, part in zip(names, token.split(".")))


HEAD = {"alg": "ES256", "typ": "JWT", "kid": "ec-1"}
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def signed(user, header=None, **claims):
    return es256(EC, {**HEAD, **(header or {})}, good(user, **claims))


def rsa_pss(user):
    header, claims = {"alg": "RS256", "kid": "rsa-1"}, good(user)
    message = joined(header, claims, b"")[:-1].encode()
    return joined(header, claims, RSA.private.sign(
        message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()))


def now():
    return time.time()


BAD = {
    # The algorithm is the key's.
    **{f"alg {name}": (lambda name: lambda u: joined({"alg": name, "kid": "ec-1"}, good(u), b""))(name)
       for name in ("none", "None", "NONE", "nOnE", "noNe", "")},
    "alg none, without kid": lambda u: joined({"alg": "none"}, good(u), b""),
    "alg none, signed": lambda u: signed(u, {"alg": "none"}),
    "HS256 with the EC key as PEM": lambda u: hs256(EC.public("PEM"), {"alg": "HS256", "kid": "ec-1"}, good(u)),
    "HS256 with the EC key as PEM, stripped": lambda u: hs256(
        EC.public("PEM").strip(), {"alg": "HS256", "kid": "ec-1"}, good(u)),
    "HS256 with the EC key as DER": lambda u: hs256(EC.public("DER"), {"alg": "HS256", "kid": "ec-1"}, good(u)),
    "HS256 with the EC key as JWK": lambda u: hs256(
        json.dumps(EC.jwk()).encode(), {"alg": "HS256", "kid": "ec-1"}, good(u)),
    "HS256 with the RSA key as PEM": lambda u: hs256(RSA.public("PEM"), {"alg": "HS256", "kid": "rsa-1"}, good(u)),
    "HS256 with the RSA key as DER": lambda u: hs256(RSA.public("DER"), {"alg": "HS256", "kid": "rsa-1"}, good(u)),
    "HS256 with the RSA key as JWK": lambda u: hs256(
        json.dumps(RSA.jwk()).encode(), {"alg": "HS256", "kid": "rsa-1"}, good(u)),
    "HS256 with the RSA key as PEM, without kid": lambda u: hs256(RSA.public("PEM"), {"alg": "HS256"}, good(u)),
    "HS256 with the whole set": lambda u: hs256(SET.encode(), {"alg": "HS256"}, good(u)),
    "HS256 with a published secret": lambda u: hs256(OCT_SECRET, {"alg": "HS256", "kid": "oct"}, good(u)),
    "HS256 with a published secret, without kid": lambda u: hs256(OCT_SECRET, {"alg": "HS256"}, good(u)),
    "ES256 with the RSA key's name": lambda u: signed(u, {"kid": "rsa-1"}),
    "RS256 with the EC key's name": lambda u: RSA.sign(good(u), kid="ec-1"),
    "RS256 in the header of an ES256 token": lambda u: signed(u, {"alg": "RS256"}),
    "ES384": lambda u: signed(u, {"alg": "ES384"}),
    "es256": lambda u: signed(u, {"alg": "es256"}),
    "alg with a blank": lambda u: signed(u, {"alg": "ES256 "}),
    "alg a list": lambda u: signed(u, {"alg": ["ES256"]}),
    "alg null": lambda u: signed(u, {"alg": None}),
    "alg twice": lambda u: es256(EC, b'{"alg":"none","alg":"ES256","kid":"ec-1"}', good(u)),
    "RS512": lambda u: jwt.encode(good(u), RSA.private, "RS512", headers={"kid": "rsa-1"}),
    "PS256": lambda u: jwt.encode(good(u), RSA.private, "PS256", headers={"kid": "rsa-1"}),
    "PSS under RS256": rsa_pss,
    # The key is one of ours, by its name.
    "another key of the same name": lambda u: STRANGE.sign(good(u)),
    "ES256 without kid": lambda u: EC.sign(good(u), kid=None),
    "RS256 without kid": lambda u: RSA.sign(good(u), kid=None),
    "a key that is too short": lambda u: WEAK.sign(good(u)),
    "a key for encryption": lambda u: ENCRYPTING.sign(good(u)),
    "a key whose private part is published": lambda u: LEAKED.sign(good(u)),
    "kid of nobody": lambda u: signed(u, {"kid": "ec-2"}),
    "kid in upper case": lambda u: signed(u, {"kid": "EC-1"}),
    "kid with a blank": lambda u: signed(u, {"kid": "ec-1 "}),
    "kid with a NUL": lambda u: signed(u, {"kid": "ec-1\0"}),
    "kid empty": lambda u: signed(u, {"kid": ""}),
    "kid null": lambda u: signed(u, {"kid": None}),
    "kid a number": lambda u: signed(u, {"kid": 0}),
    "kid a list": lambda u: signed(u, {"kid": ["ec-1"]}),
    "kid a path": lambda u: hs256(b"", {"alg": "HS256", "kid": "../../../../../../dev/null"}, good(u)),
    "kid SQL": lambda u: hs256(b"x", {"alg": "HS256", "kid": "' UNION SELECT 'x' -- "}, good(u)),
    "kid a command": lambda u: signed(u, {"kid": "ec-1; touch /tmp/odys-kid"}),
    "kid a URL": lambda u: STRANGE.sign(good(u), kid="http://127.0.0.1:9/jwks.json"),
    "kid of 5 KB": lambda u: signed(u, {"kid": "k" * 5_000}),
    "kid twice": lambda u: es256(EC, b'{"alg":"ES256","kid":"x","kid":"ec-1"}', good(u)),
    "typ of a logout token": lambda u: signed(u, {"typ": "logout+jwt"}),
    "events": lambda u: signed(u, events={"http://schemas.openid.net/event/backchannel-logout": {}}),
    # A token does not choose its key.
    "jku": lambda u: signed(u, {"jku": "https://evil.example/jwks.json"}),
    "x5u": lambda u: signed(u, {"x5u": "https://evil.example/cert.pem"}),
    "x5c": lambda u: signed(u, {"x5c": ["AAAA"]}),
    "jwk of its own": lambda u: STRANGE.sign(good(u), jwk=STRANGE.jwk()),
    "jwk of ours": lambda u: signed(u, {"jwk": EC.jwk()}),
    "crit": lambda u: signed(u, {"crit": ["exp"]}),
    "crit empty": lambda u: signed(u, {"crit": []}),
    "crit b64": lambda u: signed(u, {"crit": ["b64"], "b64": True}),
    "b64 false": lambda u: signed(u, {"b64": False}),
    # The signature.
    "signature DER": es256_with(lambda der: der),
    "signature of zeros": es256_with(lambda der: bytes(64)),
    "signature of ones": es256_with(lambda der: b"\xff" * 64),
    "signature r = n, s = n": es256_with(lambda der: N.to_bytes(32, "big") * 2),
    "signature of 63 bytes": es256_with(lambda der: raw(der)[:63]),
    "signature of 65 bytes": es256_with(lambda der: raw(der) + b"\0"),
    "signature with a zero before": es256_with(lambda der: b"\0" + raw(der)),
    "signature of r alone": es256_with(lambda der: raw(der)[:32]),
    "signature halves exchanged": es256_with(lambda der: raw(der)[32:] + raw(der)[:32]),
    "signature empty": es256_with(lambda der: b""),
    "signature r + n": es256_with(lambda der: (
        (int.from_bytes(raw(der)[:32], "big") + N) % 2**256).to_bytes(32, "big") + raw(der)[32:]),
    "signature of another token": lambda u: changed(signed(u), signature=signed("x").split(".")[2]),
    "RSA signature cut": lambda u: RSA.sign(good(u))[:-8],
    "RSA signature of zeros": lambda u: changed(RSA.sign(good(u)), signature=base64url(bytes(256))),
    "RSA signature of one": lambda u: changed(RSA.sign(good(u)), signature=base64url(bytes(255) + b"\1")),
    # The form.
    "padding behind": lambda u: signed(u) + "==",
    "padding of the claims": lambda u: es256(EC, HEAD, good(u)).replace(".", "=.", 1),
    "signature with another end": es256_with(lambda der: raw(der)[:-3] + b"\xff\xff\xff"),
    "standard alphabet": lambda u: signed(u).replace("-", "+").replace("_", "/") + "+",
    "a blank inside": lambda u: signed(u).replace(".", ". ", 1),
    "a dot behind": lambda u: signed(u) + ".",
    "a dot before": lambda u: "." + signed(u),
    "four dots": lambda u: signed(u) + "..",
    "two dots more": lambda u: signed(u).replace(".", "..", 2),
    "an empty header": lambda u: changed(signed(u), header=""),
    "an empty body": lambda u: changed(signed(u), claims=""),
    "JSON and more": lambda u: es256(EC, HEAD, json.dumps(good(u)).encode() + b"{}"),
    "claims not UTF-8": lambda u: es256(EC, HEAD, json.dumps(good(u)).encode().replace(b"{", b'{"x":"\xff",', 1)),
    "claims with a byte order mark": lambda u: es256(EC, HEAD, b"\xef\xbb\xbf" + json.dumps(good(u)).encode()),
    "JWE of five parts": lambda u: signed(u) + ".AAAA.AAAA",
    "a token in JSON": lambda u: json.dumps({"token": signed(u)}),
    "claims of 7 KB, not signed": lambda u: changed(signed(u), claims=base64url(b"x" * 5_000)),
    # The times.
    "exp missing": lambda u: signed(u, exp=None),
    "exp a text": lambda u: signed(u, exp=str(int(now()) + 600)),
    "exp true": lambda u: signed(u, exp=True),
    "exp over the leeway": lambda u: signed(u, exp=now() - 31),
    "exp long ago": lambda u: signed(u, exp=0),
    "exp negative": lambda u: signed(u, exp=-1e18),
    "exp 1e999": lambda u: es256(EC, HEAD, json.dumps(good(u, exp=1)).encode().replace(b'"exp": 1', b'"exp": 1e999')),
    "nbf over the leeway": lambda u: signed(u, nbf=int(now()) + 60),
    "nbf huge": lambda u: signed(u, nbf=1e300),
    "nbf a text": lambda u: signed(u, nbf="0"),
    "iat over the leeway": lambda u: signed(u, iat=int(now()) + 60),
    "iat a text": lambda u: signed(u, iat="now"),
    # Whom it is for.
    "iss missing": lambda u: signed(u, iss=None),
    "iss another": lambda u: signed(u, iss=ISSUER + "/"),
    "iss a list": lambda u: signed(u, iss=[ISSUER]),
    "aud missing": lambda u: signed(u, aud=None),
    "aud another": lambda u: signed(u, aud="anon"),
    "aud several others": lambda u: signed(u, aud=["anon", "Authenticated"]),
    "aud an object": lambda u: signed(u, aud={AUDIENCE: True}),
    "sub missing": lambda u: signed(u, sub=None),
    "sub empty": lambda u: signed(""),
    "sub a number": lambda u: signed(7),
    "sub a list": lambda u: signed([u]),
    "sub an object": lambda u: signed({"id": u}),
    "sub true": lambda u: signed(True),
    "sub twice": lambda u: es256(EC, HEAD, json.dumps(good(u)).encode().replace(b"{", b'{"sub":"x",', 1)),
    "sub of 65 bytes": lambda u: signed(u.ljust(65, "x")),
}
assert len(BAD) >= 100

GOOD: dict = {
    "ES256": lambda u: EC.sign(good(u)),
    "ES256 of our own making": signed,
    "RS256": lambda u: RSA.sign(good(u)),
    "exp a fraction": lambda u: signed(u, exp=now() + 100.5),
    "exp within the leeway": lambda u: signed(u, exp=now() - 20),
    "exp huge": lambda u: signed(u, exp=10**18),
    "exp 1e15": lambda u: signed(u, exp=1e15),
    "nbf within the leeway": lambda u: signed(u, nbf=now() + 20),
    "iat within the leeway": lambda u: signed(u, iat=now() + 20),
    "aud one of several": lambda u: signed(u, aud=["anon", AUDIENCE]),
    "typ at+jwt": lambda u: signed(u, {"typ": "at+jwt"}),
    "x5t": lambda u: signed(u, {"x5t": "AAAA"}),
    "other claims": lambda u: signed(u, role="authenticated", session_id="x", app_metadata={"a": [1, None]}),
    "a member order of its own": lambda u: es256(EC, b' { "kid" : "ec-1",\n"alg":"ES256" } ', good(u)),
    "two kilobytes": lambda u: signed(u, filler="x" * 2_000),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_token_is_401_with_one_body_for_all(keyed, make):
    booking = keyed.booking()
    field = f"Bearer {make(booking.professional.user_id)}"
    with nothing_written(keyed):
        answer = keyed.patch(booking, None, "confirm", Authorization=field)
        body = problem(answer, "unauthenticated")
    assert answer.header("WWW-Authenticate") == 'Bearer realm="odys", error="invalid_token"'
    without = problem(keyed.patch(booking, None, "confirm"), "unauthenticated")
    assert {**body, "requestId": ""} == {**without, "requestId": ""}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_good_token_is_accepted(keyed, make):
    booking = keyed.booking()
    field = f"Bearer {make(booking.professional.user_id)}"
    assert keyed.patch(booking, None, "confirm", Authorization=field).status == 200
    # From the cache, too.
    assert keyed.patch(booking, None, "cancel", Authorization=field).status == 200


def test_the_shared_secret_counts_beside_the_key_set(keyed):
    booking = keyed.booking()
    claims = good(booking.professional.user_id)
    # Whatever kid it carries, also that of a published key.
    for action, kid in (("confirm", {}), ("paid", {"kid": "secret"}), ("complete", {"kid": "ec-1"})):
        field = "Bearer " + hs256(keyed.secret.encode(), {"alg": "HS256", **kid}, claims)
        assert keyed.patch(booking, None, action, Authorization=field).status == 200


@pytest.mark.parametrize("make", [
    lambda u: signed(u, {"kid": "k" * 10_000}), lambda u: signed(u, filler="x" * 12_000),
    lambda u: "A" * 16_384, lambda u: signed(u) + "A" * 16_000], ids=["kid of 10 KB", "16 KB", "no dots", "signature"])
def test_a_token_that_is_too_long_reaches_nobody(keyed, make):
    """nginx refuses a header line above 40 KiB, the responder a token above 8 KiB."""
    booking = keyed.booking()
    with nothing_written(keyed):
        answer = keyed.patch(booking, None, "confirm", Authorization=f"Bearer {make(booking.professional.user_id)}")
    assert answer.status in (400, 401), answer


def test_ids_that_only_look_alike_are_two_people(keyed):
    composed = unicodedata.normalize("NFC", "josé-")
    professional = keyed.professional(user_id=composed)
    booking = keyed.booking(professional)
    try:
        for other in (unicodedata.normalize("NFD", composed), "jose-", "JOSÉ-", composed + " ", composed + "\0"):
            answer = keyed.patch(booking, None, "confirm", Authorization=f"Bearer {signed(other)}")
            problem(answer, "forbidden")
        answer = keyed.patch(booking, None, "confirm", Authorization=f"Bearer {signed(composed)}")
        assert answer.status == 200
    finally:
        keyed.sql("UPDATE professionals SET user_id = %s WHERE id = %s", professional.id, professional.id)


# --- PyJWT as oracle ----------------------------------------------------------------------------------

def oracle(candidate, secret):
    """Whether PyJWT, in its strictest mode, accepts the token."""
    keys = {"ec-1": (EC, "ES256"), "rsa-1": (RSA, "RS256")}
    try:
        kid = jwt.get_unverified_header(candidate).get("kid")
        key, algorithm = (secret, "HS256") if kid is None else (keys[kid][0].private.public_key(), keys[kid][1])
        jwt.decode(candidate, key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE, leeway=30,
                   options={"require": ["exp", "sub"], "verify_signature": True})
        return True
    except Exception:  # pylint: disable=broad-except
        # Some tokens make it raise other exceptions; none of them is accepted.
        return False


# What PyJWT accepts and we refuse, on purpose; docs/SECURITY.md gives the reasons.
STRICTER = {
    "alg twice", "kid twice", "sub twice", "jku", "x5u", "x5c", "jwk of ours", "crit", "crit empty", "crit b64",
    "padding behind", "padding of the claims", "claims with a byte order mark", "exp a text", "nbf a text", "sub empty",
    "sub a number", "sub a list", "sub an object", "sub true", "sub of 65 bytes", "typ of a logout token", "events",
}


def test_what_pyjwt_refuses_is_refused(keyed):
    """PyJWT refuses every bad token but those listed, and accepts every good one."""
    secret = keyed.secret.encode()
    taken = {name for name, make in BAD.items() if oracle(make("u" * 8), secret)}
    assert taken - STRICTER == set()
    assert {name for name, make in GOOD.items() if not oracle(make("u" * 8), secret)} == set()
    assert len(taken) >= 10


def test_the_responder_never_says_why(keyed):
    for words in (EC.kid, "signature", "expired", "alg"):
        assert words not in keyed.patch(keyed.booking(), None, "confirm", Authorization="Bearer a.b.c").body.decode()
