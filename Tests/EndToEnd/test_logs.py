"""Input cannot forge a log line, hide in one, or break its format."""

import json
import re

import pytest

from edge import Edge
from waiting import eventually

FORGED = b'FORGED {"level":"notice","msg":"an appointment changed"}'
# What a header line may carry into a log, with those that nginx refuses.
VALUES = [b"a\r" + FORGED, b"a\n" + FORGED, b"a\r\n" + FORGED, b"a\x1b[2K\x1b[1A" + FORGED, b"a\x00b",
          b'a","msg":"' + FORGED, b"a\\", b"a\\u000a", b"\xff\xfe\xed\xa0\x80", b"a\xe2\x80\xa8b",
          b"a\x7fb\x85c", b"%0a" + FORGED, b"x" * 8_000]
FIELDS = [b"X-Request-Id", b"traceparent", b"Idempotency-Key", b"If-Match", b"Origin", b"User-Agent", b"Referer",
          b"Accept", b"Authorization", b"Cookie", b"Content-Type", b"X-Forwarded-For"]
PATHS = [b"/\xff\xfe", b"/a\x1b[31m", b"/a\x00b", b"/a%0aFORGED%1b", b'/a"b\\c', b"/" + b"x" * 7_000, b"/a\x7f",
         b"/a\xe2\x80\xa8", b"/a?token=SECRET-IN-QUERY", b"/api/appointments/\xc3\xa9?access_token=SECRET-IN-QUERY",
         b"/a#SECRET-IN-QUERY"]
METHODS = [b"FOO\x1b", b"M-SEARCH", b"F" * 4_000, b"get", b"\xff"]
ACCESS = {"ts", "remote_addr", "method", "uri", "status", "bytes", "request_id", "limit_req_status", "upstream_addr",
          "upstream_status", "request_time", "upstream_response_time"}
OURS = re.compile(rb"^<[3-7]>(\{.*\})$")


@pytest.fixture(scope="module")
def written(quiet):
    """The new bytes of each log after all of the above was sent, and the number of requests."""
    sizes, edge, sent = quiet.log_sizes(), Edge.of(quiet), 0
    booking = quiet.booking()
    token = quiet.token(booking.professional.user_id)
    good = [f"Authorization: Bearer {token}".encode(), b"Content-Type: application/json"]

    def send(method, target, fields):
        nonlocal sent
        fields = b"\r\n".join([b"Host: localhost", b"Connection: close", b"Content-Length: 2", *fields])
        assert edge.exchange(method + b" " + target + b" HTTP/1.1\r\n" + fields + b"\r\n\r\n{}")
        sent += 1

    for field in FIELDS:
        for value in VALUES:
            # With a valid token, so that each field is read as far as possible.
            beside = good[1:] if field == b"Authorization" else good[:1] if field == b"Content-Type" else good
            send(b"PATCH", booking.path.encode(), [*beside, field + b": " + value])
    for path in PATHS:
        send(b"PATCH", path, [])
    for method in METHODS:
        send(method, booking.path.encode(), [])
    answer = quiet.patch(booking, booking.professional, "confirm", X_Request_Id="the-last-one",
                         reason="a\tb\u2028\u202e" + FORGED.decode())
    assert answer.status == 200
    eventually(lambda: "the-last-one" in quiet.log("nginx-access.log"))
    logs = {path.name: path.read_bytes()[sizes.get(path.name, 0):] for path in (quiet.dir / "logs").glob("*.log")}
    return logs, sent + 1, token


def access_lines(logs):
    content = logs["nginx-access.log"]
    assert content.endswith(b"\n")
    return content.decode("utf-8").split("\n")[:-1]


def test_one_json_line_for_each_request_in_the_access_log(written):
    logs, sent, _ = written
    lines = access_lines(logs)
    # nginx reads on behind a header line that it took for the end; it never answers without logging a line.
    assert len(lines) == sent
    for line in lines:
        event = json.loads(line)
        assert set(event) == ACCESS
        values = list(event.values())
        assert all(isinstance(value, str) and len(value) <= 1_000 and value.isascii() for value in values), event
        assert not re.search(r"[\x00-\x1f\x7f]", "".join(values))
        assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", event["request_id"])
        assert event["status"].isdigit() and event["remote_addr"] == "127.0.0.1"


def test_the_access_log_has_no_query_and_no_token(written):
    logs, _, token = written
    for secret in (b"SECRET-IN-QUERY", token.encode(), token.rpartition(".")[2].encode()):
        assert secret not in logs["nginx-access.log"]
    assert any('"uri":"/api/appointments/"' in line for line in access_lines(logs))


def test_one_json_line_for_each_event_of_the_responders(written):
    logs, _, token = written
    events = []
    for name, content in logs.items():
        if name.startswith("responder-"):
            assert not content or content.endswith(b"\n")
            events += [json.loads(OURS.findall(line)[0].decode("utf-8")) for line in content.split(b"\n")[:-1]]
    assert any(event["msg"] == "an appointment changed" and event["request_id"] == "the-last-one" for event in events)
    assert len(events) > len(FIELDS) * 5
    for event in events:
        assert all(isinstance(value, (str, int)) and len(str(value)) <= 1_000 for value in event.values()), event
        text = json.dumps(event)
        assert "FORGED" not in text and token not in text
        assert not re.search(r"[\x00-\x1f\x7f]", "".join(map(str, event.values())))


def test_the_error_log_of_nginx_has_no_line_that_it_did_not_write(written):
    logs, _, token = written
    lines = logs["nginx-error.log"].decode("utf-8", "replace").split("\n")[:-1]
    for line in lines:
        assert re.match(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: ", line), line
        assert token not in line


def test_text_for_people_is_one_line_for_an_event_too(bench):
    bench.launch(ODYS_DELIVERY="off", ODYS_LOG_LEVEL="debug", ODYS_LOG_FORMAT="text")
    eventually(lambda: "notice started" in bench.log(), 20)
    booking = bench.booking()
    hostile = "a\u001b[2K\r\nFORGED"
    bench.request("PATCH", booking.path, {**bench.head(booking.professional), "X-Request-Id": hostile,
                                          "traceparent": hostile, "Origin": hostile}, b'{"action":"confirm"}')
    # Without nginx in front, all fields may have 128 KiB together.
    long = dict.fromkeys(("X-Request-Id", "traceparent", "Origin", "Authorization"), "x" * 30000)
    bench.request("PATCH", booking.path, long, b"{}")
    eventually(lambda: "an appointment changed" in bench.log() and "code=unauthenticated" in bench.log())
    assert max(len(line) for line in bench.log().split("\n")) < 1_000
    assert "FORGED" not in bench.log() and "\x1b" not in bench.log()
    for line in bench.log().split("\n")[:-1]:
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|notice|warning|error) ", line), line
