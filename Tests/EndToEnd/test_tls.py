"""TLS by real handshakes: what odys-tls.conf accepts, and that the refusals come from it."""

import subprocess

import pytest

from edge import API_SITE, Nginx
from stack import run

STRONG = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
WEAK = ("AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "CAMELLIA128-SHA")
# The same site without our file, and as weak as OpenSSL can be made: there, what is refused above is accepted.
WEAK_SITE = API_SITE.replace(API_SITE.partition("include ")[2].partition(";")[0], "DIR/weak-tls.conf")
WEAK_TLS = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0; ssl_ecdh_curve prime256v1;"


@pytest.fixture(scope="module")
def nginx(quiet):
    # An RSA certificate beside the other one: without it the RSA ciphers would be refused for want of a key.
    tls = quiet.dir / "tls"
    run("/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-keyout", tls / "rsa.key", "-out", tls / "rsa.pem", "-CA", tls / "ca.pem", "-CAkey", tls / "ca.key")
    made = Nginx(quiet, more="ssl_certificate TLS/rsa.pem; ssl_certificate_key TLS/rsa.key;")
    yield made
    made.close()


@pytest.fixture(scope="module")
def weak(quiet, nginx):
    (quiet.dir / "tls" / "weak.conf").write_text(WEAK_TLS, encoding="utf-8")
    site = WEAK_SITE.replace("DIR/weak-tls.conf", "TLS/weak.conf")
    made = Nginx(quiet, site, more="ssl_certificate TLS/rsa.pem; ssl_certificate_key TLS/rsa.key;")
    yield made
    made.close()


def handshake(nginx, *options):
    """(whether it succeeded, the output of OpenSSL)"""
    done = subprocess.run(["/usr/bin/openssl", "s_client", "-connect", f"{nginx.host}:{nginx.port}", *options],
                          input=b"", capture_output=True, check=False, timeout=30)
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("version, accepted", [("tls1", False), ("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_versions(nginx, weak, version, accepted):
    made, said = handshake(nginx, f"-{version}", "-cipher", "ALL:@SECLEVEL=0")
    assert made is accepted, said
    if not accepted:
        assert handshake(weak, f"-{version}", "-cipher", "ALL:@SECLEVEL=0")[0]


@pytest.mark.parametrize("key", ["RSA", "ECDSA"])
@pytest.mark.parametrize("cipher", STRONG)
def test_strong_ciphers_of_tls_1_2(nginx, key, cipher):
    made, said = handshake(nginx, "-tls1_2", "-cipher", f"ECDHE-{key}-{cipher}")
    assert made, said


@pytest.mark.parametrize("cipher", WEAK)
def test_weak_ciphers_are_refused(nginx, weak, cipher):
    """Without forward secrecy, or in CBC mode."""
    options = ("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    made, said = handshake(nginx, *options)
    assert not made and "handshake failure" in said, said
    # DHE would need parameters of its own.
    if not cipher.startswith("DHE"):
        made, said = handshake(weak, *options)
        assert made, said


def test_a_session_is_not_kept_in_a_ticket(nginx):
    made, said = handshake(nginx, "-tls1_2")
    assert made and "TLS session ticket:" not in said
