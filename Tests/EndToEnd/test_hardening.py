"""What an attacker inside of a process, or beside it on the host, would meet."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

import bench
import stack
from waiting import eventually

UNITS = stack.CHECKOUT / "deploy" / "systemd"
OPERATIONS = stack.CHECKOUT / "docs" / "OPERATIONS.md"
NOBODY = 65_534


@pytest.mark.parametrize("program", [bench.RESPONDER, bench.CTL], ids=lambda path: path.name)
def test_a_program_is_linked_so_that_nothing_is_patched_later(program):
    """Position-independent, with symbols that are bound at the start in a table that is read-only then (full RELRO)."""
    shown = subprocess.run(["readelf", "--file-header", "--dynamic", "--segments", "--wide", program],
                           capture_output=True, text=True, check=True).stdout
    assert re.search(r"Type: +DYN", shown) and "GNU_RELRO" in shown
    assert re.search(r"\(FLAGS\).*BIND_NOW|\(BIND_NOW\)", shown) and re.search(r"\(FLAGS_1\).*NOW", shown)
    assert not re.search(r"GNU_STACK.* RWE ", shown)


@pytest.mark.parametrize("words, settings", [
    (["odys-fcgi"], {"ODYS_DB_SOCKET": "/nonexistent/db.sock", "ODYS_JWT_SECRET": "x" * 40,
                     "ODYS_APP_URL": "https://odys.example", "ODYS_LISTEN": "tcp:127.0.0.1:{port}",
                     "ODYS_DELIVERY": "off"}),
    # It waits for a database that says nothing.
    (["odysctl", "outbox", "list"], {"ODYS_DB_HOST": "127.0.0.1", "ODYS_DB_PORT": "{silent}"}),
], ids=["odys-fcgi", "odysctl"])
def test_no_core_is_made_and_the_same_user_cannot_read_the_memory(words, settings):
    """proc(5): such a process's files belong to root. As root the test becomes another user, who has to reach the
    program."""
    with tempfile.TemporaryDirectory(prefix="odys-e2e-", dir="/tmp") as made, \
            socket.create_server(("127.0.0.1", 0)) as silent:
        directory = pathlib.Path(made)
        directory.chmod(0o755)
        shutil.copy(stack.BINARIES / words[0], directory)
        changes = {"port": str(bench.free_port()), "silent": str(silent.getsockname()[1])}
        environment = {name: value.format(**changes) for name, value in settings.items()}
        belongs_to_root(directory, words, environment)


def belongs_to_root(directory, words, environment):
    is_root = os.geteuid() == 0
    process = subprocess.Popen(
        [directory / words[0], *words[1:]], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        **({"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_root else {}))  # type: ignore[call-overload]
    try:
        proc = pathlib.Path(f"/proc/{process.pid}")
        # The user's own until the program has asked for it.
        eventually(lambda: process.poll() is None and (proc / "environ").stat().st_uid == 0, 10)
        fields = (proc / "status").read_text(encoding="utf-8")
        assert re.search(r"^Uid:\t(\d+)", fields, re.M)[1] != "0"  # type: ignore[index]
    finally:
        process.kill()
        process.wait(10)


def test_the_sandbox_is_rated_as_the_manual_says(tmp_path):
    """systemd's own judgement of the unit files."""
    for name in ("usr/sbin/odys-fcgi", "usr/bin/odysctl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(0o755)
    units = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, units)
    told = re.search(r"systemd-analyze security odys-fcgi@1\.service` rates the sandbox (\d\.\d)",
                     OPERATIONS.read_text(encoding="utf-8"))
    assert told is not None
    for unit, most in (("odys-fcgi@1.service", told[1]), ("odys-maintenance.service", told[1])):
        done = subprocess.run(
            ["systemd-analyze", "security", f"--root={tmp_path}", "--offline=true", "--no-pager", unit],
            capture_output=True, text=True, check=False)
        rated = re.search(rf"exposure level for {re.escape(unit)}: (\d\.\d)", done.stdout)
        assert rated is not None, done.stdout + done.stderr
        assert float(rated[1]) <= float(most), done.stdout
        if unit.startswith("odys-fcgi"):
            assert rated[1] == told[1]


def test_the_sockets_belong_to_a_group_that_nothing_else_runs_with():
    """Debian runs PHP-FPM, like nginx, as www-data."""
    unit = (UNITS / "odys-fcgi@.socket").read_text(encoding="utf-8")
    assert "\nSocketGroup=odys-web\nSocketMode=0660\n" in unit
    assert "\ng odys-web " in (UNITS.parent / "debian" / "odys.sysusers").read_text(encoding="utf-8")
