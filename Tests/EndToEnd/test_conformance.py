"""Every kind of answer, of responders and of nginx, through parsers that tolerate nothing: HTTP/1.0, 1.1 and 2."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import uuid

import pytest

import stack
from conftest import ORIGIN
from edge import API_SITE, Nginx, silent
from waiting import eventually

PYTHON = stack.CHECKOUT / ".venv-tools" / "bin" / "python"
CLIENT = stack.CHECKOUT / "Tests" / "EndToEnd" / "strict_client.py"
VERSIONS = ("1.0", "1.1", "2")
CONFIRM = '{"action":"confirm"}'


def exchange(place, tls_of, requests):
    """The answers to [(status, request)], none of which deviates."""
    wanted = {"host": place.host, "port": place.port, "ca": tls_of.description["ca"],
              "requests": [request for _, request in requests]}
    done = subprocess.run([PYTHON, CLIENT], input=json.dumps(wanted), capture_output=True, text=True, check=False,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    wrong = [(request["version"], request["method"], request["path"][:80], status, answer)
             for (status, request), answer in zip(requests, answers, strict=True)
             if answer["problems"] or answer["status"] != status]
    assert not wrong, "\n".join(map(str, wrong))
    return answers


def ask(version, method, path, headers=None, body=""):
    return {"version": version, "method": method, "path": path, "headers": headers or {}, "body": body}


def requests_of_every_kind(odys, version):
    """[(status, request)]: every status of a responder and of nginx but those of an outage and of the rate limit."""
    booking, other = odys.booking(), odys.booking()
    odys.booking(other.professional, status="confirmed")
    head, key = odys.head(booking.professional), str(uuid.uuid4())
    own, their = odys.head(booking.professional, Content_Type=None), odys.head(odys.stranger(), Content_Type=None)

    def patch(status, headers, body=CONFIRM, path=booking.path):
        return status, ask(version, "PATCH", path, headers, body)

    yield patch(200, {**head, "Idempotency-Key": key, "Origin": ORIGIN})
    yield patch(200, {**head, "Idempotency-Key": key})
    yield patch(422, {**head, "Idempotency-Key": key}, '{"action":"paid"}')
    yield patch(400, head)
    yield patch(400, head, '{"action":"nothing"}')
    yield patch(400, head, "[")
    yield patch(400, {**head, "If-Match": "x"})
    yield patch(412, {**head, "If-Match": '"9"'})
    yield patch(412, {**head, "If-None-Match": "*"}, '{"action":"paid"}')
    yield patch(415, {**head, "Content-Type": "text/plain"})
    yield patch(409, odys.head(other.professional), path=other.path)
    yield patch(401, {"Content-Type": "application/json"})
    yield patch(401, {"Content-Type": "application/json", "Authorization": "Bearer x", "Accept": "application/json"})
    yield patch(413, head, "x" * 20_000)
    for method in ("GET", "HEAD"):
        for suffix in ("", "/history"):
            path = booking.path + suffix
            for status, headers, at in (
                    (200, own, path), (200, {**own, "Origin": ORIGIN, "If-Match": '"2"'}, path), (403, their, path),
                    (401, {}, path), (404, own, stack.NOBODY + suffix), (412, {**own, "If-Match": '"7"'}, path),
                    (404, own, path + "/x"), (400, {**own, "If-Match": ""}, path)):
                yield status, ask(version, method, at, headers)
        yield 400, ask(version, method, booking.path + "/history?before=x", own)
        yield 404, ask(version, method, "/")
    for suffix in ("", "/history"):
        for headers in ({}, {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"}):
            yield 204, ask(version, "OPTIONS", booking.path + suffix, headers)
        for method in ("POST", "DELETE", "PROPFIND"):
            yield 405, ask(version, method, booking.path + suffix, own)
    yield 405, ask(version, "TRACE", booking.path)
    # Over HTTP/2 nginx closes the connection on a field of this length.
    if version != "2":
        yield 414, ask(version, "GET", booking.path + "?" + "x" * 10_000)
        yield 414, ask(version, "GET", "/" + "x" * 50_000)
        yield 400, ask(version, "GET", booking.path, {"X-Long": "x" * 50_000})


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_conforms(quiet, version):
    asked = list(requests_of_every_kind(quiet, version))
    answers = exchange(quiet, quiet, asked)
    assert {answer["status"] for answer in answers} | {414} == {
        200, 204, 400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422}
    # A responder names the status as RFC 9110 does. nginx has older names for some of its own.
    older = {405: "Not Allowed", 413: "Request Entity Too Large", 414: "Request-URI Too Large"}
    for answer in answers if version != "2" else []:
        newer = {413: "Content Too Large", 422: "Unprocessable Content"}
        status = answer["status"]
        assert answer["reason"] in (newer.get(status, http.client.responses[status]), older.get(status)), answer
    gets = {(request["path"], str(request["headers"])): answer for (_, request), answer in zip(asked, answers)
            if request["method"] == "GET"}
    for (_, request), head in zip(asked, answers):
        if request["method"] == "HEAD":
            got = gets[request["path"], str(request["headers"])]
            assert same_head(head) == same_head(got), (head, got)
            assert head["length"] == 0 < got["length"]


def same_head(answer):
    own = ("date", "x-request-id")
    return answer["status"], [field for field in answer["headers"] if field[0].lower() not in own]


@pytest.mark.parametrize("text", [
    "GET {path} HTTP/1.1\r\n\r\n", "GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET {path} HTTP/9.9\r\n\r\n",
    "G\x00T {path} HTTP/1.1\r\nHost: a\r\n\r\n", "PATCH {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
    "PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"], ids=ascii)
def test_what_nginx_cannot_read_is_answered_in_good_form(quiet, text):
    raw = text.format(path=quiet.booking().path)
    exchange(quiet, quiet, [(400, {**ask("1.1", "GET", "/"), "raw": raw})])


def test_the_answers_of_an_outage_and_of_the_rate_limit_conform(make_stack):
    """429, 504 of silent responders, 502 of absent ones, 503 of a responder without its database, 500."""
    own = make_stack("--no-seed", "--no-peers", "--rate-limit", "off", "--responders", "1", ODYS_DELIVERY="off",
                     ODYS_THREADS="2")
    booking = own.booking()
    head = own.head(booking.professional)

    def all_versions(place, status, method="PATCH", path=booking.path):
        exchange(place, own, [(status, ask(version, method, path, head, CONFIRM if method == "PATCH" else ""))
                              for version in VERSIONS])

    with contextlib.closing(Nginx(own, API_SITE)) as limited:
        # One second gives one request back.
        for _ in range(62):
            limited.request("PATCH", booking.path)
        all_versions(limited, 429)
    own.sql("RENAME TABLE appointment_events TO away")
    try:
        for method in ("GET", "HEAD"):
            all_versions(own, own.get(booking, booking.professional, "/history").status, method,
                         booking.path + "/history")
    finally:
        own.sql("RENAME TABLE away TO appointment_events")
    own.sql("ALTER TABLE appointments MODIFY version VARCHAR(20) NOT NULL DEFAULT 'x'")
    try:
        own.sql("UPDATE appointments SET version = 'x' WHERE id = %s", booking.id)
        all_versions(own, own.get(booking, booking.professional).status, "GET")
    finally:
        own.sql("UPDATE appointments SET version = '1' WHERE id = %s", booking.id)
        own.sql("ALTER TABLE appointments MODIFY version INT UNSIGNED NOT NULL DEFAULT 1")
    with silent(own):
        all_versions(own, 504)
    os.kill(own.process("supervisor"), signal.SIGKILL)
    eventually(lambda: own.patch(booking, None, "confirm").status == 502)
    for method in ("PATCH", "GET", "HEAD"):
        all_versions(own, 502, method)


@pytest.mark.parametrize("page", ["healthz", "readyz", "metrics", "status", "status/1?full&text", "nothing"])
def test_the_pages_of_operations_conform(quiet, page):
    """HEAD is GET without the body, for the probes that send nothing else."""
    url = quiet.description["ops_url"].removeprefix("http://")
    path = f"/{page}" if "/" in page else f"/{page}/1"
    heads = {}
    for method in ("GET", "HEAD", "POST"):
        with contextlib.closing(http.client.HTTPConnection(url, timeout=10)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        expected = 404 if page == "nothing" else 200 if method != "POST" else 405
        assert (answer.status, answer.reason) == (expected, http.client.responses[expected])
        fields = {name: value for name, value in answer.getheaders() if name not in ("Date", "Content-Length")}
        heads[method] = fields
        if method == "HEAD":
            assert body == b"" and int(answer.headers["Content-Length"]) > 0 and fields == heads["GET"]
    assert page == "nothing" or heads["POST"]["Allow"] == "GET, HEAD"
