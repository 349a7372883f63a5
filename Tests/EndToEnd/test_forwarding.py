"""Rate limiting counts the address of the connection, unless a trusted proxy names another."""

import pytest

from edge import NGINX, Nginx
from waiting import eventually

# 127.0.0.2 is the proxy; other peers are not.
PROXY, OTHER = "127.0.0.2", "127.0.0.3"
SPOOFS = [
    "X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 192.0.2.9, 127.0.0.2",
    "X-Forwarded-For: ::1", "X-Forwarded-For: unknown", "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-For: 192.0.2.8",
    "X-Real-IP: 192.0.2.9", "Forwarded: for=192.0.2.9", "X-Client-IP: 192.0.2.9", "True-Client-IP: 192.0.2.9",
    "CF-Connecting-IP: 192.0.2.9", "X-Forwarded-For: 198.51.100.7"]  # the last one is on the list of exemptions
EXEMPT = "198.51.100.7 1;\n2001:db8:ee::/64 1;\n127.0.0.9 1;\n"
BURST = 60


@pytest.fixture(scope="module")
def plain(quiet):
    """As shipped: the file for proxies is included and trusts nobody."""
    made = Nginx(quiet, more=f"include {NGINX}/odys-real-ip.conf;", exempt=EXEMPT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trusting(quiet):
    """The same file with its comments removed and the proxy named."""
    text = (NGINX / "odys-real-ip.conf").read_text(encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# set_", "# real_"))]
    assert len(lines) == 4 and lines[0] == "set_real_ip_from 192.0.2.1;"
    lines[0] = f"set_real_ip_from {PROXY};"
    made = Nginx(quiet, more="\n".join(lines), exempt=EXEMPT)
    yield made
    made.close()


@pytest.fixture
def path(quiet):
    return quiet.booking().path


def ask(nginx, path, *fields, source=None, method="PATCH"):
    status = nginx.lines(method, path, [line for field in fields for line in field.split("\r\n")], source=source).status
    assert status in (401, 429, 204), status
    return status


def spend(nginx, path, *fields, source=None):
    """Uses up the limit of an address."""
    statuses = [ask(nginx, path, *fields, source=source) for _ in range(BURST + 10)]
    assert 429 in statuses and statuses[:BURST] == [401] * BURST, statuses
    return statuses


def is_limited(nginx, path, *fields, source=None):
    """One request a second is given back, so the first few may still pass."""
    return 429 in [ask(nginx, path, *fields, source=source) for _ in range(5)]


def shown(nginx):
    return nginx.log_lines()[-1]["remote_addr"]


def test_as_shipped_no_header_changes_the_address(plain, path):
    spend(plain, path, source=OTHER)
    for spoof in SPOOFS:
        assert is_limited(plain, path, spoof, source=OTHER), spoof
        assert shown(plain) == OTHER
    # Nor does it use up the limit of another address.
    assert ask(plain, path, source="127.0.0.4") == 401


def test_preflights_are_not_counted(plain, path):
    source = "127.0.0.5"
    assert {ask(plain, path, source=source, method="OPTIONS") for _ in range(BURST + 20)} == {204}
    spend(plain, path, source=source)
    assert ask(plain, path, source=source, method="OPTIONS") == 204


def test_an_exempt_address_is_not_counted(plain, path):
    assert {ask(plain, path, source="127.0.0.9") for _ in range(BURST + 20)} == {401}


def test_a_refused_request_is_seen_in_the_access_log(plain, path):
    spend(plain, path, source="127.0.0.6")
    line = [each for each in plain.log_lines() if each["remote_addr"] == "127.0.0.6"][-1]
    assert (line["status"], line["limit_req_status"], line["upstream_addr"]) == ("429", "REJECTED", "")


def test_a_trusted_proxy_says_who_the_client_is(trusting, path):
    spend(trusting, path, "X-Forwarded-For: 192.0.2.10", source=PROXY)
    assert shown(trusting) == "192.0.2.10"
    assert ask(trusting, path, "X-Forwarded-For: 192.0.2.11", source=PROXY) == 401


def test_nobody_else_does(trusting, path):
    spend(trusting, path, source=OTHER)
    for spoof in SPOOFS:
        assert is_limited(trusting, path, spoof, source=OTHER), spoof
        assert shown(trusting) == OTHER


@pytest.mark.parametrize("fields, address", [
    # The client's own value precedes what the proxy added: only the last untrusted address counts.
    (["X-Forwarded-For: 203.0.113.1, 192.0.2.20"], "192.0.2.20"),
    (["X-Forwarded-For: 203.0.113.1, 192.0.2.21, 127.0.0.2"], "192.0.2.21"),
    (["X-Forwarded-For: 203.0.113.1", "X-Forwarded-For: 192.0.2.22"], "192.0.2.22"),
    (["X-Forwarded-For: 198.51.100.7, 192.0.2.23"], "192.0.2.23"),
    # No usable address: the proxy itself counts.
    (["X-Forwarded-For: unknown"], PROXY), ([], PROXY),
    (["X-Real-IP: 192.0.2.9"], PROXY), (["Forwarded: for=192.0.2.9"], PROXY),
    (["X-Forwarded-For: 2001:db8::7"], "2001:db8::7")])
def test_of_a_chain_the_last_address_that_is_not_trusted_counts(trusting, path, fields, address):
    assert ask(trusting, path, *fields, source=PROXY) in (401, 429)
    assert shown(trusting) == address


def test_the_exempt_list_holds_behind_the_proxy_for_what_the_proxy_says(trusting, path):
    for address in ("198.51.100.7", "2001:db8:ee::1"):
        field = f"X-Forwarded-For: {address}"
        assert {ask(trusting, path, field, source=PROXY) for _ in range(BURST + 20)} == {401}


def test_ipv6_clients_are_counted_by_64_bits(trusting, path):
    spend(trusting, path, "X-Forwarded-For: 2001:db8:1:1::1", source=PROXY)
    for same in ("2001:db8:1:1::2", "2001:db8:1:1:ffff:ffff:ffff:ffff", "2001:db8:1:1:a0a:a0a:a0a:a0a"):
        assert is_limited(trusting, path, f"X-Forwarded-For: {same}", source=PROXY), same
    # 0a is a line feed, which must not end the comparison.
    for other in ("2001:db8:1:2::1", "2001:db8:1:0a0a::1", "2001:db8:2:1::1"):
        assert ask(trusting, path, f"X-Forwarded-For: {other}", source=PROXY) == 401, other


def test_ipv6_by_a_real_connection(quiet, path):
    made = Nginx(quiet, address="::1")
    try:
        spend(made, path)
        assert made.log_lines()[-1]["remote_addr"] == "::1"
        eventually(lambda: ask(made, path) == 401, 5)
    finally:
        made.close()
