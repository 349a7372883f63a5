"""deploy/nginx/odys-php-site.conf with a real PHP-FPM: neither of the two sites changes the other."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from edge import NGINX, Nginx, silent
from refusing import nothing_written, problem
from waiting import eventually

BODY = b'{"action":"confirm"}'
PAGES = {
    "index.php": "<?php header('X-Page: index'); echo 'index of ', $_SERVER['REQUEST_URI'];",
    "hello.php": "<?php header('X-Page: hello'); echo 'hello ', file_get_contents('php://input');",
    "fails.php": "<?php http_response_code((int) $_GET['status']); echo 'the body of PHP';",
    "404.html": "the site's own 404",
    "50x.html": "the site's own 50x",
    "style.css": "body { }",
    # Where PHP would find it if the site's PHP were asked for our path.
    "api/appointments/index.php": "<?php echo 'swallowed';",
}
# The names in the shipped file, and their values here.
NAMES = {
    "listen 443 ssl http2;": "listen ADDRESS ssl http2;", "    listen [::]:443 ssl http2;\n": "",
    "/etc/letsencrypt/live/www.example.com/fullchain.pem": "TLS/server.pem",
    "/etc/letsencrypt/live/www.example.com/privkey.pem": "TLS/server.key",
    "snippets/odys-": f"{NGINX}/odys-", "snippets/fastcgi-php.conf": "/etc/nginx/snippets/fastcgi-php.conf",
    "/var/www/example": "{php}/www", "/run/php/php8.2-fpm.sock": "{php}/fpm.sock", "www.example.com;": "localhost;"}


@pytest.fixture(scope="module")
def php():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="odys-edge-", dir="/tmp"))
    for name, content in PAGES.items():
        (directory / "www" / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / "www" / name).write_text(content, encoding="utf-8")
    (directory / "fpm.conf").write_text(f"""
[global]
error_log = {directory}/fpm.log
daemonize = no
[www]
listen = {directory}/fpm.sock
{"user = root" if os.geteuid() == 0 else ""}
{"group = root" if os.geteuid() == 0 else ""}
pm = static
pm.max_children = 2
""", encoding="utf-8")
    process = subprocess.Popen(["/usr/sbin/php-fpm8.2", "--nodaemonize", "--allow-to-run-as-root", "--fpm-config",
                                directory / "fpm.conf"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)

    def answers():
        assert process.poll() is None, (directory / "fpm.log").read_text(encoding="utf-8")
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            return probe.connect_ex(str(directory / "fpm.sock")) == 0

    try:
        eventually(answers, 20)
        yield directory
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        shutil.rmtree(directory)


def site(php):
    text = (NGINX / "odys-php-site.conf").read_text(encoding="utf-8")
    for name, stands in NAMES.items():
        assert name in text, name
        text = text.replace(name, stands.replace("{php}", str(php)))
    return text


@pytest.fixture(scope="module")
def nginx(quiet, php):
    with with_fastcgi_conf(quiet, site(php)) as made:
        yield made


@pytest.fixture(scope="module")
def without(quiet, php):
    """The site as before: our three lines are removed."""
    lines = [line for line in site(php).splitlines() if not line.endswith("# Odys")]
    assert len(lines) == len(site(php).splitlines()) - 3
    with with_fastcgi_conf(quiet, "\n".join(lines)) as made:
        yield made


@contextlib.contextmanager
def with_fastcgi_conf(quiet, text):
    # Debian's snippet includes fastcgi.conf beside nginx.conf.
    made = Nginx(quiet, text.replace("/etc/nginx/snippets/fastcgi-php.conf", "DIR/odys/fastcgi-php.conf"),
                 files={"odys/fastcgi-php.conf": "/etc/nginx/snippets/fastcgi-php.conf",
                        "fastcgi.conf": "/etc/nginx/fastcgi.conf"})
    try:
        yield made
    finally:
        made.close()


SITE = [("GET", "/"), ("GET", "/hello.php"), ("POST", "/hello.php"), ("GET", "/style.css"), ("GET", "/a/nice/link?x=1"),
        ("GET", "/none.php"), ("GET", "/fails.php?status=404"), ("GET", "/fails.php?status=500"),
        ("GET", "/fails.php?status=503"), ("GET", "/fails.php?status=403"), ("GET", "/fails.php?status=422"),
        ("GET", "/fails.php?status=401"), ("GET", "/api/other"), ("GET", "/api/appointments.php"), ("GET", "/api/")]


@pytest.mark.parametrize("method, path", SITE)
def test_the_site_answers_as_before(nginx, without, method, path):
    body = b"body" if method == "POST" else b""
    now, before = (each.request(method, path, {}, body) for each in (nginx, without))
    assert (now.status, now.body) == (before.status, before.body)
    ours = ("Strict-Transport-Security", "X-Request-Id")
    assert not [name for name in ours if now.header(name)], now
    assert now.header("X-Page") == before.header("X-Page")


def test_those_answers_come_from_php_and_from_the_sites_own_pages(nginx):
    assert nginx.request("GET", "/hello.php").body == b"hello "
    assert nginx.request("POST", "/hello.php", {}, b"there").body == b"hello there"
    assert nginx.request("GET", "/a/nice/link?x=1").body == b"index of /a/nice/link?x=1"
    assert nginx.request("GET", "/fails.php?status=404").body == b"the site's own 404"
    assert nginx.request("GET", "/fails.php?status=503").body == b"the site's own 50x"
    # The limits of the API do not apply to the site.
    assert nginx.request("POST", "/hello.php", {}, b"x" * 50_000).status == 200
    assert nginx.request("GET", "/hello.php", {"X-Long": "x" * 7_000}).status == 200


def test_ours_works_beside_it(quiet, nginx):
    booking = quiet.booking()
    answer = nginx.request("PATCH", booking.path, quiet.head(booking.professional), BODY)
    assert answer.status == 200 and answer.json()["appointment"]["status"] == "confirmed", answer
    assert answer.header("Strict-Transport-Security") and answer.header("X-Request-Id")


@pytest.mark.parametrize("path", ["/api/appointments/", "/api/appointments", "/api/appointments/x.php",
                                  "{path}/index.php", "/api/appointments/index.php", "/api/appointments/x.php/y"])
def test_the_sites_php_and_pages_do_not_take_our_paths(quiet, nginx, path):
    booking = quiet.booking()
    with nothing_written(quiet):
        answer = nginx.request("PATCH", path.format(path=booking.path), quiet.head(booking.professional), BODY)
    problem(answer, "not_found")


def test_long_cookies_arrive(quiet, nginx):
    cookie = {"Cookie": "a=" + "b" * 32_766}
    problem(nginx.request("PATCH", quiet.booking().path, cookie, BODY), "unauthenticated")
    assert nginx.request("GET", "/hello.php", cookie).status == 200


def test_the_sites_error_pages_do_not_replace_ours(quiet, nginx):
    booking = quiet.booking()
    good = quiet.head(booking.professional)
    problem(nginx.request("PATCH", booking.path, {}, BODY), "unauthenticated")
    problem(nginx.request("PATCH", booking.path, good, b"x" * 20_000), "body_too_large")
    problem(nginx.request("POST", booking.path, good, BODY), "method_not_allowed")
    problem(nginx.lines("PATCH", booking.path, ["Transfer-Encoding: gzip"]), "malformed_request")
    problem(nginx.request("GET", booking.path + "?" + "x" * 9_000), "uri_too_long")
    with silent(quiet):
        # Not OPTIONS: nginx would wait for the second responder as long as for the first.
        problem(nginx.request("PATCH", booking.path), "unavailable", 504)
