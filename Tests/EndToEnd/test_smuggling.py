"""Requests that two parsers might read differently, through nginx, byte by byte: docs/SECURITY.md lists them."""

import contextlib
import time

import pytest

from edge import Edge, Nginx, answers
from refusing import nothing_written, problem

BODY = b'{"action":"confirm"}'


@pytest.fixture
def edge(quiet):
    return Edge.of(quiet)


class Attempt:
    """A booking, and the tokens of its professional and of a stranger."""

    def __init__(self, quiet):
        self.quiet, self.booking = quiet, quiet.booking()
        self.path = self.booking.path
        self.alice = "Authorization: Bearer " + quiet.token(self.booking.professional.user_id)
        self.bob = "Authorization: Bearer " + quiet.token(quiet.stranger().user_id)
        self.json = "Content-Type: application/json"

    def head(self, *lines, method="PATCH", target=None, version="1.1"):
        first = f"{method} {target or self.path} HTTP/{version}"
        return "\r\n".join([first, "Host: localhost", "Connection: close", *lines, "", ""]).encode("latin-1")

    def confirmed(self):
        return self.quiet.state(self.booking)[0] == "confirmed"


@pytest.fixture
def attempt(quiet):
    return Attempt(quiet)


# --- Repeated header fields ---------------------------------------------------------------------------

REPEATED = {
    "two tokens": (["{alice}", "{bob}"], 400, "malformed_request"),
    "two tokens, the good one last": (["{bob}", "{alice}"], 400, "malformed_request"),
    "the same token twice": (["{alice}", "{alice}"], 400, "malformed_request"),
    "an empty token and a good one": (["Authorization:", "{alice}"], 400, "malformed_request"),
    "two media types": (["{alice}", "Content-Type: text/plain"], 400, "invalid_header"),
    "the same media type twice": (["{alice}", "Content-Type: application/json"], 400, "invalid_header"),
    "two keys": (["{alice}", "Idempotency-Key: a", "Idempotency-Key: b"], 400, "invalid_header"),
    "the same key twice": (["{alice}", "Idempotency-Key: a", "idempotency-key: a"], 400, "invalid_header"),
    "an empty key and a good one": (["{alice}", "Idempotency-Key:", "Idempotency-Key: a"], 400, "invalid_header"),
    "two versions": (["{alice}", 'If-Match: "1"', 'If-Match: "1"'], 400, None),
    "a version and any": (["{alice}", 'If-Match: "9"', "If-Match: *"], 400, None),
    "two hosts": (["{alice}", "Host: localhost"], 400, "malformed_request"),
    "two lengths": (["{alice}", "Content-Length: 20"], 400, "malformed_request"),
    "two different lengths": (["{alice}", "Content-Length: 0"], 400, "malformed_request"),
}


@pytest.mark.parametrize("lines, status, code", REPEATED.values(), ids=REPEATED)
def test_a_repeated_field_is_refused(quiet, edge, attempt, lines, status, code):
    fields = [line.format(alice=attempt.alice, bob=attempt.bob) for line in lines]
    with nothing_written(quiet):
        answer = edge.lines("PATCH", attempt.path, [attempt.json, *fields], BODY)
    # nginx refuses some of them itself, before the responder sees anything.
    problem(answer, code or answer.json()["code"], status)
    assert answer.json()["code"] in ("malformed_request", "invalid_header")


def test_other_repeated_fields_say_nothing(edge, attempt):
    """Their value is not used: there is no origin, and the request id is a new one."""
    fields = ["X-Request-Id: aaaa", "X-Request-Id: bbbb", "Origin: https://app.odys.example",
              "Origin: https://x.example", "Accept: application/json", "Accept: text/html", "traceparent: x",
              "traceparent: y"]
    answer = edge.lines("PATCH", attempt.path, [attempt.json, *fields], BODY)
    assert answer.status == 401 and answer.header("X-Request-Id") != "bbbb"
    assert answer.header("Access-Control-Allow-Origin") is None
    assert answer.header("Content-Type") == "application/problem+json"


# --- Where a body ends --------------------------------------------------------------------------------

CHUNKED = b"14\r\n" + BODY + b"\r\n0\r\n\r\n"
LENGTHS = {
    "length and chunked": (["Content-Length: 4", "Transfer-Encoding: chunked"], CHUNKED),
    "chunked and length": (["Transfer-Encoding: chunked", "Content-Length: 4"], CHUNKED),
    "chunked twice": (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], CHUNKED),
    "chunked, chunked": (["Transfer-Encoding: chunked, chunked"], CHUNKED),
    "identity": (["Transfer-Encoding: identity"], BODY),
    "gzip, chunked": (["Transfer-Encoding: gzip, chunked"], CHUNKED),
    "chunked with a tab before it": (["Transfer-Encoding:\x0bchunked"], CHUNKED),
    "space before the colon": (["Transfer-Encoding : chunked"], CHUNKED),
    "folded": (["Transfer-Encoding:", " chunked"], CHUNKED),
    "negative": (["Content-Length: -1"], BODY), "signed": (["Content-Length: +20"], BODY),
    "hexadecimal": (["Content-Length: 0x14"], BODY), "a list": (["Content-Length: 20, 20"], BODY),
    "a fraction": (["Content-Length: 20.0"], BODY), "empty": (["Content-Length:"], BODY),
    "of 30 digits": (["Content-Length: " + "9" * 30], BODY),
    "chunk size is no number": (["Transfer-Encoding: chunked"], b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunk size is negative": (["Transfer-Encoding: chunked"], b"-1\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunk size overflows": (["Transfer-Encoding: chunked"], b"10000000000000014\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunk longer than its size": (["Transfer-Encoding: chunked"], b"4\r\n" + BODY + b"\r\n0\r\n\r\n"),
}


def refused_at_once(edge, content):
    """One refusal, and the connection is closed: what follows is not read as a second request."""
    begun = time.monotonic()
    got = edge.exchange(content)
    assert time.monotonic() - begun < 8
    assert len(got) == 1 and 400 <= got[0].status < 500, got
    return got[0]


@pytest.mark.parametrize("lines, body", LENGTHS.values(), ids=LENGTHS)
def test_a_body_whose_end_is_not_clear_is_refused(quiet, edge, attempt, lines, body):
    other = Attempt(quiet)
    behind = other.head(other.alice, other.json, f"Content-Length: {len(BODY)}") + BODY
    with nothing_written(quiet):
        head = attempt.head(attempt.alice, attempt.json, *lines).replace(b"Connection: close\r\n", b"")
        answer = refused_at_once(edge, head + body + behind)
    # A length of thirty digits may be malformed to nginx, or too large.
    problem(answer, "body_too_large" if answer.status == 413 else "malformed_request")


def test_http_1_0_has_no_chunks(quiet, edge, attempt):
    with nothing_written(quiet):
        head = attempt.head(attempt.alice, attempt.json, "Transfer-Encoding: chunked", version="1.0")
        refused_at_once(edge, head + CHUNKED)


@pytest.mark.parametrize("content", [b"%s", b"%s\r\nX: y\r\n", b"\r\n%s"], ids=["alone", "more behind", "line before"])
def test_what_follows_a_body_is_a_request_of_its_own(quiet, edge, content):
    """With its own token, or it gets 401: nothing of the first request is kept."""
    first, second = Attempt(quiet), Attempt(quiet)
    length = f"Content-Length: {len(BODY)}"
    kept = first.head(first.alice, first.json, length).replace(b"Connection: close\r\n", b"") + BODY
    got = edge.exchange(kept + content % (second.head(second.json, length) + BODY))
    assert [answer.status for answer in got[:2]] == [200, 401], got
    assert first.confirmed() and not second.confirmed()


def test_a_body_that_is_cut_off_is_never_carried_out(quiet, edge, attempt):
    with nothing_written(quiet), contextlib.closing(edge.connect()) as connection:
        connection.sendall(attempt.head(attempt.alice, attempt.json, "Content-Length: 100") + BODY)
        connection.unwrap()


def test_a_chunked_body_with_trailers_is_read_and_the_trailers_are_not(edge, attempt):
    trailers = CHUNKED.removesuffix(b"\r\n") + b"Authorization: Bearer x\r\nIf-Match: \"9\"\r\n\r\n"
    got = edge.exchange(attempt.head(attempt.alice, attempt.json, "Transfer-Encoding: chunked") + trailers)
    assert [answer.status for answer in got] == [200] and attempt.confirmed()


# --- Characters in the head ---------------------------------------------------------------------------

@pytest.mark.parametrize("line", [
    b"X: a\rb", b"X: a\x00b", b"X\x00: a", b"X y: a", b"X\x01: a", b": a", b" Authorization: x"], ids=repr)
def test_a_header_line_that_is_none_is_refused(quiet, edge, attempt, line):
    fields = [attempt.json.encode(), line, attempt.alice.encode()]
    with nothing_written(quiet):
        answer = edge.lines("PATCH", attempt.path, fields, BODY)
    problem(answer, "malformed_request")


def test_a_line_without_a_colon_is_a_field_with_nothing_in_it(quiet, edge, attempt):
    """nginx reads it as a field without a value, so it counts as a repetition too."""
    assert edge.lines("PATCH", attempt.path, [attempt.json, attempt.alice, "X"], BODY).status == 200
    with nothing_written(quiet):
        for line in ("Authorization", "Transfer-Encoding", "Content-Length", "Host"):
            answer = edge.lines("PATCH", attempt.path, [attempt.json, attempt.alice, line], BODY)
            problem(answer, "malformed_request")
        problem(edge.lines("PATCH", attempt.path, [attempt.json, attempt.alice, "If-Match"], BODY), "invalid_header")


@pytest.mark.parametrize("target", ["{path}\x00", "{path}\x1b[31m", "{path}\x7f", "{path}\tx", "{path} x"], ids=repr)
def test_control_characters_in_the_target_are_refused(quiet, edge, attempt, target):
    with nothing_written(quiet):
        answer = edge.exchange(attempt.head(attempt.alice, attempt.json, f"Content-Length: {len(BODY)}",
                                            target=target.format(path=attempt.path)) + BODY)[0]
    assert answer.status in (400, 404), answer
    problem(answer, answer.json()["code"], answer.status)


@pytest.mark.parametrize("name", ["X-Request-Id", "Origin", "traceparent", "Accept", "Idempotency-Key", "If-Match"])
@pytest.mark.parametrize("value", [b"a%0d%0aSet-Cookie: x=1", b"a\\r\\nSet-Cookie: x=1", b"a\xe5\x98\x8aSet-Cookie: x"])
def test_no_value_becomes_a_header_of_the_answer(edge, attempt, name, value):
    answer = edge.lines("PATCH", attempt.path, [attempt.json, name.encode() + b": " + value], BODY)
    assert answer.status == 401 and answer.header("Set-Cookie") is None
    assert b"Set-Cookie" not in answer.body and answer.header("X-Request-Id").isalnum()


# --- Names that look like others ----------------------------------------------------------------------

IGNORED = ["If_Match: \"9\"", "IF_MATCH: \"9\"", "Idempotency_Key: \"", "Content_Type: text/plain",
           "Content_Length: 3", "HTTP_IF_MATCH: \"9\"", "Http-If-Match: \"9\"", "Http-Idempotency-Key: \"",
           "Request-Method: DELETE", "Request-Uri: /x", "Content-Type-: text/plain", "Remote-Addr: 192.0.2.1",
           "Gateway-Interface: x", "Server-Protocol: HTTP/9", "Proxy: http://127.0.0.1:9", "Https: off",
           "X-Original-URL: /x", "X-Rewrite-URL: /x", "X-HTTP-Method-Override: DELETE",
           "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "Expect: 100-continue", "Upgrade: h2c",
           "HTTP2-Settings: AAMAAABkAAQCAAAA"]


@pytest.mark.parametrize("line", IGNORED)
def test_look_alikes_are_ignored(edge, attempt, line):
    got = [answer for answer in edge.exchange(
        attempt.head(attempt.alice, attempt.json, line, f"Content-Length: {len(BODY)}") + BODY) if answer.status != 100]
    assert [answer.status for answer in got] == [200], got
    assert attempt.confirmed()


@pytest.mark.parametrize("name", ["HTTP_AUTHORIZATION", "Http-Authorization", "Authorization_", "authorization-",
                                  "X-Authorization", "Proxy-Authorization", "Redirect-Http-Authorization",
                                  "X-Forwarded-User", "Remote-User", "X-Access-Token", "Auth-Type"])
def test_no_other_field_carries_a_token(quiet, edge, attempt, name):
    field = f"{name}: {attempt.alice.partition(': ')[2]}"
    with nothing_written(quiet):
        problem(edge.lines("PATCH", attempt.path, [attempt.json, field], BODY), "unauthenticated")


@pytest.mark.parametrize("query", ["access_token={token}", "token={token}", "Authorization=Bearer%20{token}"])
def test_nor_does_the_query(quiet, edge, attempt, query):
    target = f"{attempt.path}?{query.format(token=attempt.alice.rpartition(' ')[2])}"
    with nothing_written(quiet):
        problem(edge.lines("PATCH", target, [attempt.json], BODY), "unauthenticated")


def test_a_site_that_keeps_underscores_gains_nothing_by_them(quiet):
    """With them on, HTTP_X arrives as HTTP_HTTP_X, and If_Match as If-Match, which the caller can send anyway."""
    nginx, attempt = Nginx(quiet, http_more="underscores_in_headers on;"), Attempt(quiet)
    try:
        token = attempt.alice.partition(": ")[2]
        for name in ("HTTP_AUTHORIZATION", "REMOTE_USER", "Authorization_"):
            problem(nginx.lines("PATCH", attempt.path, [attempt.json, f"{name}: {token}"], BODY), "unauthenticated")
        # It makes two parameters of one name, and a repeated Authorization never acts for the second.
        got = nginx.lines("PATCH", attempt.path, [attempt.json, attempt.alice, 'If-Match: "1"', 'If_Match: "1"'], BODY)
        problem(got, "invalid_header")
    finally:
        nginx.close()


# --- Which path it is ---------------------------------------------------------------------------------

def test_the_host_in_the_target_goes_before_the_field_and_changes_nothing(edge, attempt):
    """RFC 9112, 3.2.2. One server answers for every name, and the path alone decides."""
    got = edge.exchange(attempt.head(attempt.alice, attempt.json, f"Content-Length: {len(BODY)}",
                                     target="https://evil.example" + attempt.path) + BODY)
    assert [answer.status for answer in got] == [200] and attempt.confirmed()


@pytest.mark.parametrize("target", [
    "https://evil.example/", "https://localhost/api/appointments/", "https://localhost",
    "https://localhost@evil{path}/", "{path}/", "{path}%2f", "{path}%2F..", "{path}/.", "{path}/..", "{path}%00",
    "{path};x=1", "{path}%3f", "{path}%23",
    "/api/appointments/%2e%2e/appointments/{id}", "/api/appointments/../appointments/{id}", "/./api/appointments/{id}",
    "/api/appointments//{id}", "/api//appointments/{id}", "/api/appointments%2f{id}", "/api%2fappointments/{id}",
    "/%61pi/appointments/{id}", "/api/appointments/%7b{id}%7d", "/api/appointments/{coded}",
    "/api/appointments/{id}%0a", "/api/appointments/{id}%0d%0aX:%20y", "/api/appointments\\{id}",
    "/api/appointments/..%5c{id}",
    "/x/..{path}",
    "/api/appointments/{id}/history/..", "/%2e/api/appointments/{id}", "/api/appointments/%c0%af{id}"])
def test_only_the_plain_path_is_the_appointment(quiet, edge, attempt, target):
    """nginx normalises the path to choose a location; the responder compares the bytes that the client sent."""
    target = target.format(path=attempt.path, id=attempt.booking.id,
                           coded=f"%{ord(attempt.booking.id[0]):02x}{attempt.booking.id[1:]}")
    with nothing_written(quiet):
        got = edge.exchange(
            attempt.head(attempt.alice, attempt.json, f"Content-Length: {len(BODY)}", target=target) + BODY)
    assert len(got) == 1 and got[0].status in (400, 404), got
    problem(got[0], got[0].json()["code"], got[0].status)
    assert got[0].json()["code"] in ("not_found", "malformed_request")


@pytest.mark.parametrize("more", ["?", "?x=1", "?a=%2f..%00&b=/../"])
def test_the_query_is_ignored(edge, attempt, more):
    answer = edge.lines("PATCH", attempt.path + more, [attempt.json, attempt.alice], BODY)
    assert answer.status == 200, answer


@pytest.mark.parametrize("target", ["*", "localhost:443", "api/appointments/x", "http:", "//", "ftp://x/y"])
def test_other_forms_of_target_are_refused(edge, attempt, target):
    for method in ("PATCH", "CONNECT", "OPTIONS"):
        got = edge.exchange(attempt.head(target=target, method=method))
        assert len(got) == 1 and got[0].status in (400, 404, 405), got
        problem(got[0], got[0].json()["code"], got[0].status)


# --- How much and how slowly --------------------------------------------------------------------------

@pytest.mark.parametrize("sizes, status", [([40_000], 401), ([41_000], 400), ([7_000] * 7, 401), ([7_000] * 8, 400),
                                           ([200] * 250, 401), ([200] * 300, 400)],
                         ids=["line", "long line", "lines", "many lines", "short lines", "many short lines"])
def test_a_head_has_at_most_56_000_bytes_and_a_line_40_kib(edge, attempt, sizes, status):
    fields = [f"X-{number}: {'x' * size}" for number, size in enumerate(sizes)]
    answer = edge.lines("PATCH", attempt.path, [attempt.json, *fields], BODY)
    problem(answer, {400: "malformed_request", 401: "unauthenticated"}[status])


def test_a_slow_head_and_a_slow_body_are_given_up(edge, attempt):
    """10 s each, counted from the last byte for the body and from the first for the head."""
    head = attempt.head(attempt.alice, attempt.json, "Content-Length: 100")
    with contextlib.closing(edge.connect()) as slow_head, contextlib.closing(edge.connect()) as slow_body:
        begun = time.monotonic()
        slow_head.sendall(head[:40])
        slow_body.sendall(head + b"{")
        for connection in (slow_head, slow_body):
            connection.settimeout(15)
            with contextlib.suppress(ConnectionResetError):
                got = answers(connection.recv(65536))
                assert [answer.status for answer in got] in ([], [408]), got
        assert 9 < time.monotonic() - begun < 13
