"""Valid tokens, and every way in which one can be invalid."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from refusing import nothing_written, problem


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(secret, header, claims, digest=hashlib.sha256):
    """A token of exactly these parts; texts are used unchanged."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(base64url(part) for part in parts)
    return f"{signed}.{base64url(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


HS256 = {"alg": "HS256", "typ": "JWT"}


def good(sub, **claims):
    return {"sub": sub, "exp": int(time.time()) + 600, **claims}


def other_bits(token):
    """Another last character for the same bytes: the spare bits of the signature are not zero."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


# Each makes an Authorization field from the secret and the professional's user id.
BAD = {
    "no scheme": lambda s, u: sign(s, HS256, good(u)),
    "other scheme": lambda s, u: "Basic " + sign(s, HS256, good(u)),
    "no token": lambda s, u: "Bearer",
    "blank token": lambda s, u: "Bearer  ",
    "two tokens": lambda s, u: f"Bearer {sign(s, HS256, good(u))} {sign(s, HS256, good(u))}",
    "list": lambda s, u: f"Bearer {sign(s, HS256, good(u))},{sign(s, HS256, good(u))}",
    "quoted": lambda s, u: f'Bearer "{sign(s, HS256, good(u))}"',
    "alg none": lambda s, u: "Bearer " + sign(s, {"alg": "none"}, good(u)).rpartition(".")[0] + ".",
    "alg None": lambda s, u: "Bearer " + sign(s, {"alg": "None"}, good(u)),
    "alg none, signed": lambda s, u: "Bearer " + sign(s, {"alg": "none"}, good(u)),
    "alg hs256": lambda s, u: "Bearer " + sign(s, {"alg": "hs256"}, good(u)),
    "alg HS512": lambda s, u: "Bearer " + sign(s, {"alg": "HS512"}, good(u), hashlib.sha512),
    "alg HS384": lambda s, u: "Bearer " + sign(s, {"alg": "HS384"}, good(u), hashlib.sha384),
    "alg RS256": lambda s, u: "Bearer " + sign(s, {"alg": "RS256"}, good(u)),
    "alg ES256": lambda s, u: "Bearer " + sign(s, {"alg": "ES256"}, good(u)),
    "alg missing": lambda s, u: "Bearer " + sign(s, {"typ": "JWT"}, good(u)),
    "alg a list": lambda s, u: "Bearer " + sign(s, {"alg": ["HS256"]}, good(u)),
    "alg twice": lambda s, u: "Bearer " + sign(s, b'{"alg":"HS256","alg":"none"}', good(u)),
    "kid a number": lambda s, u: "Bearer " + sign(s, {**HS256, "kid": 1}, good(u)),
    "kid of a file, signed with what it holds": lambda s, u: "Bearer " + sign(
        "", {**HS256, "kid": "../../dev/null"}, good(u)),
    "typ of a logout token": lambda s, u: "Bearer " + sign(s, {**HS256, "typ": "logout+jwt"}, good(u)),
    "typ of a DPoP proof": lambda s, u: "Bearer " + sign(s, {**HS256, "typ": "dpop+jwt"}, good(u)),
    "typ empty": lambda s, u: "Bearer " + sign(s, {**HS256, "typ": ""}, good(u)),
    "typ a number": lambda s, u: "Bearer " + sign(s, {**HS256, "typ": 1}, good(u)),
    "events": lambda s, u: "Bearer " + sign(s, HS256, good(u, events={
        "http://schemas.openid.net/event/backchannel-logout": {}})),
    "crit": lambda s, u: "Bearer " + sign(s, {**HS256, "crit": ["exp"]}, good(u)),
    "another secret": lambda s, u: "Bearer " + sign("x" * 64, HS256, good(u)),
    "empty secret": lambda s, u: "Bearer " + sign("", HS256, good(u)),
    "signature of other claims": lambda s, u: "Bearer " + sign(s, HS256, good(u)).rpartition(".")[0] + "." + sign(
        s, HS256, good("x")).rpartition(".")[2],
    "signature cut": lambda s, u: "Bearer " + sign(s, HS256, good(u))[:-4],
    "signature empty": lambda s, u: "Bearer " + sign(s, HS256, good(u)).rpartition(".")[0] + ".",
    "signature missing": lambda s, u: "Bearer " + sign(s, HS256, good(u)).rpartition(".")[0],
    "signature with spare bits": lambda s, u: "Bearer " + other_bits(sign(s, HS256, good(u))),
    "padding": lambda s, u: "Bearer " + sign(s, HS256, good(u)) + "=",
    "dot behind": lambda s, u: "Bearer " + sign(s, HS256, good(u)) + ".",
    "dot before": lambda s, u: "Bearer ." + sign(s, HS256, good(u)),
    "five parts": lambda s, u: "Bearer " + sign(s, HS256, good(u)) + ".a.b",
    "only dots": lambda s, u: "Bearer ..",
    "plain text": lambda s, u: "Bearer " + u,
    "claims not JSON": lambda s, u: "Bearer " + sign(s, HS256, b"{"),
    "claims a list": lambda s, u: "Bearer " + sign(s, HS256, [good(u)]),
    "sub twice": lambda s, u: "Bearer " + sign(
        s, HS256, b'{"exp":9999999999,"sub":"x","sub":%s}' % json.dumps(u).encode()),
    "exp missing": lambda s, u: "Bearer " + sign(s, HS256, {"sub": u}),
    "exp null": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=None)),
    "exp a text": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp="9999999999")),
    "exp NaN": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=float("nan"))),
    "exp infinite": lambda s, u: "Bearer " + sign(s, HS256, b'{"exp":1e999,"sub":%s}' % json.dumps(u).encode()),
    "expired": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=int(time.time()) - 33)),
    "expired fraction": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=time.time() - 32.5)),
    "exp negative": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=-9999999999)),
    "nbf in the future": lambda s, u: "Bearer " + sign(s, HS256, good(u, nbf=int(time.time()) + 60)),
    "nbf a text": lambda s, u: "Bearer " + sign(s, HS256, good(u, nbf="0")),
    "sub missing": lambda s, u: "Bearer " + sign(s, HS256, {"exp": 9999999999}),
    "sub empty": lambda s, u: "Bearer " + sign(s, HS256, good("")),
    "sub null": lambda s, u: "Bearer " + sign(s, HS256, good(None)),
    "sub a number": lambda s, u: "Bearer " + sign(s, HS256, good(1)),
    "sub a list": lambda s, u: "Bearer " + sign(s, HS256, good([u])),
    "sub of 65 bytes": lambda s, u: "Bearer " + sign(s, HS256, good(u.ljust(65, "x"))),
    "a token of 7 KB that is not signed": lambda s, u: "Bearer " + "a" * 7_000 + "." + "b" * 100 + ".c",
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_token_is_401_with_one_body_for_all(quiet, make):
    booking = quiet.booking()
    field = make(quiet.secret, booking.professional.user_id)
    with nothing_written(quiet):
        answer = quiet.patch(booking, None, "confirm", Authorization=field)
        body = problem(answer, "unauthenticated")
    # RFC 6750, 3.1: an error code for a token, none where no token came.
    came = field.lower().startswith("bearer ") and field.strip().lower() != "bearer"
    error = ', error="invalid_token"' if came else ""
    assert answer.header("WWW-Authenticate") == f'Bearer realm="odys"{error}'
    without = problem(quiet.patch(booking, None, "confirm"), "unauthenticated")
    assert {**body, "requestId": ""} == {**without, "requestId": ""}


GOOD = {
    "as it should be": lambda s, u: "Bearer " + sign(s, HS256, good(u)),
    "scheme in lower case": lambda s, u: "bearer " + sign(s, HS256, good(u)),
    "scheme in upper case": lambda s, u: "BEARER " + sign(s, HS256, good(u)),
    "kid of nobody's key": lambda s, u: "Bearer " + sign(s, {**HS256, "kid": "kZoDhkdY4lmHtTwQ"}, good(u)),
    "typ at+jwt": lambda s, u: "Bearer " + sign(s, {**HS256, "typ": "at+jwt"}, good(u)),
    "typ in another form": lambda s, u: "Bearer " + sign(s, {**HS256, "typ": "application/AT+jwt"}, good(u)),
    "without typ": lambda s, u: "Bearer " + sign(s, {"alg": "HS256"}, good(u)),
    "fraction": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=time.time() + 100.5)),
    "expired within the leeway": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=time.time() - 15.5)),
    "huge exp": lambda s, u: "Bearer " + sign(s, HS256, good(u, exp=10**18)),
    "exp as 1e12": lambda s, u: "Bearer " + sign(s, HS256, b'{"exp":1e12,"sub":%s}' % json.dumps(u).encode()),
    "nbf within the leeway": lambda s, u: "Bearer " + sign(s, HS256, good(u, nbf=time.time() + 15)),
    "other claims": lambda s, u: "Bearer " + sign(s, HS256, good(u, iat=0, role="x", aud=["y"], iss="z")),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_good_token_is_accepted(quiet, make):
    booking = quiet.booking()
    field = make(quiet.secret, booking.professional.user_id)
    assert quiet.patch(booking, None, "confirm", Authorization=field).status == 200


def test_a_user_id_of_64_bytes_is_accepted(quiet):
    professional = quiet.professional(user_id="ü" * 32)
    quiet.act(quiet.booking(professional), "confirm")


def test_a_token_in_the_query_is_no_token(quiet):
    booking = quiet.booking()
    token = quiet.token(booking.professional.user_id)
    for name in ("access_token", "token", "authorization", "jwt"):
        answer = quiet.send(f"{booking.path}?{name}={token}", None, b'{"action":"confirm"}')
        problem(answer, "unauthenticated")
    assert token not in quiet.log("nginx-access.log")


@pytest.mark.parametrize("first", ["nobody", "stranger"])
def test_a_second_authorization_never_acts(quiet, first):
    booking = quiet.booking()
    fields = {"nobody": "Bearer x.y.z", "stranger": f"Bearer {quiet.token(quiet.stranger().user_id)}"}
    with nothing_written(quiet):
        answer = quiet.raw_patch(booking, [
            "Content-Type: application/json", f"Authorization: {fields[first]}",
            f"Authorization: Bearer {quiet.token(booking.professional.user_id)}"])
    assert answer.status in (400, 401, 403), answer


def test_header_names_with_underscores_are_no_headers(quiet):
    booking = quiet.booking()
    answer = quiet.raw_patch(booking, [
        "Content-Type: application/json", f"HTTP_AUTHORIZATION: Bearer {quiet.token(booking.professional.user_id)}"])
    problem(answer, "unauthenticated")


ISSUER, AUDIENCE = "https://issuer.example", "odys"


@pytest.mark.parametrize("claims", [
    {}, {"iss": ISSUER}, {"aud": AUDIENCE}, {"iss": ISSUER + "/", "aud": AUDIENCE}, {"iss": ISSUER, "aud": "other"},
    {"iss": [ISSUER], "aud": AUDIENCE}, {"iss": ISSUER, "aud": []}, {"iss": ISSUER, "aud": ["other"]},
    {"iss": ISSUER, "aud": {"odys": True}}, {"iss": "HTTPS://ISSUER.EXAMPLE", "aud": AUDIENCE},
    {"iss": ISSUER, "aud": "ODYS"}, {"iss": ISSUER, "aud": "odys "}], ids=str)
def test_issuer_and_audience_must_be_the_configured_ones(strict, claims):
    booking = strict.booking()
    token = sign(strict.secret, HS256, good(booking.professional.user_id, **claims))
    problem(strict.patch(booking, None, "confirm", Authorization=f"Bearer {token}"), "unauthenticated")


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]], ids=str)
def test_the_audience_may_be_one_of_several(strict, audience):
    booking = strict.booking()
    token = sign(strict.secret, HS256, good(booking.professional.user_id, iss=ISSUER, aud=audience))
    assert strict.patch(booking, None, "confirm", Authorization=f"Bearer {token}").status == 200
