"""Strict HTTP clients for test_conformance.py: they report every deviation from RFC 9110, 9112 and 9113.

Runs in .venv-tools. Reads {"host", "port", "ca", "requests": [{"version", "method", "path", "headers", "body", "raw"}]}
from standard input; prints one answer for each request, with its deviations. `raw` is sent byte for byte."""

import email.utils
import json
import re
import socket
import ssl
import sys
import time

import h2.config
import h2.connection
import h2.events
import h11

# RFC 9112, 4: the space after the code is mandatory; the contract wants a reason phrase too.
STATUS_LINE = re.compile(rb"HTTP/1\.1 [1-5][0-9]{2} [!-~][ -~]*")
# RFC 9110, 5.1 and 5.5: no space before the colon, no control characters, none around the value.
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIELD_LINE = re.compile(TOKEN.encode() + rb": ?(?:[!-~](?:[ \t!-~]*[!-~])?)?")
LIST = rf"{TOKEN}(?:, ?{TOKEN})*"
# Fields with one value, and its form.
FORMS = {
    "accept-patch": r"[a-z]+/[a-z+]+", "access-control-allow-credentials": "true",
    "access-control-allow-headers": LIST, "access-control-allow-methods": LIST,
    "access-control-allow-origin": r"https?://[a-z0-9.:\-]+", "access-control-expose-headers": LIST,
    "access-control-max-age": "[0-9]+", "allow": LIST, "cache-control": "no-store", "connection": "close|keep-alive",
    "content-language": "[A-Za-z]{2}(?:-[A-Z]{2})?(?:, [A-Za-z]{2}(?:-[A-Z]{2})?)*", "content-length": "[0-9]+",
    "content-type": rf'{TOKEN}/{TOKEN}(?:; ?{TOKEN}={TOKEN})*', "date": ".+ GMT", "etag": r'"[0-9]+"',
    "idempotency-replayed": "true", "retry-after": "[0-9]+", "server": "nginx",
    "strict-transport-security": "max-age=[0-9]+", "transfer-encoding": "chunked", "vary": LIST,
    "www-authenticate": r'Bearer realm="[a-z]+"(?:, error="[a-z_]+")?', "x-content-type-options": "nosniff",
    "x-request-id": "[A-Za-z0-9._:-]{1,128}"}
# RFC 9110, 15: what a status obliges an answer to have.
OBLIGED = {401: "www-authenticate", 405: "allow"}


def field_problems(status, fields):
    """What is wrong with the fields of an answer in any version."""
    values = {}
    for name, value in fields:
        if name.lower() in values:
            yield f"{name} comes twice"
        values[name.lower()] = value
    for name, value in values.items():
        if name not in FORMS:
            yield f"there is a field {name}"
        elif not re.fullmatch(FORMS[name], value):
            yield f"{name}: {value!r}"
    if "date" not in values or abs(email.utils.parsedate_to_datetime(values["date"]).timestamp() - time.time()) > 60:
        yield f"the date is {values.get('date')}"
    if OBLIGED.get(status, "date") not in values:
        yield f"a {status} has no {OBLIGED[status]}"
    if status == 204 and {"content-length", "content-type", "transfer-encoding"} & set(values):
        yield "a 204 has fields of a body"


def body_problems(method, status, fields, body):
    values = {name.lower(): value for name, value in fields}
    if method == "HEAD" or status == 204:
        if body:
            yield f"{len(body)} bytes of a body that must not be there"
        return
    if "content-length" in values and int(values["content-length"]) != len(body):
        yield f"Content-Length is {values['content-length']}, the body has {len(body)} bytes"
    if "json" in values.get("content-type", ""):
        try:
            json.loads(body.decode("utf-8"))
        except ValueError as error:
            yield f"the body is not JSON: {error}"
    if status >= 400 and values.get("content-type") in ("application/problem+json", "application/json"):
        problem = json.loads(body)
        if problem.get("status") != status or problem.get("type") != f"urn:odys:problem:{problem.get('code')}":
            yield f"status {status}, but {problem}"
        if values.get("content-language") != "pt-BR, en":
            yield "a problem without its languages"


def http1(connect, request):
    version, method = request["version"], request["method"]
    if request.get("raw"):
        sent = request["raw"].encode("latin-1")
    else:
        asked = {"Host": "localhost", "Connection": "close", **request["headers"]}
        body = request["body"].encode()
        if body:
            asked["Content-Length"] = str(len(body))
        request_lines = [f"{method} {request['path']} HTTP/{version}",
                         *(f"{name}: {value}" for name, value in asked.items())]
        sent = "\r\n".join(request_lines).encode() + b"\r\n\r\n" + body
    with connect(["http/1.1"]) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(65536):
            received += part
    problems = []
    head, end, _ = received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if not end or b"\r" in b"".join(lines) or b"\n" in b"".join(lines):
        problems.append("the head does not end, or holds a bare CR or LF")
    if not STATUS_LINE.fullmatch(lines[0]):
        problems.append(f"status line {lines[0]!r}")
    problems += [f"field line {line!r}" for line in lines[1:] if not FIELD_LINE.fullmatch(line)]
    # h11 judges the framing: lengths, chunks, what follows the body.
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "localhost"), ("Connection", "close")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(received)
    parser.receive_data(b"")
    answer, content = parser.next_event(), b""
    assert isinstance(answer, h11.Response), answer
    while isinstance(event := parser.next_event(), h11.Data):
        content += bytes(event.data)
    if not isinstance(event, h11.EndOfMessage) or parser.trailing_data[0]:
        problems.append(f"after the body: {event}, {parser.trailing_data}")
    fields = [(name.decode(), value.decode("latin-1")) for name, value in answer.headers.raw_items()]
    values = {name.lower(): value for name, value in fields}
    if version == "1.0" and "transfer-encoding" in values:
        problems.append("an answer in chunks to a client that cannot read them")
    if method != "HEAD" and answer.status_code != 204 and not {"content-length", "transfer-encoding"} & set(values):
        problems.append("only the end of the connection ends the body")
    return answer.status_code, answer.reason.decode(), fields, content, problems


def http2(connect, request):
    # It raises an error for what RFC 9113 forbids: capitals in names, fields of HTTP/1.1, a wrong length.
    parser = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="latin-1"))
    parser.initiate_connection()
    body = request["body"].encode()
    headers = [(":method", request["method"]), (":scheme", "https"), (":authority", "localhost"),
               (":path", request["path"]), *((name.lower(), value) for name, value in request["headers"].items())]
    parser.send_headers(1, headers, end_stream=not body)
    while body:
        part, body = body[:16_384], body[16_384:]
        parser.send_data(1, part, end_stream=not body)
    fields, content, ended = [], b"", False
    with connect(["h2"]) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        while not ended:
            connection.sendall(parser.data_to_send())
            received = connection.recv(65536)
            assert received, "the connection ended before the answer"
            for event in parser.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    fields = event.headers
                elif isinstance(event, h2.events.DataReceived):
                    content += event.data
                    parser.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    assert isinstance(event, h2.events.StreamEnded), event
                    ended = True
    (first, status), *rest = [(str(name), str(value)) for name, value in fields]
    problems = [] if first == ":status" else ["the status does not come first"]
    problems += [f"{name} has capitals" for name, _ in rest if name != name.lower()]
    problems += [f"{name} belongs to HTTP/1.1" for name, _ in rest if name in ("connection", "transfer-encoding")]
    return int(status), "", rest, content, problems


def main():
    wanted = json.load(sys.stdin)
    context = ssl.create_default_context(cafile=wanted["ca"])

    def connect(protocols):
        context.set_alpn_protocols(protocols)
        plain = socket.create_connection((wanted["host"], wanted["port"]), 30)
        return context.wrap_socket(plain, server_hostname="localhost")

    answers = []
    for request in wanted["requests"]:
        try:
            speak = http2 if request["version"] == "2" else http1
            status, reason, fields, content, problems = speak(connect, request)
            problems += field_problems(status, fields)
            problems += body_problems(request["method"], status, fields, content)
            answers.append({"status": status, "reason": reason, "headers": fields, "length": len(content),
                            "body": content.decode("utf-8", "replace"), "problems": problems})
        except Exception as error:  # whatever a parser says is a finding
            answers.append({"status": 0, "problems": [f"{type(error).__name__}: {error}"]})
    json.dump(answers, sys.stdout)


main()
