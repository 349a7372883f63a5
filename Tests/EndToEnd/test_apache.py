"""deploy/apache/odys.conf in a real Apache, over TLS, in front of a stack's responders."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from typing import Any

import pytest

from bench import free_port
from edge import DEPLOY, Edge, silent
from refusing import nothing_written, problem
from waiting import eventually

MODULES = ("mpm_event", "authz_core", "ssl", "socache_shmcb", "env", "headers", "proxy", "proxy_fcgi", "unique_id")
BODY = b'{"action":"confirm"}'


class Apache(Edge):
    def __init__(self, running, socket):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="odys-edge-", dir="/tmp"))
        self.process: Any = None
        super().__init__("127.0.0.1", free_port(), running.tls)
        (self.dir / "www").mkdir()
        shipped = (DEPLOY / "apache" / "odys.conf").read_text(encoding="utf-8")
        assert "/run/odys/fcgi-1.sock" in shipped
        (self.dir / "odys.conf").write_text(shipped.replace("/run/odys/fcgi-1.sock", socket), encoding="utf-8")
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        (self.dir / "apache.conf").write_text(f"""
ServerRoot {self.dir}
ServerName localhost
{modules}
{user}
Listen 127.0.0.1:{self.port}
PidFile {self.dir}/apache.pid
DefaultRuntimeDir {self.dir}
Mutex file:{self.dir} default
ErrorLog {self.dir}/error.log
ServerTokens Prod
ServerSignature Off
TraceEnable off
DocumentRoot {self.dir}/www
<VirtualHost 127.0.0.1:{self.port}>
    SSLEngine on
    SSLCertificateFile {running.dir}/tls/server.pem
    SSLCertificateKeyFile {running.dir}/tls/server.key
    Include {self.dir}/odys.conf
</VirtualHost>
""", encoding="utf-8")
        try:
            # Apache refuses to run as root, so another user needs access to the directory; the test stops it by pid.
            self.dir.chmod(0o755)
            with open(self.dir / "error.log", "ab") as log:
                self.process = subprocess.Popen(["/usr/sbin/apache2", "-f", self.dir / "apache.conf", "-DFOREGROUND"],
                                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
            eventually(self.listens, 20)
        except BaseException:
            self.close()
            raise

    def listens(self):
        assert self.process.poll() is None, self.errors()
        with contextlib.suppress(ConnectionRefusedError):
            self.connect().close()
            return True

    def errors(self):
        return (self.dir / "error.log").read_text(encoding="utf-8", errors="replace")

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def own(make_stack):
    """A stack whose responder a test may stop, with its socket readable by Apache's user."""
    return make_stack("--no-seed", "--no-peers", "--responders", "1", ODYS_DELIVERY="off", ODYS_THREADS="2")


@pytest.fixture(scope="module")
def relay():
    """A place for a socket that Apache's user may open."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="odys-edge-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def apache(own, relay):
    socket = relay / "fcgi.sock"
    # A second name for the socket: the directory of the stack is closed to others.
    os.link(own.description["responders"][0]["socket"], socket)
    socket.chmod(0o666)
    made = Apache(own, str(socket))
    yield made
    made.close()


def head(own, person):
    return [f"{name}: {value}" for name, value in own.head(person).items()]


def test_a_patch_goes_through_with_its_token(own, apache):
    booking = own.booking()
    answer = apache.lines("PATCH", booking.path, head(own, booking.professional), BODY)
    assert answer.status == 200 and answer.json()["success"] is True, (answer, apache.errors())
    assert answer.header("ETag") == '"2"' and answer.header("Strict-Transport-Security") == "max-age=63072000"
    assert answer.header("Content-Type") == "application/json" and answer.header("Cache-Control") == "no-store"
    assert own.state(booking)[0] == "confirmed"
    # The responder's refusals pass unchanged.
    problem(apache.lines("PATCH", booking.path, head(own, booking.professional), BODY), "invalid_transition")
    problem(apache.lines("PATCH", booking.path, head(own, None), BODY), "unauthenticated")
    problem(apache.lines("PATCH", booking.path, head(own, own.stranger()), BODY), "forbidden")


def test_chunks_keys_and_versions_arrive(own, apache):
    booking = own.booking()
    fields = [*head(own, booking.professional), 'If-Match: "1"', "Idempotency-Key: k", "Transfer-Encoding: chunked",
              "X-Request-Id: mine"]
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    text = "\r\n".join([f"PATCH {booking.path} HTTP/1.1", "Host: localhost", "Connection: close", *fields]).encode()
    (answer,) = apache.exchange(text + b"\r\n\r\n" + chunked)
    assert answer.status == 200 and answer.header("X-Request-Id") == "mine", answer
    (again,) = apache.exchange(text + b"\r\n\r\n" + chunked)
    assert again.body == answer.body and again.header("Idempotency-Replayed") == "true"


def test_long_cookies_arrive(own, apache):
    """All cookies are one line, and a session may have 32 KiB."""
    fields = [*head(own, None), f"Cookie: a={'b' * 32_766}"]
    problem(apache.lines("PATCH", own.booking().path, fields, BODY), "unauthenticated")
    assert apache.lines("PATCH", own.booking().path, [*fields[:-1], f"Cookie: a={'b' * 40_000}"], BODY).status == 400


def test_a_length_beside_chunks_is_dropped_and_the_connection_closed(own, apache):
    """As RFC 9112, 6.1, allows; nginx refuses it."""
    booking, other = own.booking(), own.booking()
    texts = ["\r\n".join([f"PATCH {each.path} HTTP/1.1", "Host: localhost", *head(own, each.professional), framing, ""])
             for each, framing in ((booking, "Content-Length: 4\r\nTransfer-Encoding: chunked"),
                                   (other, "Content-Length: 20"))]
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    got = apache.exchange(texts[0].encode() + b"\r\n" + chunked + texts[1].encode() + b"\r\n" + BODY)
    # What follows on the connection is not read: whoever wrote it may have meant it as a body.
    assert [answer.status for answer in got] == [200]
    assert own.state(booking)[0] == "confirmed" and own.state(other)[0] == "pending_confirmation"


def test_a_body_that_is_too_large_is_refused(own, apache):
    booking = own.booking()
    with nothing_written(own):
        answer = apache.lines("PATCH", booking.path, head(own, booking.professional), b" " * 16_385)
        problem(answer, "body_too_large")
    assert apache.lines("PATCH", booking.path, head(own, booking.professional), BODY.ljust(16_384)).status == 200


@pytest.mark.parametrize("target", ["{path}/", "{path}%2f", "/api/appointments/../appointments/{id}",
                                    "/api//appointments/{id}", "/%61pi/appointments/{id}"])
def test_only_the_plain_path_is_the_appointment(own, apache, target):
    booking = own.booking()
    with nothing_written(own):
        fields = head(own, booking.professional)
        answer = apache.lines("PATCH", target.format(path=booking.path, id=booking.id), fields, BODY)
    assert answer.status == 404, answer


def test_repeated_tokens_never_act_for_the_second(own, apache):
    booking = own.booking()
    fields = [*head(own, own.stranger()), *head(own, booking.professional)[1:]]
    with nothing_written(own):
        assert apache.lines("PATCH", booking.path, fields, BODY).status in (400, 401, 403)


def test_a_responder_that_is_silent_is_504_and_one_that_is_gone_503(own, apache):
    booking = own.booking()
    with silent(own):
        answer = apache.lines("PATCH", booking.path, head(own, None), BODY)
    problem(answer, "unavailable", answer.status)
    assert answer.status in (503, 504) and answer.header("Retry-After") == "5"
    os.kill(own.process("supervisor"), signal.SIGKILL)
    eventually(lambda: apache.lines("PATCH", booking.path, head(own, None), BODY).status == 503)
    answer = apache.lines("PATCH", booking.path, head(own, booking.professional), BODY)
    problem(answer, "unavailable", 503)
    assert own.state(booking) == ("pending_confirmation", "none", 1)
