"""The session cookie, in both of its forms, and the pages that may use it."""

import base64
import json
import subprocess

import pytest

from conftest import ORIGIN
from edge import Edge, Nginx
from hosts import balancer_site
from refusing import nothing_written, problem

NAME = "sb-odys-auth-token"
OURS = {"Origin": ORIGIN}


@pytest.fixture(scope="module")
def cookied(make_stack):
    return make_stack("--rate-limit", "off", "--no-seed", "--no-peers", "--responders", "1", ODYS_DELIVERY="off",
                      ODYS_SESSION_COOKIE=NAME, ODYS_ALLOWED_ORIGINS=ORIGIN, ODYS_THREADS="4")


def session(token, **more):
    """The cookie that @supabase/ssr writes."""
    content = {"access_token": token, "token_type": "bearer", "expires_in": 3600, "refresh_token": "v1.MRjRsq",
               "user": {"id": "x", "user_metadata": {"name": "José 😀"}}, **more}
    return "base64-" + base64.urlsafe_b64encode(json.dumps(content, ensure_ascii=False).encode()).rstrip(b"=").decode()


def pieces(value, size=3180):
    """The chunks that @supabase/ssr makes of a long value."""
    return [f"{NAME}.{index}={value[at:at + size]}" for index, at in enumerate(range(0, len(value), size))]


def with_cookie(stack, booking, cookie, action="confirm", **headers):
    fields = {**OURS, **headers}
    return stack.patch(booking, None, action, Cookie=cookie, **fields)


GOOD = {
    "the token itself": lambda t: f"{NAME}={t}",
    "among others": lambda t: f"_ga=GA1.2.3; {NAME}={t}; theme=dark",
    "without a blank": lambda t: f"a=b;{NAME}={t};c=d",
    "a session": lambda t: f"{NAME}={session(t)}",
    "a session in one piece": lambda t: f"{NAME}.0={session(t)}",
    "a session in pieces": lambda t: "; ".join(pieces(session(t, filler="x" * 3_500))),
    "pieces in another order": lambda t: "; ".join(reversed(pieces(session(t, filler="x" * 3_500)))),
    "small pieces": lambda t: "; ".join(pieces(session(t), 100)),
    "a token in pieces": lambda t: "; ".join(pieces(t, 50)),
    "a stale piece behind a gap": lambda t: f"{NAME}.0={session(t)}; {NAME}.2=stale",
    "the whole beside stale pieces": lambda t: f"{NAME}.0=stale; {NAME}={session(t)}; {NAME}.1=stale",
}

BAD = {
    "no cookie": lambda t: "theme=dark",
    "empty": lambda t: f"{NAME}=",
    "another name": lambda t: f"{NAME}x={t}",
    "upper case": lambda t: f"{NAME.upper()}={t}",
    "a bad token": lambda t: f"{NAME}={t}x",
    "quoted": lambda t: f'{NAME}="{t}"',
    "twice": lambda t: f"{NAME}={t}; {NAME}={t}",
    "twice, one bad": lambda t: f"{NAME}=bad; {NAME}={t}",
    "a session without its first piece": lambda t: "; ".join(pieces(session(t), 300)[1:]),
    "a session without a middle piece": lambda t: "; ".join(pieces(session(t), 200)[:1] + pieces(session(t), 200)[2:]),
    "a session without its last piece": lambda t: "; ".join(pieces(session(t), 300)[:-1]),
    "a piece twice": lambda t: "; ".join([*pieces(session(t), 300), f"{NAME}.0=x"]),
    "padding": lambda t: f"{NAME}={session(t)}=",
    "not base64": lambda t: f"{NAME}=base64-***",
    "not JSON": lambda t: f"{NAME}=base64-{base64.urlsafe_b64encode(b'hello!').decode()}",
    "no access_token": lambda t: f"{NAME}=base64-{base64.urlsafe_b64encode(b'{}').rstrip(b'=').decode()}",
    "JSON that is not encoded": lambda t: f"{NAME}=" + json.dumps({"access_token": t}).replace(" ", ""),
    "a session in a session": lambda t: f"{NAME}={session(session(t))}",
    "Bearer": lambda t: f"{NAME}=Bearer {t}",
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_session_acts(cookied, make):
    booking = cookied.booking()
    cookie = make(cookied.token(booking.professional.user_id))
    assert with_cookie(cookied, booking, cookie).status == 200


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_session_is_401_like_every_other(cookied, make):
    booking = cookied.booking()
    with nothing_written(cookied):
        answer = with_cookie(cookied, booking, make(cookied.token(booking.professional.user_id)))
        body = problem(answer, "unauthenticated")
    without = problem(cookied.patch(booking, None, "confirm", **OURS), "unauthenticated")
    assert {**body, "requestId": ""} == {**without, "requestId": ""}


@pytest.mark.parametrize("headers, status", [
    ({"Origin": ORIGIN}, 200), ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, 200), ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, 200),
    ({}, 403), ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Origin": ORIGIN + "/"}, 403),
    ({"Origin": ORIGIN + ".evil.example"}, 403), ({"Origin": ORIGIN.replace("https", "http")}, 403),
    ({"Origin": ORIGIN.upper()}, 403), ({"Origin": f"{ORIGIN}, {ORIGIN}"}, 403), ({"Origin": ""}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "none"}, 403),
    ({"Sec-Fetch-Site": "SAME-ORIGIN"}, 403), ({"Sec-Fetch-Site": "same-origin, cross-site"}, 403),
    ({"Sec-Fetch-Site": ""}, 403), ({"Referer": ORIGIN + "/"}, 403), ({"X-Requested-With": "XMLHttpRequest"}, 403),
], ids=str)
def test_a_session_acts_for_our_own_pages_only(cookied, headers, status):
    booking = cookied.booking()
    cookie = f"{NAME}={cookied.token(booking.professional.user_id)}"
    answer = cookied.request("PATCH", booking.path, {"Content-Type": "application/json", "Cookie": cookie, **headers},
                             b'{"action":"confirm"}')
    assert answer.status == status, answer
    if status == 403:
        problem(answer, "forbidden")
        assert cookied.state(booking)[0] == "pending_confirmation"


def test_the_origin_is_judged_after_the_token_and_before_the_body(cookied):
    booking = cookied.booking()
    good, bad = f"{NAME}={cookied.token(booking.professional.user_id)}", f"{NAME}=a.b.c"
    evil = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    for cookie, origin, code in [(bad, evil, "unauthenticated"), (good, evil, "forbidden"),
                                 (good, {**evil, **OURS}, "unsupported_media_type")]:
        answer = cookied.request("PATCH", booking.path, {"Cookie": cookie, **origin}, b"{" * 100)
        problem(answer, code)
    elsewhere = "/api/appointments/00000000-0000-4000-8000-000000000000"
    problem(cookied.request("PATCH", elsewhere, {"Cookie": good, **evil}, b"{}"), "forbidden")


@pytest.mark.parametrize("field", ["Bearer a.b.c", "Bearer", "", "Basic dXNlcjpwYXNz"], ids=repr)
def test_a_bad_authorization_does_not_fall_back_to_the_cookie(cookied, field):
    booking = cookied.booking()
    cookie = f"{NAME}={cookied.token(booking.professional.user_id)}"
    problem(with_cookie(cookied, booking, cookie, Authorization=field), "unauthenticated")


def test_authorization_counts_before_the_cookie_and_needs_no_origin(cookied):
    booking = cookied.booking()
    stranger = f"{NAME}={cookied.token(cookied.stranger().user_id)}"
    answer = cookied.patch(booking, booking.professional, "confirm", Cookie=stranger, Origin="https://evil.example")
    assert answer.status == 200


def test_cookie_lines_count_as_one(cookied):
    """nginx passes them as they come; a browser with HTTP/2 splits them."""
    booking = cookied.booking()
    token = cookied.token(booking.professional.user_id)
    head = ["Content-Type: application/json", f"Origin: {ORIGIN}"]
    parts = pieces(session(token), 200)
    assert len(parts) > 2
    answer = cookied.raw_patch(booking, [*head, "Cookie: a=b", *(f"Cookie: {part}" for part in parts)])
    assert answer.status == 200, answer
    other = cookied.booking()
    for lines in ([f"{NAME}={token}", f"{NAME}={token}"], [f"{NAME}=x", f"{NAME}={token}"]):
        answer = cookied.raw_patch(other, [*head, *(f"Cookie: {line}" for line in lines)])
        problem(answer, "unauthenticated")


COOKIE_MAX = 32 * 1024


def long_cookie(token, size):
    """A session in pieces, as @supabase/ssr writes it, among cookies of others: this many bytes."""
    cookie = "; ".join([*pieces(session(token, filler="x" * min(4_000, size // 4))), "consent="])
    return cookie + "y" * (size - len(cookie))


@pytest.fixture(scope="module")
def balanced(cookied):
    """Over TLS to the stack's own nginx, by HTTP/1.1."""
    made = Nginx(cookied, balancer_site([f"https://localhost:{cookied.port}"] * 2), exempt="127.0.0.0/8 1;\n")
    yield made
    made.close()


@pytest.mark.parametrize("place", ["host", "balancer"])
@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize("size", [8_600, COOKIE_MAX])
def test_long_cookies_arrive_over_every_protocol(cookied, balanced, size, version, place):
    """In one line, as HTTP/1.1 needs it, and beside a head as large as browsers send."""
    edge, booking = balanced if place == "balancer" else Edge.of(cookied), cookied.booking()
    cookie = long_cookie(cookied.token(booking.professional.user_id), size)
    assert len(cookie) == size
    lines = {"Content-Type": "application/json", "Origin": ORIGIN, "Cookie": cookie,
             "Referer": ORIGIN + "/" + "r" * 4_000}
    done = subprocess.run(
        ["/usr/bin/curl", "--silent", "--show-error", f"--http{version}", "--cacert", cookied.description["ca"],
         "--noproxy", "*", "--request", "PATCH",
         *(word for name, value in lines.items() for word in ("--header", f"{name}: {value}")),
         "--data", '{"action":"confirm"}', "--output", "/dev/null", "--write-out", "%{http_version} %{http_code}",
         f"https://localhost:{edge.port}{booking.path}"], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == f"{version} 200", (done.stdout, done.stderr)


@pytest.mark.parametrize("size, status", [(COOKIE_MAX + 1, 401), (41_000, 400), (120_000, 400)])
def test_longer_cookies_are_refused(cookied, balanced, size, status):
    booking = cookied.booking()
    cookie = long_cookie(cookied.token(booking.professional.user_id), size)
    for edge in (Edge.of(cookied), balanced):
        with nothing_written(cookied):
            answer = edge.request("PATCH", booking.path, {"Content-Type": "application/json", "Cookie": cookie, **OURS},
                                  b'{"action":"confirm"}')
        problem(answer, "unauthenticated" if status == 401 else "malformed_request", status)


def test_answers_allow_credentials_to_listed_origins(cookied):
    booking = cookied.booking()
    answers = [
        cookied.request("OPTIONS", booking.path, {**OURS, "Access-Control-Request-Method": "PATCH"}),
        with_cookie(cookied, booking, f"{NAME}={cookied.token(booking.professional.user_id)}"),  # 200
        cookied.patch(booking, None, "confirm", **OURS),  # 401
        cookied.request("PATCH", booking.path, OURS, b"x" * 20_000),  # 413 of nginx
        cookied.request("GET", "/x", OURS),  # 404 of nginx
    ]
    assert [answer.status for answer in answers] == [204, 200, 401, 413, 404]
    for answer in answers:
        assert answer.header("Access-Control-Allow-Origin") == ORIGIN, answer
        assert answer.header("Access-Control-Allow-Credentials") == "true", answer
    for origin in ({}, {"Origin": "https://evil.example"}):
        for answer in (cookied.request("OPTIONS", booking.path, origin), cookied.patch(booking, None, "x", **origin),
                       cookied.request("GET", "/x", origin)):
            assert answer.header("Access-Control-Allow-Credentials") is None
            assert answer.header("Access-Control-Allow-Origin") is None


def test_without_the_setting_a_cookie_is_nothing(quiet):
    booking = quiet.booking()
    token = quiet.token(booking.professional.user_id)
    problem(quiet.patch(booking, None, "confirm", Cookie=f"{NAME}={token}; token={token}", **OURS), "unauthenticated")
    answer = quiet.patch(booking, booking.professional, "confirm", **OURS)
    assert answer.header("Access-Control-Allow-Credentials") is None
