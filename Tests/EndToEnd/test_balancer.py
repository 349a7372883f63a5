"""deploy/nginx/odys-balancer.conf in front of other nginxes of this test, or of misbehaving hosts."""

import contextlib
import socket
import ssl
import threading

import pytest

from edge import NGINX, Nginx
from hosts import REAL_IP, balancer_site
from refusing import problem
from stack import NOBODY, run

BURST = 60
TRUST = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; real_ip_recursive on;"


@contextlib.contextmanager
def balanced(quiet, urls, exempt="0.0.0.0/1 1;\n128.0.0.0/1 1;\n", **site):
    made = Nginx(quiet, balancer_site(urls, **site), exempt=exempt)
    try:
        yield made
    finally:
        made.close()


def url(place):
    return f"https://localhost:{place.port}"


@pytest.fixture(scope="module")
def two(quiet):
    """Two hosts with rate limits that trust the balancer's address, as odys-real-ip.conf says."""
    made = []
    try:
        for _ in range(2):
            made.append(Nginx(quiet, more=TRUST))  # noqa: PERF401  # the first is closed where the second fails
        yield made
    finally:
        for each in made:
            each.close()


class Misbehaving(threading.Thread):
    """A host that takes a request over TLS and closes the connection, or does not even complete the handshake."""

    def __init__(self, tls, shakes=True):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.shakes, self.requests, self.connections = shakes, [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(tls / "server.pem", tls / "server.key")

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                with contextlib.suppress(OSError), connection:
                    if self.shakes:
                        with self.context.wrap_socket(connection, server_side=True) as secure:
                            secure.settimeout(5)
                            self.requests.append(secure.recv(65536))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        # close() alone would leave the thread in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(10)


def ask(place, quiet, booking, method="PATCH", source=None, **fields):
    head = quiet.head(booking.professional, Content_Type="application/json" if method == "PATCH" else None, **fields)
    return place.request(method, booking.path, head, b'{"action":"confirm"}' if method == "PATCH" else b"", source)


def test_the_files_for_hosts_and_balancer_fit():
    """The tests' odys-real-ip.conf is the shipped file with its comments removed."""
    lines = [line.removeprefix("# ") for line in REAL_IP.read_text(encoding="utf-8").splitlines()
             if line.startswith(("# set_real_ip_from 192", "# real_"))]
    assert " ".join(lines).replace("192.0.2.1", "127.0.0.1") == TRUST


def test_a_client_is_counted_once_over_all_hosts_and_seen_by_each(quiet, two):
    booking = quiet.booking()
    with balanced(quiet, [url(each) for each in two], exempt="") as balancer:
        def statuses(source, count):
            return [balancer.request("PATCH", booking.path, {"X-Request-Id": f"from-{source}",
                                                             "X-Forwarded-For": "192.0.2.99"}, source=source).status
                    for _ in range(count)]

        got = statuses("127.0.0.21", BURST + 20)
        assert got[:BURST] == [401] * BURST and 429 in got, got
        # One client has used up its share, another has not, although both hosts see one balancer.
        assert statuses("127.0.0.22", BURST)[:BURST] == [401] * BURST
        # One request a second is given back meanwhile.
        again = [balancer.request("PATCH", booking.path, {"X-Request-Id": "from-127.0.0.21"}, source="127.0.0.21")
                 for _ in range(BURST)]
        refused = next(answer for answer in again if answer.status == 429)
        problem(refused, "rate_limited")
        assert refused.header("Retry-After") == "1"
        for host in two:
            lines = host.log_lines()
            assert {line["remote_addr"] for line in lines} == {"127.0.0.21", "127.0.0.22"}
            assert {line["request_id"] for line in lines} == {"from-127.0.0.21", "from-127.0.0.22"}
            # The balancer refused first: the count of one host is only a part.
            assert "429" not in {line["status"] for line in lines}


def test_a_host_that_does_not_trust_the_balancer_counts_all_clients_as_one(quiet):
    """The control for the test above: without odys-real-ip.conf the second client shares the count of the first."""
    booking, host = quiet.booking(), Nginx(quiet)
    try:
        with balanced(quiet, [url(host)] * 2) as balancer:
            for _ in range(BURST + 10):
                balancer.request("PATCH", booking.path, {}, source="127.0.0.23")
            assert 429 in [balancer.request("PATCH", booking.path, {}, source="127.0.0.24").status for _ in range(5)]
            assert {line["remote_addr"] for line in host.log_lines()} == {"127.0.0.1"}
    finally:
        host.close()


def test_answers_pass_as_the_host_made_them(quiet, two):
    booking = quiet.booking()
    with balanced(quiet, [url(each) for each in two]) as balancer:
        good = ask(balancer, quiet, booking, Origin="https://app.odys.example", Idempotency_Key="through")
        again = ask(balancer, quiet, booking, Idempotency_Key="through")
        refused = ask(balancer, quiet, booking)
        read = ask(balancer, quiet, booking, "GET")
        nowhere = balancer.request("GET", "/elsewhere")
        looked = balancer.request("OPTIONS", NOBODY)
    assert good.status == 200 and good.header("ETag") == '"2"'
    assert good.header("Access-Control-Allow-Origin") == "https://app.odys.example"
    # Once, not twice: from the host alone.
    assert good.header("Strict-Transport-Security") == "max-age=63072000"
    assert (again.status, again.body, again.header("Idempotency-Replayed")) == (200, good.body, "true")
    problem(refused, "invalid_transition")
    assert (read.status, looked.status) == (200, 204)
    problem(nowhere, "not_found")


def test_a_patch_that_reached_a_host_is_not_sent_to_another(quiet, two):
    with Misbehaving(quiet.dir / "tls") as bad, Misbehaving(quiet.dir / "tls") as worse:
        booking = quiet.booking()
        with balanced(quiet, [url(bad), url(worse)]) as balancer:
            answer = ask(balancer, quiet, booking)
            problem(answer, "unavailable", 502)
            assert answer.header("Retry-After") == "5"
            assert len(bad.requests) + len(worse.requests) == 1
        with balanced(quiet, [url(bad), url(two[0])]) as balancer:
            # Reads are retried, so they always get an answer; this shows that the other host was available.
            assert [ask(balancer, quiet, booking, "GET").status for _ in range(4)] == [200] * 4
        with balanced(quiet, [url(bad), url(two[0])]) as balancer:
            bookings = [quiet.booking() for _ in range(4)]
            statuses = [ask(balancer, quiet, each).status for each in bookings]
            assert set(statuses) == {200, 502}, statuses
            assert [len(quiet.events(each)) for each in bookings] == [int(status == 200) for status in statuses]
    assert not quiet.events(booking)


@pytest.mark.parametrize("fault", ["refuses", "shakes no hands", "another authority"])
def test_a_host_that_got_nothing_is_replaced_by_another(quiet, two, fault, tmp_path):
    with contextlib.ExitStack() as held:
        if fault == "refuses":
            with socket.create_server(("127.0.0.1", 0)) as closed:
                place = f"https://localhost:{closed.getsockname()[1]}"
        elif fault == "shakes no hands":
            place = url(held.enter_context(Misbehaving(quiet.dir / "tls", shakes=False)))
        else:
            stranger = held.enter_context(Misbehaving(foreign(tmp_path)))
            place = url(stranger)
        balancer = held.enter_context(balanced(quiet, [place, url(two[0])]))
        bookings = [quiet.booking() for _ in range(8)]
        assert [ask(balancer, quiet, booking).status for booking in bookings] == [200] * 8
        assert any("," in line["upstream_addr"] for line in balancer.log_lines())
        if fault == "another authority":
            assert stranger.connections > 0 and not any(stranger.requests)
    assert all(len(quiet.events(booking)) == 1 for booking in bookings)


def foreign(directory):
    """A certificate for the right name by an authority that the balancer does not trust."""
    run("/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", directory / "server.key", "-out", directory / "server.pem")
    return directory


def test_a_certificate_for_another_name_is_refused(quiet, two):
    booking = quiet.booking()
    with balanced(quiet, [url(each) for each in two], names="api.example.com") as balancer:
        problem(ask(balancer, quiet, booking), "unavailable", 502)
        assert "upstream SSL certificate does not match" in balancer.errors()
    assert not quiet.events(booking)


def test_the_example_includes_only_files_that_ship():
    text = (NGINX / "odys-balancer.conf").read_text(encoding="utf-8")
    names = [line.split()[1].rstrip(";") for line in text.splitlines() if line.strip().startswith("include ")]
    assert names and all((NGINX / name.removeprefix("snippets/")).exists() for name in names)
