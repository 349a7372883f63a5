"""A private MariaDB: its own data directory and socket, no network, no configuration of the host."""

import os
import subprocess

from .processes import StackError, identity, is_alive, run, start, stop, tail, wait_until

START_SECONDS = 60
STOP_SECONDS = 30


def server_argv(data, socket, temporary, connections):
    argv = [
        "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
        f"--pid-file={data}/mariadbd.pid", f"--tmpdir={temporary}", f"--max-connections={connections}",
        "--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=1", "--skip-name-resolve",
        "--character-set-server=utf8mb4",
    ]
    return argv + as_root()


def as_root():
    """MariaDB runs as root only when it is told to."""
    return ["--user=root"] if os.geteuid() == 0 else []


def install(data, temporary, log):
    # A server that starts removes temporary tables in its directory: in a shared /tmp, those of another
    # installation as well.
    run(["/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
         "--skip-name-resolve", "--auth-root-authentication-method=normal", *as_root()], log,
        env={**os.environ, "TMPDIR": str(temporary)})


def start_server(argv, socket, log):
    """Starts the server and waits until it answers; returns the process's identity."""
    process = start(argv, log)
    try:
        answered = wait_until(lambda: process.poll() is not None or answers(socket), START_SECONDS)
        if process.poll() is not None or not answered:
            raise StackError(f"MariaDB did not start\n{tail(log)}")
    except BaseException:
        # Nobody has recorded it yet, so nobody else would stop it.
        stop("mariadbd", identity(process.pid), STOP_SECONDS)
        raise
    return identity(process.pid)


def restart_server(process, argv, socket, log):
    if is_alive(process):
        stop("mariadbd", process, STOP_SECONDS)
    return start_server(argv, socket, log)


def client_argv(socket, *options):
    return ["/usr/bin/mariadb", "--no-defaults", f"--socket={socket}", "--user=root",
            "--default-character-set=utf8mb4", "--skip-ssl", *options]


def answers(socket):
    if not os.path.exists(socket):
        return False
    done = subprocess.run(client_argv(socket, "--execute=SELECT 1"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def create(socket, name, user, password, log):
    """The database, and an application user that may do nothing yet: `grant` comes after the migrations."""
    account = f"{quoted(user)}@'localhost'"
    sql = (f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4;\n"
           f"CREATE USER {account} IDENTIFIED BY {quoted(password)};\n")
    run(client_argv(socket), log, stdin=sql.encode())


def load(socket, name, path, log):
    with open(path, "rb") as file:
        run(client_argv(socket, name), log, stdin=file.read())


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
