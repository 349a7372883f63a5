"""A database whose disk is full: requests get 503, and readiness, a metric and the log say why; with space it recovers.

MariaDB runs on a small tmpfs in a mount namespace of its own."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

import odys
from bench import Bench
from scrape import metrics, ready
from stacklib import database
from test_watching import VISIBLE, lines
from waiting import eventually

MEGABYTE = 1 << 20
START = """\
set -e
mount -t tmpfs -o size=100m tmpfs "$1"
mkdir "$1/tmp"
TMPDIR="$1/tmp" /usr/bin/mariadb-install-db --no-defaults --datadir="$1/data" --skip-test-db --skip-name-resolve \\
    --auth-root-authentication-method=normal --user=root --innodb-log-file-size=8M
shift
exec "$@"
"""


class SmallServer(odys.Odys):
    """A MariaDB on 100 MB."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory
        self.db_socket = str(directory / "db.sock")
        place = directory / "disk"
        place.mkdir()
        argv = database.server_argv(place / "data", self.db_socket, place / "tmp", 100)
        argv = [word for word in argv if not word.startswith("--user=")] + [
            "--user=root", "--innodb-log-file-size=8M", "--innodb-fast-shutdown=2"]
        script = directory / "start"
        script.write_text(START, encoding="ascii")
        # A user other than root becomes root inside the namespace.
        own = [] if os.geteuid() == 0 else ["--map-root-user"]
        with open(directory / "mariadb.log", "wb") as log:
            self.process = subprocess.Popen(["unshare", "--mount", *own, "sh", script, place, *argv], stdin=log,
                                            stdout=log, stderr=log)
        eventually(lambda: database.answers(self.db_socket), 60)
        # Paths as the namespace sees them.
        self.disk = pathlib.Path(f"/proc/{self.process.pid}/root{place}")

    def fill(self):
        with open(self.disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(MEGABYTE)) or True:
                pass
        # The last bytes, too.
        with open(self.disk / "filler", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1024)):
                pass

    def empty(self):
        (self.disk / "filler").unlink()

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def small():
    with tempfile.TemporaryDirectory(prefix="odys-disk-", dir="/tmp") as name:
        server = SmallServer(pathlib.Path(name))
        try:
            yield server
        finally:
            server.close()


def test_a_full_disk_shows_and_nothing_needs_a_restart(small):
    made = Bench(small)
    with contextlib.closing(made):
        made.start(ODYS_DELIVERY="off", ODYS_THREADS="4")
        made.act(made.booking(), "paid")
        professional = made.professional()
        bookings = [made.booking(professional) for _ in range(40)]
        small.fill()
        # Long reasons need pages for which there is no space.
        refused = [booking for booking in bookings
                   if made.patch(booking, professional, "cancel", reason="x" * 500).status == 503]
        assert refused, "the disk was not full"
        status, checks = ready(made)
        assert status == 503 and checks["database:reachable"]["status"] == "pass", checks
        assert checks["database:writes"]["status"] == "fail" and "disk" in checks["database:writes"]["output"]
        page = metrics(made)
        assert page("odys_db_errors_total", kind="refusing") > 0
        assert page("odys_check_ok", check="database:writes") == 0
        eventually(lambda: any("database:writes" in line.get("checks", "") for line in lines(made.log())), VISIBLE)
        small.empty()
        eventually(lambda: made.patch(refused[0], professional, "cancel").status == 200)
        # The failure of a request is recorded after its answer.
        eventually(lambda: ready(made)[0] == 200)
