"""The MariaDB that is kept between runs of the Swift tests."""

import contextlib
import json
import os
import pathlib
import signal

import pytest

from stacklib import database
from stacklib.processes import is_alive
from testlib import server


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Not the one that somebody keeps in this checkout."""
    monkeypatch.setattr(server, "STATE", tmp_path / "test-database.json")
    yield server.STATE
    server.stop_kept()


def socket_of(context):
    with context as socket:
        assert database.answers(socket)
        return socket


def test_it_is_found_again_until_it_is_stopped(state, capsys):
    assert server.kept() is None and server.command(["status"]) == 1
    assert server.command(["start"]) == 0
    socket = server.kept()
    assert f"export ODYS_TEST_DB_SOCKET={socket}" in capsys.readouterr().out
    # A second start is the same server, and a run does not end it.
    assert server.start_kept() == socket == socket_of(server.kept_or_fresh()) == server.kept()
    # `make test` has its own.
    assert socket_of(server.fresh()) != socket
    process, directory = server.recorded()["process"], pathlib.Path(server.recorded()["directory"])
    assert server.command(["stop"]) == 0
    assert not is_alive(process) and not directory.exists() and not state.exists()
    assert server.command(["stop"]) == 0 and "no MariaDB is kept" in capsys.readouterr().out


def test_one_that_died_is_replaced_and_leaves_nothing():
    socket = server.start_kept()
    dead = server.recorded()
    os.kill(dead["process"]["pid"], signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(dead["process"]["pid"], 0)
    assert server.kept() is None
    assert socket_of(server.kept_or_fresh()) != socket
    assert server.start_kept() != socket and not pathlib.Path(dead["directory"]).exists()


def test_the_process_of_another_program_is_not_taken_for_it(state):
    recorded = {"process": {"pid": os.getpid(), "start_time": 1}, "socket": "/none", "directory": "/tmp/odys-db-none"}
    state.write_text(json.dumps(recorded), encoding="utf-8")
    assert server.kept() is None and server.stop_kept()


@pytest.mark.parametrize("words", [[], ["restart"], ["start", "stop"]])
def test_other_words_are_no_command(words):
    assert server.command(words) is None
