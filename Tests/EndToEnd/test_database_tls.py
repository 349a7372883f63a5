"""TLS to MariaDB: a server that cannot prove its name learns nothing, not even the user name."""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

import certificates
import stack
from bench import free_port
from recorder import Recorder

sys.path.insert(0, str(stack.CHECKOUT / "scripts"))
from stacklib import database
from stacklib.processes import stop

CTL = stack.BINARIES / "odysctl"
USER, PASSWORD = "canary_user", "canary-password"
# This host, by a name that settings do not take for loopback, so that TLS is required.
REMOTE = "127.1"


@pytest.fixture(scope="module")
def server():
    """A private MariaDB with our schema and an application user. `with server(options)` runs it with a port."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="odys-e2e-", dir="/tmp"))
    temporary, log, socket = directory / "tmp", directory / "log", str(directory / "db.sock")
    temporary.mkdir()
    database.install(directory / "data", temporary, log)
    local = database.server_argv(directory / "data", socket, temporary, 50)

    @contextlib.contextmanager
    def running(*options):
        port = free_port()
        argv = [word for word in local if word != "--skip-networking"]
        process = database.start_server(
            [*argv, "--bind-address=127.0.0.1", f"--port={port}", *options], socket, log)
        try:
            yield port
        finally:
            stop("mariadbd", process, 30)

    settings = {"ODYS_DB_SOCKET": socket, "ODYS_DB_USER": USER, "ODYS_DB_MIGRATE_USER": "root"}
    with running():
        database.create(socket, "odys", USER, PASSWORD, log)
        subprocess.run(database.client_argv(socket, "--execute", f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY "
                                            f"'{PASSWORD}'"), check=True)
        stack.run(CTL, "migrate", "up", "--sql", stack.CHECKOUT / "sql", **settings)
        grants = stack.run(CTL, "migrate", "grants", "--host", "127.0.0.1", **settings).stdout
        subprocess.run(database.client_argv(socket), input=grants.encode(), check=True)
    yield running
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def files():
    with tempfile.TemporaryDirectory(prefix="odys-e2e-", dir="/tmp") as name:
        directory = pathlib.Path(name)
        yield {
            "ca": certificates.authority(directory),
            "good": certificates.server(directory, "good", "localhost", REMOTE, "127.0.0.1"),
            "self-signed": certificates.server(directory, "self", "localhost", REMOTE, "127.0.0.1", signed=False),
            "wrong name": certificates.server(directory, "other", "database.example"),
        }


def attempt(port, host, **settings):
    """What odysctl reports about the server, and what the server received."""
    recorder = Recorder(port)
    try:
        done = stack.run(CTL, "outbox", "stats", check=False, **{
            "ODYS_DB_HOST": host, "ODYS_DB_PORT": str(recorder.port), "ODYS_DB_USER": USER,
            "ODYS_DB_PASSWORD": PASSWORD, **settings})
    finally:
        recorder.close()
    assert recorder.connections >= 1
    return done, recorder.said


def options(files, name):
    return [f"--ssl-cert={files[name][0]}", f"--ssl-key={files[name][1]}", f"--ssl-ca={files['ca']}"]


@pytest.mark.parametrize("host, ca", [(REMOTE, True), ("localhost", True), ("127.0.0.1", True)])
def test_a_server_that_proves_its_name_is_used_over_tls(server, files, host, ca):
    with server(*options(files, "good")) as port:
        done, heard = attempt(port, host, ODYS_DB_CA=str(files["ca"]))
    assert done.returncode == 0, done.stderr
    assert heard and USER.encode() not in heard and b"SELECT" not in heard


@pytest.mark.parametrize("kind", ["no TLS", "self-signed", "wrong name", "TLS 1.1"])
@pytest.mark.parametrize("host, with_ca", [(REMOTE, True), (REMOTE, False), ("localhost", True)],
                         ids=["remote", "remote, the system's authorities", "loopback with a CA"])
def test_a_server_that_does_not_is_refused_before_anything_is_said(server, files, kind, host, with_ca):
    chosen = ["--skip-ssl"] if kind == "no TLS" else options(files, "good" if kind == "TLS 1.1" else kind)
    if kind == "TLS 1.1":
        chosen.append("--tls-version=TLSv1.1")
    with server(*chosen) as port:
        done, heard = attempt(port, host, **({"ODYS_DB_CA": str(files["ca"])} if with_ca else {}))
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert USER.encode() not in heard, heard
    assert PASSWORD not in done.stderr and USER not in done.stderr


def test_on_loopback_without_a_ca_no_tls_is_needed(server):
    with server("--skip-ssl") as port:
        done, heard = attempt(port, "127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert USER.encode() in heard  # the recorder does record what is not encrypted
