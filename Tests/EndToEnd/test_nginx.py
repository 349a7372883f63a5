"""What nginx answers itself, and what it adds to every answer."""

import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import stack
from odys import wire
from refusing import nothing_written, problem
from together import in_turn
from waiting import eventually


@pytest.fixture(scope="module")
def limited(make_stack):
    """A stack with the rate limit, and with one responder that tests may stop."""
    return make_stack("--no-seed", "--no-peers", "--responders", "1", ODYS_DELIVERY="off", ODYS_THREADS="4")


def test_sixty_requests_a_minute_are_answered_and_the_next_is_429(limited):
    booking = limited.booking()
    # Preflights are not counted, before and after.
    assert {answer.status for answer in in_turn([lambda: limited.request("OPTIONS", booking.path)] * 70)} == {204}
    answers = in_turn([lambda: limited.request("PATCH", booking.path)] * 64, workers=4)
    statuses = [answer.status for answer in answers]
    # One request a second is given back while the test runs.
    assert 60 <= statuses.count(401) <= 63 and statuses.count(429) == 64 - statuses.count(401)
    for answer in answers:
        if answer.status == 429:
            problem(answer, "rate_limited")
            assert int(answer.header("Retry-After")) >= 1
    assert limited.request("OPTIONS", booking.path).status == 204
    # The client's address is not taken from a header that anybody can send.
    spoofed = [{"X-Forwarded-For": "192.0.2.1"}, {"X-Real-IP": "192.0.2.2"}, {"Forwarded": "for=192.0.2.3"}]
    assert 429 in [limited.request("PATCH", booking.path, headers).status for headers in spoofed]
    eventually(lambda: limited.request("PATCH", booking.path).status == 401, seconds=5)


def unlimited(call):
    """The first answer other than 429: earlier tests have used the minute up."""
    def answer():
        got = call()
        assert got.status != 429
        return got

    return eventually(answer, seconds=30)


def test_a_responder_that_is_silent_is_504_and_one_that_is_gone_502(limited):
    """One test, as the second part ends the stack's responders for good."""
    booking = limited.booking()
    (pid,) = limited.responder_pids()
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = unlimited(lambda: limited.patch(booking, None, "confirm"))
    finally:
        os.kill(pid, signal.SIGCONT)
    problem(answer, "unavailable", status=504)
    assert int(answer.header("Retry-After")) > 0

    supervisor = limited.process("supervisor")
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not stack.is_alive(pid))
    answer = unlimited(lambda: limited.patch(booking, booking.professional, "confirm"))
    assert answer.status in (502, 503)
    problem(answer, "unavailable", status=answer.status)
    assert int(answer.header("Retry-After")) > 0
    assert limited.state(booking) == ("pending_confirmation", "none", 1)


@pytest.mark.parametrize("request_text, status, code", [
    ("TRACE {path} HTTP/1.1\r\nHost: localhost\r\n", 405, "method_not_allowed"),
    ("PATCH {path}?{long} HTTP/1.1\r\nHost: localhost\r\n", 414, "uri_too_long"),
    ("PATCH {path}?{long}{long}{long}{long} HTTP/1.1\r\nHost: localhost\r\n", 414, "uri_too_long"),
    ("PATCH {path} HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}{long}{long}{long}{long}\r\n", 400,
     "malformed_request"),
    ("PATCH {path} HTTP/1.1\r\n", 400, "malformed_request"),
    ("PATCH {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400, "malformed_request"),
    ("PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400,
     "malformed_request"),
    ("PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n", 400, "malformed_request"),
    ("PATCH {path}\x00 HTTP/1.1\r\nHost: localhost\r\n", 400, "malformed_request"),
    ("PATCH {path} HTTP/3.7\r\nHost: localhost\r\n", 400, "malformed_request"),
    ("p{{}} {path} HTTP/1.1\r\nHost: localhost\r\n", 400, "malformed_request"),
], ids=["TRACE", "long URI", "longer URI", "long header", "no Host", "two Hosts", "length and chunked", "gzip", "NUL",
        "HTTP/3.7", "method"])
def test_what_nginx_refuses_has_the_same_shape(quiet, request_text, status, code):
    booking = quiet.booking()
    text = request_text.format(path=booking.path, long="x" * 10_000) + "Connection: close\r\n\r\n"
    with nothing_written(quiet):
        answer = quiet.raw(text.encode())
    problem(answer, code, status=status)
    assert answer.header("Strict-Transport-Security")


def test_plain_http_on_the_port_is_a_problem_too(quiet):
    with socket.create_connection((quiet.host, quiet.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = wire(connection)
    problem(answer, "malformed_request")


def answers_of_every_kind(odys):
    booking = odys.booking()
    long = "x" * 10_000
    return {
        200: odys.patch(booking, booking.professional, "confirm"),
        204: odys.request("OPTIONS", booking.path),
        400: odys.patch(booking, booking.professional, "confirm"),
        401: odys.patch(booking, None, "confirm"),
        403: odys.patch(booking, booking.client, "confirm"),
        404: odys.request("GET", "/"),
        405: odys.request("POST", booking.path),
        413: odys.send(booking, booking.professional, b"x" * 20_000),
        414: odys.request("GET", f"/{long}"),
        415: odys.patch(booking, booking.professional, "confirm", Content_Type=None),
    }


def test_every_answer_has_the_common_headers(quiet):
    for status, answer in answers_of_every_kind(quiet).items():
        assert answer.status == status
        assert answer.header("Strict-Transport-Security").startswith("max-age="), answer
        assert answer.header("X-Request-Id"), answer
        assert answer.header("Cache-Control") == "no-store", answer
        assert answer.header("X-Content-Type-Options") == "nosniff", answer
        assert answer.header("Server") == "nginx", answer
        assert answer.header("X-Powered-By") is None
        assert b"nginx" not in answer.body and b"<html" not in answer.body


def test_no_answer_is_compressed(quiet):
    booking = quiet.booking()
    answer = quiet.patch(booking, booking.professional, "confirm", Accept_Encoding="gzip, br, deflate")
    assert answer.status == 200 and answer.header("Content-Encoding") is None
    assert answer.header("ETag") == '"2"'


def test_the_certificate_is_checked_against_the_stacks_own_authority(quiet):
    with (socket.create_connection((quiet.host, quiet.port), timeout=10) as plain,
          pytest.raises(ssl.SSLCertVerificationError)):
        ssl.create_default_context().wrap_socket(plain, server_hostname=quiet.host)


def test_http_2_works(quiet):
    booking = quiet.booking()
    done = subprocess.run(
        ["/usr/bin/curl", "--silent", "--show-error", "--http2", "--cacert", quiet.description["ca"], "--noproxy", "*",
         "--request", "PATCH", "--header", f"Authorization: Bearer {quiet.token(booking.professional.user_id)}",
         "--header", "Content-Type: application/json", "--data", '{"action":"confirm"}', "--output", "/dev/null",
         "--write-out", "%{http_version} %{http_code}", quiet.description["url"] + booking.path],
        capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "2 200", done.stderr
    assert quiet.state(booking)[0] == "confirmed"


def test_a_proxy_header_does_not_reach_the_responder(odys):
    """In the environment it would make libraries send the messages to the attacker's proxy."""
    booking = odys.booking()
    odys.act(booking, "confirm", Proxy="http://127.0.0.1:9")
    assert {row["state"] for row in odys.settled(booking)} == {"sent"}


def test_a_slow_body_does_not_hold_the_responder(quiet):
    """nginx buffers the whole body: more slow clients than threads do no harm."""
    booking = quiet.booking()
    head = (f"PATCH {booking.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{")
    slow = []
    try:
        for _ in range(40):
            plain = socket.create_connection((quiet.host, quiet.port), timeout=10)
            slow.append(quiet.tls.wrap_socket(plain, server_hostname=quiet.host))
            slow[-1].sendall(head.encode())
        quiet.act(booking, "confirm")
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_leaves_early_harms_nobody(quiet):
    booking = quiet.booking()
    body = b'{"action":"confirm"}'
    head = (f"PATCH {booking.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {quiet.token(booking.professional.user_id)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    pids = quiet.responder_pids()

    def leave():
        with (socket.create_connection((quiet.host, quiet.port), timeout=10) as plain,
              quiet.tls.wrap_socket(plain, server_hostname=quiet.host) as connection):
            connection.sendall(head + body)

    threads = [threading.Thread(target=leave) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other = quiet.booking()
    quiet.act(other, "confirm")
    assert quiet.responder_pids() == pids and all(stack.is_alive(pid) for pid in pids)
