"""What a responder sends to providers, and to untrusted ones."""

import base64
import contextlib
import pathlib
import socket
import ssl
import tempfile
import threading

import pytest

import certificates
from recorder import Recorder
from test_stalls import memory_peak
from waiting import eventually

# This host, by a name that settings do not take for loopback: TLS is required.
REMOTE = "127.1"
PERSON = {"clientName": "Ana", "professionalName": "Paula", "startsAt": "2031-03-05T17:30:00Z"}


class Provider:
    """An HTTP server that reads a request's head and then acts as told, for every connection."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.heads = []
        self.failures = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(10)
                try:
                    if self.tls:
                        connection = self.tls.wrap_socket(connection, server_side=True)
                    head = b""
                    while b"\r\n\r\n" not in head:
                        more = connection.recv(65_536)
                        if not more:
                            break
                        head += more
                    self.heads.append(head)
                    self.answer(connection)
                except OSError as failure:
                    self.failures.append(failure)
                finally:
                    connection.close()

    def close(self):
        self.listener.close()


@contextlib.contextmanager
def provider(bench, answer, tls=None, host="127.0.0.1"):
    made = Provider(answer, tls)
    bench.own.update(EVOLUTION_API_URL=f"{'https' if tls else 'http'}://{host}:{made.port}", EVOLUTION_API_KEY="key",
                     EVOLUTION_INSTANCE="odys", EVOLUTION_API_VERSION="2")
    try:
        yield made
    finally:
        made.close()


def enqueue(bench, channel="whatsapp", recipient="5511912345678"):
    return bench.enqueue(channel=channel, recipient_role="client", recipient=recipient, template="booking_confirmed",
                         payload=PERSON)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/", "file:///etc/hostname", "gopher://127.0.0.1:{port}/",
                                    "http://169.254.169.254/latest/meta-data/"],
                         ids=["http", "file", "gopher", "cloud"])
def test_a_redirect_is_not_followed(bench, code, target):
    with Provider(lambda connection: None).listener as listener:
        elsewhere = listener.getsockname()[1]
        head = f"HTTP/1.1 {code} Elsewhere\r\nLocation: {target.format(port=elsewhere)}\r\nContent-Length: 0\r\n\r\n"
        with provider(bench, lambda connection: connection.sendall(head.encode())) as made:
            identifier = enqueue(bench)
            bench.start()
            row = bench.tried(identifier)
        assert (row["state"], row["attempts"]) == ("pending", 0) and str(code) in row["last_error"]
        assert len(made.heads) == 1


def test_an_answer_of_a_gigabyte_is_not_read(bench):
    sent = 0

    def flood(connection):
        nonlocal sent
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(16_384):
            connection.sendall(b" " * 65_536)
            sent += 65_536

    with provider(bench, flood) as made:
        identifier = enqueue(bench)
        bench.start()
        peak = memory_peak(bench.responder.pid)
        row = bench.tried(identifier)
        assert (row["state"], row["attempts"], row["unclear"]) == ("pending", 1, 1)
        assert memory_peak(bench.responder.pid) < peak + 8 * 1024
        eventually(lambda: made.failures)
    assert sent < 16 << 20


@pytest.fixture
def tls():
    """The server's side of TLS with a certificate of an unknown authority, and a client's side that trusts it."""
    with tempfile.TemporaryDirectory(prefix="odys-e2e-", dir="/tmp") as name:
        directory = pathlib.Path(name)
        ca = certificates.authority(directory)
        files = certificates.server(directory, "server", REMOTE, "127.0.0.1")
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(*files)
        yield server, ssl.create_default_context(cafile=ca), files


def test_a_provider_whose_certificate_does_not_hold_gets_no_request(bench, tls):
    server, client, _ = tls
    with provider(bench, lambda connection: connection.sendall(b"HTTP/1.1 201 x\r\n\r\n"), server, REMOTE) as made:
        identifier = enqueue(bench)
        bench.start()
        row = bench.tried(identifier)
        assert row["state"] == "pending" and "ertificate" in row["last_error"], row["last_error"]
        assert eventually(lambda: made.failures) and made.heads == []
        # With the authority configured the message gets through.
        with socket.create_connection(("127.0.0.1", made.port), 10) as plain, \
                client.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.recv(100)
        assert len(made.heads) == 1


@contextlib.contextmanager
def overheard_mail(bench, *options, host):
    """A mail server behind a recorder; what it received in clear text."""
    bench.peer("smtp", *options)
    recorder = Recorder(int(bench.own["ODYS_SMTP_URL"].rpartition(":")[2]))
    bench.own.update(ODYS_SMTP_URL=f"smtp://{host}:{recorder.port}", ODYS_SMTP_USERNAME="canary-user",
                     ODYS_SMTP_PASSWORD="canary-password")
    try:
        yield recorder
    finally:
        recorder.close()


def secret(heard):
    """The words of the SMTP dialogue that only a trusted server may receive."""
    words = [b"AUTH", b"MAIL FROM", b"RCPT", b"DATA", b"canary", base64.b64encode(b"canary-password")]
    return [word for word in words if word in heard.upper() or word in heard]


def test_a_mail_server_without_starttls_gets_neither_login_nor_mail(bench):
    """As after a man in the middle has removed the offer."""
    with overheard_mail(bench, host=REMOTE) as recorder:
        identifier = enqueue(bench, "email", "ana@mail.example")
        bench.start()
        row = bench.tried(identifier)
    assert (row["state"], row["attempts"], row["last_error"]) == ("pending", 0, "smtp_starttls_missing")
    assert b"EHLO" in recorder.said and secret(recorder.said) == [], recorder.said
    assert bench.mail.ledger() == []


def test_a_mail_server_whose_certificate_does_not_hold_gets_neither_login_nor_mail(bench, tls):
    with overheard_mail(bench, "--starttls", *tls[2], host=REMOTE) as recorder:
        identifier = enqueue(bench, "email", "ana@mail.example")
        bench.start()
        row = bench.tried(identifier)
    assert row["state"] == "pending" and "ertificate" in row["last_error"], row["last_error"]
    assert b"STARTTLS" in recorder.said and secret(recorder.said) == []
    assert bench.mail.ledger() == []


def test_on_loopback_the_login_may_go_in_the_clear(bench):
    """What the recorder would have found above."""
    with overheard_mail(bench, "--require-auth", "canary-user", "canary-password", host="127.0.0.1") as recorder:
        identifier = enqueue(bench, "email", "ana@mail.example")
        bench.start()
        assert bench.finished(identifier)["state"] == "sent"
    assert b"AUTH" in secret(recorder.said) and b"MAIL FROM" in secret(recorder.said)


@pytest.mark.parametrize("address", [
    "ana@mail.example\r\nRCPT TO:<evil@mail.example>", "ana@mail.example\nBcc: evil@mail.example",
    "ana@mail.example>\r\nDATA", "a\x00na@mail.example", "ana@mail.example,evil@mail.example", "<evil@mail.example>"],
    ids=repr)
def test_an_address_with_more_in_it_is_no_recipient(bench, address):
    bench.peer("smtp")
    identifier = enqueue(bench, "email", address)
    bench.start()
    assert bench.finished(identifier)["state"] == "skipped"
    assert bench.mail.ledger() == []
