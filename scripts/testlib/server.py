"""The MariaDB of the Swift tests: one for a run, or one that is kept while somebody works."""

import contextlib
import fcntl
import json
import pathlib
import shutil
import tempfile

from stacklib import database
from stacklib.processes import is_alive, stop

from .report import CHECKOUT

STATE = CHECKOUT / ".build" / "test-database.json"


def begin(directory):
    """Starts a server with its files below the directory; returns its process and its socket."""
    temporary = directory / "tmp"
    temporary.mkdir()
    socket, log = str(directory / "db.sock"), directory / "log"
    database.install(directory / "data", temporary, log)
    argv = database.server_argv(directory / "data", socket, temporary, 1000)
    # Tests make and drop schemas and lose nothing that matters.
    return database.start_server([*argv, "--innodb-flush-log-at-trx-commit=0"], socket, log), socket


@contextlib.contextmanager
def fresh():
    """A server for one run. Yields its socket."""
    with tempfile.TemporaryDirectory(prefix="odys-db-") as name:
        server, socket = begin(pathlib.Path(name))
        try:
            yield socket
        finally:
            stop("mariadbd", server, database.STOP_SECONDS)


@contextlib.contextmanager
def kept_or_fresh():
    """The kept server where there is one that answers, else one for this run."""
    if socket := kept():
        print(f"   on the kept MariaDB ({socket}); scripts/test database stop ends it", flush=True)
        yield socket
    else:
        with fresh() as socket:
            yield socket


def recorded():
    try:
        return json.loads(STATE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def kept():
    """The socket of the kept server; None when there is none, or it does not answer."""
    state = recorded()
    if state and is_alive(state["process"]) and database.answers(state["socket"]):
        return state["socket"]
    return None


@contextlib.contextmanager
def locked():
    """One command at a time starts or stops the kept server."""
    STATE.parent.mkdir(exist_ok=True)
    with open(STATE.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_kept():
    """Starts the kept server unless it runs; returns its socket."""
    with locked():
        if socket := kept():
            return socket
        remove()
        # Not below .build: a socket's path has at most 107 bytes.
        directory = pathlib.Path(tempfile.mkdtemp(prefix="odys-db-"))
        try:
            process, socket = begin(directory)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        STATE.write_text(json.dumps({"process": process, "socket": socket, "directory": str(directory)}),
                         encoding="utf-8")
        return socket


def stop_kept():
    """Whether there was one."""
    with locked():
        return remove()


def remove():
    state = recorded()
    if state:
        stop("mariadbd", state["process"], database.STOP_SECONDS)
        shutil.rmtree(state["directory"], ignore_errors=True)
        STATE.unlink()
    return bool(state)


def command(words):
    """scripts/test database start|stop|status"""
    if words == ["start"]:
        print(f"export ODYS_TEST_DB_SOCKET={start_kept()}")
    elif words == ["stop"]:
        print("stopped" if stop_kept() else "no MariaDB is kept")
    elif words == ["status"]:
        socket = kept()
        print(socket or "no MariaDB is kept")
        return 0 if socket else 1
    else:
        return None
    return 0
