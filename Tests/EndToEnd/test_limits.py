"""What nginx bounds for one client's address: preflights, connections, idle ones. test_forwarding.py has the rate."""

import contextlib
import socket
import threading
import time

import pytest

from edge import Edge, Nginx
from hosts import balancer_site
from refusing import problem
from test_forwarding import EXEMPT, OTHER, PROXY
from waiting import eventually

CONNECTIONS, PREFLIGHTS = 50, 600
# The balancer below has the address 127.0.0.1.
TRUST = f"set_real_ip_from {PROXY}; set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; real_ip_recursive on;"


@pytest.fixture(scope="module")
def nginx(quiet):
    """As shipped, behind a trusted proxy at PROXY."""
    made = Nginx(quiet, more=TRUST, exempt=EXEMPT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def balancer(quiet, nginx):
    made = Nginx(quiet, balancer_site([f"https://localhost:{nginx.port}"] * 2))
    yield made
    made.close()


def statuses(edge, path, count, method="OPTIONS", source=None, field="X-A: b"):
    """Of this many requests on one connection."""
    one = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{field}\r\n"
    text = f"{one}\r\n" * (count - 1) + f"{one}Connection: close\r\n\r\n"
    return [answer.status for answer in edge.exchange(text.encode(), source)]


@contextlib.contextmanager
def slow_bodies(edge, path, count, source=None, field="X-A: b"):
    """Connections of which each has sent a head, and waits with its body."""
    head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\n{field}\r\nContent-Length: 20\r\n\r\n{{"
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            opened.enter_context(contextlib.closing(edge.connect(source))).sendall(head.encode())
        yield


def full(edge, path, **client):
    """Whether the next connection of the client is refused. Its answer is nginx's own; the rate is not used up."""
    answer = edge.lines("PATCH", path, [client.pop("field", "X-A: b")], **client)
    if answer.status == 429:
        problem(answer, "rate_limited")
        assert int(answer.header("Retry-After")) >= 1
    return answer.status == 429


@pytest.mark.parametrize("place, one, other", [("nginx", "127.0.0.31", "127.0.0.32"),
                                                ("balancer", "127.0.0.36", "127.0.0.37")])
def test_preflights_have_a_generous_limit_of_their_own(request, quiet, place, one, other):
    edge, path = request.getfixturevalue(place), quiet.booking().path
    got = statuses(edge, path, PREFLIGHTS + 100, source=one)
    assert got[:PREFLIGHTS] == [204] * PREFLIGHTS and got.count(429) >= 20 and set(got) == {204, 429}
    # Requests of that client are counted by themselves, and preflights of another are not.
    assert statuses(edge, path, 3, "GET", one) == [401] * 3
    assert statuses(edge, path, 3, source=other) == [204] * 3


@pytest.mark.parametrize("place, one, other", [("nginx", "127.0.0.33", "127.0.0.34"),
                                                ("balancer", "127.0.0.38", "127.0.0.39")])
def test_fifty_connections_of_one_client_are_served_at_once(request, quiet, place, one, other):
    edge, path = request.getfixturevalue(place), quiet.booking().path
    with slow_bodies(edge, path, CONNECTIONS, source=one):
        assert eventually(lambda: full(edge, path, source=one))
        # Preflights need a connection too; other clients have their own.
        assert statuses(edge, path, 1, source=one) == [429]
        assert not full(edge, path, source=other)
    eventually(lambda: not full(edge, path, source=one))
    line = next(each for each in edge.log_lines() if each["remote_addr"] == one and each["status"] == "429")
    assert line["limit_req_status"] == "PASSED"


def test_ipv6_clients_have_their_connections_by_64_bits(quiet, nginx):
    path = quiet.booking().path
    with slow_bodies(nginx, path, CONNECTIONS, PROXY, "X-Forwarded-For: 2001:db8:7:1::1"):
        assert eventually(lambda: full(nginx, path, source=PROXY, field="X-Forwarded-For: 2001:db8:7:1:ffff::2"))
        assert not full(nginx, path, source=PROXY, field="X-Forwarded-For: 2001:db8:7:2::1")


def test_an_exempt_address_has_no_limit_at_all(quiet, nginx):
    path, exempt = quiet.booking().path, "127.0.0.9"
    with slow_bodies(nginx, path, CONNECTIONS + 10, exempt):
        assert not full(nginx, path, source=exempt)
        assert statuses(nginx, path, PREFLIGHTS + 50, source=exempt) == [204] * (PREFLIGHTS + 50)


def test_a_stack_without_rate_limit_has_none_of_these(quiet):
    edge, path = Edge.of(quiet), quiet.booking().path
    with slow_bodies(edge, path, CONNECTIONS + 10):
        assert not full(edge, path)
        assert statuses(edge, path, PREFLIGHTS + 50) == [204] * (PREFLIGHTS + 50)


def test_idle_connections_are_closed_soon(quiet, nginx):
    """Each is watched by its own thread: silent from the start, after TLS, in the head, and after an answer."""
    path, seconds = quiet.booking().path, {}

    def watch(name, connection, sent=b""):
        with contextlib.closing(connection):
            connection.settimeout(40)
            begun = time.monotonic()
            connection.sendall(sent)
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(65_536):
                    pass
            seconds[name] = time.monotonic() - begun

    asked = f"OPTIONS {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    threads = [threading.Thread(target=watch, args=args) for args in (
        ("TCP", socket.create_connection((nginx.host, nginx.port), source_address=(OTHER, 0))),
        ("TLS", nginx.connect(OTHER)), ("head", nginx.connect(OTHER), asked[:40]),
        ("body", nginx.connect(OTHER), asked[:-2].replace(b"OPTIONS", b"PATCH") + b"Content-Length: 9\r\n\r\n{"),
        ("kept", nginx.connect(OTHER), asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(45)
    assert set(seconds) == {"TCP", "TLS", "head", "body", "kept"}
    assert all(9 < each < 20 for each in seconds.values()), seconds
    assert seconds["kept"] > 14


def test_a_client_is_told_when_to_let_go_of_a_connection(quiet):
    assert quiet.request("OPTIONS", quiet.booking().path).header("Keep-Alive") == "timeout=10"
