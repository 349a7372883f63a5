"""The CORS headers of nginx's own answers: with them a page of a listed origin can read the error."""

import os
import signal

import pytest

import bench
import stack
from conftest import ORIGIN
from edge import Nginx, silent
from refusing import problem
from waiting import eventually

# What `odysctl config nginx` prints if a session cookie is configured.
WITH_COOKIE = f"""
map $http_origin $odys_cors_origin {{
    default "";
    "{ORIGIN}" "{ORIGIN}";
}}
map $odys_cors_origin $odys_cors_credentials {{
    default "true";
    "" "";
}}
"""
STRANGE = [None, "https://evil.example", "null", ORIGIN + ".evil.example", ORIGIN + ":444", "http://app.odys.example"]


@pytest.fixture(scope="module")
def own(make_stack):
    """A responder that a test may stop, for this file alone."""
    return make_stack("--no-seed", "--no-peers", "--responders", "1", ODYS_DELIVERY="off", ODYS_THREADS="2")


@pytest.fixture(scope="module")
def nginx(own):
    made = Nginx(own, origins=WITH_COOKIE)
    yield made
    made.close()


def own_answers(nginx, own, headers):
    """Every status that nginx answers by itself while the responder is up."""
    path = own.booking().path
    fields = [f"{name}: {value}" for name, value in headers.items()]
    yield 400, nginx.lines("PATCH", path, [*fields, "Transfer-Encoding: gzip"])
    yield 404, nginx.request("GET", "/", headers)
    yield 404, nginx.request("GET", "/api/appointments", headers)
    yield 405, nginx.request("TRACE", path, headers)
    yield 413, nginx.request("PATCH", path, headers, b"x" * 20_000)


def test_a_request_line_that_is_too_long_is_answered_before_the_origin_is_read(nginx, own):
    """The one exception, from 40 KiB on: nginx gives up at the request line, before it reads an origin."""
    for origin in (ORIGIN, "https://evil.example"):
        for path in (own.booking().path, "/elsewhere"):
            check(nginx.request("PATCH", path + "?" + "x" * 45_000, {"Origin": origin}), 414, None)
            answer = nginx.request("PATCH", path + "?" + "x" * 9_000, {"Origin": origin})
            check(answer, 414, origin if origin == ORIGIN else None)


def check(answer, status, origin):
    code = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large",
            414: "uri_too_long", 429: "rate_limited"}.get(status, "unavailable")
    problem(answer, code, status)
    assert "Origin" in answer.header("Vary")
    assert answer.header("Strict-Transport-Security") == "max-age=63072000"
    if origin is None:
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")], answer
        return
    assert answer.header("Access-Control-Allow-Origin") == origin
    assert answer.header("Access-Control-Allow-Credentials") == "true"
    exposed = {name.strip() for name in answer.header("Access-Control-Expose-Headers").split(",")}
    assert exposed == {"ETag", "Retry-After", "X-Request-Id", "Idempotency-Replayed"}


@pytest.mark.parametrize("origin", [ORIGIN, *STRANGE], ids=repr)
def test_nginx_names_a_listed_origin_on_its_own_answers(nginx, own, origin):
    headers = {} if origin is None else {"Origin": origin}
    for status, answer in own_answers(nginx, own, headers):
        check(answer, status, origin if origin == ORIGIN else None)


def test_also_where_there_are_too_many_requests_or_no_responder(nginx, own):
    headers, path = {"Origin": ORIGIN}, own.booking().path
    with silent(own):
        answer = nginx.request("OPTIONS", path, headers)
    check(answer, 504, ORIGIN)
    for _ in range(70):
        answer = nginx.request("PATCH", path, headers)
        if answer.status == 429:
            break
    check(answer, 429, ORIGIN)
    os.kill(own.process("supervisor"), signal.SIGKILL)
    check(eventually(lambda: (got := nginx.request("OPTIONS", path, headers)).status == 502 and got), 502, ORIGIN)


LABEL = "a" * 62
ACCEPTED = {
    "48 characters": [f"https://{'a' * 27}.odys.example"],
    "a host of 253 characters": [f"https://{'.'.join([LABEL] * 4)}.b:65535"],
    "200 origins": [f"https://clinic-{number:03}.{LABEL}.odys.example" for number in range(200)],
    "repeated": ["https://a.example", "https://a.example", "https://b.example", "https://a.example"],
    "IPv6, IPv4, ports": ["https://[2001:db8::7]:8443", "http://[::1]:3000", "http://10.0.0.7", "http://a.example:443"],
    "punycode and underscore": ["https://xn--clnica-2va.example", "http://my_app.internal"],
    "the root's dot": ["https://a.example."],
}


@pytest.mark.parametrize("site", ["", "map_hash_bucket_size 32; map_hash_max_size 64;"], ids=["bare", "own hashes"])
@pytest.mark.parametrize("origins", ACCEPTED.values(), ids=ACCEPTED)
def test_nginx_bears_every_origin_that_the_settings_accept(own, origins, site):
    """Also on a site that has set the sizes of its hash tables: nginx refuses a second value."""
    settings = {"ODYS_DB_SOCKET": "/s", "ODYS_JWT_SECRET": "x" * 40, "ODYS_APP_URL": "https://odys.example",
                "ODYS_ALLOWED_ORIGINS": ", ".join(origins), "ODYS_BIN_DIR": None}
    assert stack.run(bench.CTL, "config", "check", **settings).stdout == "the settings are good\n"
    made = Nginx(own, origins=stack.run(bench.CTL, "config", "nginx", **settings).stdout, http_more=site)
    try:
        for origin in {*origins[:2], *origins[-2:]}:
            assert made.request("GET", "/", {"Origin": origin}).header("Access-Control-Allow-Origin") == origin
            for other in (origin + "x", "x" + origin, origin.upper(), origin.replace(".", "-", 1), origin + "/"):
                if other not in origins:
                    answer = made.request("GET", "/", {"Origin": other})
                    assert answer.header("Access-Control-Allow-Origin") is None, other
    finally:
        made.close()


def test_without_a_cookie_there_are_no_credentials(quiet):
    """The stack's map is what odysctl printed, and ODYS_SESSION_COOKIE is not set."""
    answer = quiet.request("GET", "/", {"Origin": ORIGIN})
    assert answer.header("Access-Control-Allow-Origin") == ORIGIN
    assert answer.header("Access-Control-Allow-Credentials") is None
