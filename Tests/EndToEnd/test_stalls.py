"""Peers that send malformed FastCGI, or nothing. nginx does not do that; a responder must survive it all the same."""

import contextlib
import functools
import pathlib
import socket
import threading
import time

import pytest

import fastcgi
from together import at_once
from waiting import eventually

BODY = b'{"action":"confirm"}'
LENGTH = len(BODY)
# A peer has five seconds for its whole request.
FREE_SECONDS = 6.5


@pytest.fixture
def stalled(bench):
    return bench.start(ODYS_THREADS="4", ODYS_DELIVERY="off")


def head(bench, booking, length=LENGTH):
    headers = bench.head(booking.professional)
    values = fastcgi.parameters("PATCH", booking.path, headers, BODY)
    return fastcgi.begin() + fastcgi.params([(name, str(length).encode() if name == b"CONTENT_LENGTH" else value)
                                             for name, value in values])


def silences(bench, booking):
    """What a peer sends before it falls silent."""
    whole = head(bench, booking)
    return {
        "nothing": b"",
        "half a record": whole[:5],
        "only the beginning": fastcgi.begin(),
        "half of the parameters": whole[:-20],
        "parameters without an end": whole[:-8],
        "no body": whole,
        "half of the body": whole + fastcgi.record(fastcgi.STDIN, BODY[:7]),
    }


def test_silent_peers_hold_a_thread_for_some_seconds_only(bench):
    bench.start(ODYS_THREADS="8", ODYS_DELIVERY="off")
    booking = bench.booking()
    silent = {kind: fastcgi.connect(bench.address, FREE_SECONDS) for kind in silences(bench, booking)}
    started = time.monotonic()
    held = {}

    def wait(kind):
        silent[kind].sendall(silences(bench, booking)[kind])
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while silent[kind].recv(4096):
                pass
        held[kind] = time.monotonic() - started

    try:
        waiting = [threading.Thread(target=wait, args=[kind]) for kind in silent]  # for all threads but one
        for thread in waiting:
            thread.start()
        for _ in range(5):
            bench.act(bench.booking(), "confirm")
        assert time.monotonic() - started < 3
        for thread in waiting:
            thread.join(30)
    finally:
        for connection in silent.values():
            connection.close()
    assert len(held) == 7 and not {kind: seconds for kind, seconds in held.items() if seconds >= FREE_SECONDS}, held
    # All of the threads are free again.
    answers = at_once([functools.partial(bench.patch, bench.booking(), None, "confirm")] * 8)
    assert [answer.status for answer in answers] == [401] * 8
    assert bench.state(booking) == ("pending_confirmation", "none", 1)


def trickle(address, at_once_bytes, bytes_one_by_one):
    """Sends some bytes at once, and then one every fifth of a second, always in time for the next read.
    Returns the seconds until the responder closed the connection."""
    started = time.monotonic()
    with contextlib.closing(fastcgi.connect(address, 0.2)) as connection:
        connection.sendall(at_once_bytes)
        for byte in bytes_one_by_one:
            try:
                connection.sendall(bytes([byte]))
                if connection.recv(4096) == b"":
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
    return time.monotonic() - started


def test_peers_that_trickle_are_held_to_the_same_time(bench):
    bench.start(ODYS_THREADS="8", ODYS_DELIVERY="off")
    booking = bench.booking()
    whole = head(bench, booking)
    many = fastcgi.record(fastcgi.STDIN, b" ") * 200
    ways = {
        "the beginning": (b"", fastcgi.begin() + whole),
        "the parameters": (whole[:30], whole[30:]),
        "the body": (head(bench, booking, 200), many),
        "padding": (head(bench, booking, 200), b"\x01\x05\x00\x01\x00\x01\xff\x00 " + bytes(255)),
    }
    held = {}
    threads = [threading.Thread(target=lambda way=way: held.update({way: trickle(bench.address, *ways[way])}))
               for way in ways]
    for thread in threads:
        thread.start()
    bench.act(bench.booking(), "confirm")
    for thread in threads:
        thread.join(60)
    assert set(held) == set(ways) and all(3 < seconds < FREE_SECONDS for seconds in held.values()), held
    assert bench.state(booking) == ("pending_confirmation", "none", 1)


@pytest.mark.parametrize("way", ["does not read", "does not close", "goes on sending"])
def test_a_peer_that_stays_after_its_request_holds_no_thread(bench, way):
    """Two threads, and more such peers than that."""
    bench.start(ODYS_THREADS="2", ODYS_DELIVERY="off")
    bookings = [bench.booking() for _ in range(6)]
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(fastcgi.connect(bench.address))) for _ in bookings]
        for connection, booking in zip(connections, bookings):
            connection.sendall(head(bench, booking) + fastcgi.stdin(BODY))

        def flood(connection):
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    connection.sendall(b"x" * 1024)
                    if way == "goes on sending":
                        time.sleep(0.01)

        flooded = connections if way == "goes on sending" else []
        floods = [threading.Thread(target=flood, args=[each]) for each in flooded]
        for thread in floods:
            thread.start()
        try:
            if way == "does not close":
                assert all(b"Status: 200" in fastcgi.answer(each) for each in connections)
            started = time.monotonic()
            bench.act(bench.booking(), "confirm")
            assert time.monotonic() - started < 3
        finally:
            stop.set()
            for thread in floods:
                thread.join(20)
    eventually(lambda: all(bench.state(booking)[0] == "confirmed" for booking in bookings))


def test_a_request_has_a_size_before_it_has_memory(stalled):
    """Parameters and records above a bound end the connection; a large head that nginx would pass is read."""
    booking = stalled.booking()
    values = fastcgi.parameters("PATCH", booking.path, stalled.head(booking.professional), BODY)
    large = [(b"HTTP_X_%d" % number, b"x" * 8_000) for number in range(12)]
    with contextlib.closing(fastcgi.connect(stalled.address)) as connection:
        connection.sendall(fastcgi.begin() + fastcgi.params(values + large) + fastcgi.stdin(BODY))
        assert b"Status: 200" in fastcgi.answer(connection)
    peak = memory_peak(stalled.responder.pid)
    endless = fastcgi.record(fastcgi.PARAMS, b"\x01\x01AB" * 10_000)
    for start in (fastcgi.begin(), head(stalled, booking)):
        with contextlib.closing(fastcgi.connect(stalled.address)) as connection, \
                pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(start)
            for _ in range(4_000):  # 160 MB
                connection.sendall(endless)
    assert memory_peak(stalled.responder.pid) < peak + 8 * 1024
    stalled.act(stalled.booking(), "confirm")


def memory_peak(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_a_peer_that_leaves_before_the_answer_ends_nothing(stalled):
    for _ in range(20):
        booking = stalled.booking()
        with contextlib.closing(fastcgi.connect(stalled.address)) as connection:
            connection.sendall(head(stalled, booking) + fastcgi.stdin(BODY))
    stalled.act(stalled.booking(), "confirm")
    assert stalled.responder.poll() is None


@pytest.mark.parametrize("length", ["-1", "x", "", "5", "21", "99999", "99999999999999999999", "1e1", "0x14", "+20"])
def test_a_length_that_is_not_that_of_the_body_is_refused(stalled, length):
    booking = stalled.booking()
    with contextlib.closing(fastcgi.connect(stalled.address)) as connection:
        connection.sendall(head(stalled, booking, length) + fastcgi.stdin(BODY))
        output = fastcgi.answer(connection)
    if length == "":  # none announced: the body ends where the stream ends
        assert b"Status: 200" in output
    else:
        assert b"Status: 400" in output or b"Status: 413" in output, output
        assert stalled.state(booking) == ("pending_confirmation", "none", 1)


def test_a_body_in_many_records_is_one_body(stalled):
    booking = stalled.booking()
    with contextlib.closing(fastcgi.connect(stalled.address)) as connection:
        connection.sendall(head(stalled, booking))
        for byte in BODY:
            connection.sendall(fastcgi.record(fastcgi.STDIN, bytes([byte])))
        connection.sendall(fastcgi.record(fastcgi.STDIN))
        assert b"Status: 200" in fastcgi.answer(connection)


def test_a_large_body_does_not_need_nginx_to_be_refused(stalled):
    booking = stalled.booking()
    for body, status in ((BODY.ljust(16_384), 200), (BODY.ljust(16_385), 413), (BODY.ljust(60_000), 413)):
        assert stalled.send(booking, booking.professional, body).status == status
        booking = stalled.booking()


def test_a_repeated_authorization_never_acts_for_the_second(stalled):
    booking = stalled.booking()
    good = fastcgi.parameters("PATCH", booking.path, stalled.head(booking.professional), BODY)
    stranger = b"Bearer " + stalled.token("stranger").encode()
    with contextlib.closing(fastcgi.connect(stalled.address)) as connection:
        values = [(b"HTTP_AUTHORIZATION", stranger), *good]
        connection.sendall(fastcgi.begin() + fastcgi.params(values) + fastcgi.stdin(BODY))
        assert b"Status: 401" in (output := fastcgi.answer(connection)) or b"Status: 403" in output
    assert stalled.state(booking) == ("pending_confirmation", "none", 1)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, b"\xff" * 4096,
                                     fastcgi.record(9), fastcgi.record(2), fastcgi.record(6, b"x"),
                                     fastcgi.begin() + fastcgi.record(4, b"\xff" * 8)],
                         ids=["HTTP", "zeros", "ones", "values", "abort", "stdout", "length"])
def test_garbage_ends_at_most_its_own_connection(stalled, garbage):
    for _ in range(8):
        with contextlib.closing(fastcgi.connect(stalled.address)) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(FREE_SECONDS)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                while connection.recv(4096):
                    pass
    eventually(lambda: stalled.patch(stalled.booking(), None, "confirm").status == 401)
    assert stalled.responder.poll() is None
