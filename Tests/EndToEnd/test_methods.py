"""Methods, preflights and origins."""

import pytest

from conftest import ORIGIN
from refusing import nothing_written, problem

ALLOW = {"": "GET, HEAD, PATCH, OPTIONS", "/history": "GET, HEAD, OPTIONS"}


@pytest.mark.parametrize("suffix, method", [
    *(("", method) for method in ("POST", "PUT", "DELETE", "PROPFIND")),
    *(("/history", method) for method in ("PATCH", "POST", "PUT", "DELETE", "PROPFIND"))])
def test_another_method_is_405_with_allow(quiet, suffix, method):
    booking = quiet.booking()
    with nothing_written(quiet):
        answer = quiet.request(method, booking.path + suffix, quiet.head(booking.professional),
                               b'{"action":"confirm"}')
    assert answer.status == 405 and answer.header("Allow") == ALLOW[suffix], answer
    problem(answer, "method_not_allowed")


@pytest.mark.parametrize("suffix", ALLOW)
def test_the_405_of_nginx_names_the_same_methods(quiet, suffix):
    text = f"TRACE {quiet.booking().path}{suffix} HTTP/1.1\r\nHost: {quiet.host}\r\nConnection: close\r\n\r\n"
    answer = quiet.raw(text.encode())
    problem(answer, "method_not_allowed")
    assert answer.header("Allow") == ALLOW[suffix]


def test_a_method_needs_no_token_to_be_refused(quiet):
    problem(quiet.request("POST", quiet.booking().path), "method_not_allowed")


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_cannot_be_overridden(quiet, override):
    booking = quiet.booking()
    headers = {**quiet.head(booking.professional), override: "PATCH"}
    problem(quiet.request("POST", booking.path, headers, b'{"action":"confirm"}'), "method_not_allowed")


@pytest.mark.parametrize("suffix", ALLOW)
def test_a_preflight_of_a_listed_origin_is_answered(quiet, suffix):
    for origin in (ORIGIN, "http://localhost:3000"):
        answer = quiet.request("OPTIONS", quiet.booking().path + suffix, {
            "Origin": origin, "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type"})
        assert answer.status == 204 and answer.body == b""
        assert answer.header("Access-Control-Allow-Origin") == origin
        assert answer.header("Access-Control-Allow-Methods") == ALLOW[suffix]
        allowed = {name.strip().lower() for name in answer.header("Access-Control-Allow-Headers").split(",")}
        assert {"authorization", "content-type", "x-request-id"} <= allowed
        assert int(answer.header("Access-Control-Max-Age")) > 0
        assert "Origin" in answer.header("Vary")
        assert answer.header("Accept-Patch") == ("application/json" if suffix == "" else None)
        assert answer.header("Access-Control-Allow-Credentials") is None  # there is no cookie


@pytest.mark.parametrize("origin", [
    None, "https://evil.example", "null", ORIGIN + "/", ORIGIN + ".evil.example", ORIGIN.upper(), ORIGIN + ":444",
    "http://app.odys.example", ORIGIN + ", https://evil.example", "*"], ids=repr)
def test_without_a_listed_origin_a_preflight_has_no_cors_headers(quiet, origin):
    booking = quiet.booking()
    headers = {"Access-Control-Request-Method": "PATCH", **({"Origin": origin} if origin else {})}
    for suffix, methods in ALLOW.items():
        answer = quiet.request("OPTIONS", booking.path + suffix, headers)
        assert answer.status == 204 and answer.header("Allow") == methods
        assert answer.header("Accept-Patch") == ("application/json" if suffix == "" else None)
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
    answer = quiet.patch(booking, booking.professional, "confirm", **({"Origin": origin} if origin else {}))
    assert answer.status == 200
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


def test_every_answer_names_a_listed_origin(quiet):
    booking = quiet.booking()
    answers = [
        quiet.patch(booking, booking.professional, "confirm", Origin=ORIGIN),  # 200
        quiet.patch(booking, None, "confirm", Origin=ORIGIN),  # 401
        quiet.patch(booking, quiet.stranger(), "confirm", Origin=ORIGIN),  # 403
        quiet.request("GET", booking.path, quiet.head(booking.client, Origin=ORIGIN)),  # 200 of a reading
        quiet.request("POST", booking.path, {"Origin": ORIGIN}),  # 405 of the responder
        quiet.request("PATCH", booking.path, {"Origin": ORIGIN}, b"x" * 20_000),  # 413 of nginx
        quiet.request("GET", "/x", {"Origin": ORIGIN}),  # 404 of nginx
    ]
    assert [answer.status for answer in answers] == [200, 401, 403, 200, 405, 413, 404]
    for answer in answers:
        assert answer.header("Access-Control-Allow-Origin") == ORIGIN, answer
        exposed = {name.strip() for name in answer.header("Access-Control-Expose-Headers").split(",")}
        assert {"ETag", "Retry-After", "X-Request-Id"} <= exposed
        assert "Origin" in answer.header("Vary")


def test_options_of_another_path_is_404(quiet):
    assert quiet.request("OPTIONS", "/api/appointments/1").status == 404
