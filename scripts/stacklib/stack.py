"""up, restart-db and down: the order of things."""

import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile

from . import database, settings, web
from .processes import StackError, free_port, identity, is_alive, run, say, start, stop, tail, wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
PYTHON = "/usr/bin/python3"

READY_SECONDS = 60
# The kernel allows 107 bytes; the longest name in the directory is mariadb.sock.
RUN_DIRECTORY_BYTES_MAX = 107 - len("/fcgi-9999.sock")

# In this order `down` stops them; with the seconds it grants each.
STOP_ORDER = (("nginx", 5), ("supervisor", 25), ("whatsapp", 5), ("smtp", 5), ("mariadbd", 30))


class Busy(Exception):
    """A stack already runs under this directory."""


class Stack:
    """The files of one stack, and the record of its processes."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory).absolute()
        self.logs = self.dir / "logs"
        self.description = self.dir / "stack.json"
        self.record = self.dir / "state.json"
        self.state: dict = {"processes": {}, "run": None, "mariadbd_argv": None}

    def load(self):
        with contextlib.suppress(FileNotFoundError):
            self.state = json.loads(self.record.read_text(encoding="utf-8"))

    def remember(self, name, process):
        self.state["processes"][name] = process
        self.save()

    def save(self):
        write_atomically(self.record, self.state)

    def running(self):
        return [name for name, process in self.state["processes"].items() if is_alive(process)]

    @contextlib.contextmanager
    def lock(self):
        """One command at a time for a directory."""
        directory = os.open(self.dir, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Busy(f"another command is working on {self.dir}") from None
        finally:
            os.close(directory)

    def stop_all(self):
        """Stops what was recorded, and removes everything but the logs."""
        for name, seconds in STOP_ORDER:
            if name in self.state["processes"]:
                stop(name, self.state["processes"][name], seconds)
        if self.state["run"]:
            shutil.rmtree(self.state["run"], ignore_errors=True)
        for name in ("db", "nginx", "tls", "peers", "tmp"):
            shutil.rmtree(self.dir / name, ignore_errors=True)
        for name in ("stack.json", "env", "jwt-secret", "supervisor.json", "state.json"):
            (self.dir / name).unlink(missing_ok=True)


def write_atomically(path, value):
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)


# --- up -----------------------------------------------------------------------------------------------

def up(options):
    dependencies = subprocess.run([SCRIPTS / "deps", "run"], check=False)
    if dependencies.returncode != 0:
        return dependencies.returncode
    binaries = find_binaries()

    os.umask(0o077)
    stack = Stack(options.dir)
    stack.dir.mkdir(parents=True, exist_ok=True)
    with stack.lock():
        stack.load()
        if stack.running():
            raise Busy(f"a stack already runs under {stack.dir} ({', '.join(stack.running())}); "
                       f"stop it with: scripts/stack down --dir {stack.dir}")
        stack.stop_all()  # what an earlier stack left when the machine went down
        # An interrupted start must not leave half a stack behind.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        try:
            build_up(stack, options, binaries)
        except BaseException:
            say("stopping what was started")
            stack.stop_all()
            raise
    say(f"ready: {stack.description}")
    return 0


def find_binaries():
    if "ODYS_BIN_DIR" in os.environ:
        return pathlib.Path(os.environ["ODYS_BIN_DIR"]).absolute()
    binaries = CHECKOUT / ".build" / "release"
    sources = [CHECKOUT / "Package.swift", *(CHECKOUT / "Sources").rglob("*")]
    newest = max(path.stat().st_mtime for path in sources)
    built = [binaries / "odys-fcgi", binaries / "odysctl"]
    if any(not path.exists() or path.stat().st_mtime < newest for path in built):
        say("building")
        # Its output belongs to the person, not to whoever reads our standard output.
        if subprocess.run(["make", "-C", CHECKOUT, "build"], stdout=sys.stderr, check=False).returncode != 0:
            raise StackError("the build failed")
    return binaries


def build_up(stack, options, binaries):
    stack.logs.mkdir(exist_ok=True)
    for name in ("tls", "peers", "tmp", "nginx"):
        (stack.dir / name).mkdir()
    run_directory = make_run_directory(stack)
    joined = options.join and existing(options.join)
    if joined:
        shared = json.loads(joined.description.read_text(encoding="utf-8"))
        env = settings.environment(settings.joined_settings(joined.dir / "env"))
        for path in (joined.dir / "tls").iterdir():
            shutil.copy2(path, stack.dir / "tls")
    else:
        shared, env = start_shared(stack, options, run_directory / "mariadb.sock", binaries)

    responders = start_responders(stack, run_directory, binaries, env, options.responders)
    port, ops_port = start_web(stack, run_directory, binaries, env, responders, options)
    wait_until_ready(stack, responders, ops_port)
    describe(stack, env, shared, responders, port, ops_port)


def start_shared(stack, options, database_socket, binaries):
    """What several hosts can share: the database and the peers. Returns their part of stack.json, and the settings."""
    peers = None if options.no_peers else start_peers(stack)
    own = settings.own_settings(str(database_socket), peers)
    env = settings.environment(own)
    name = settings.chosen("ODYS_DB_NAME", own.get("ODYS_DB_NAME"))

    port = free_port() if options.db_tcp else None
    process = start_database(stack, database_socket, env, name, options.responders, port)
    migrate(stack, binaries, database_socket, env)
    if not options.no_seed:
        say("sample rows")
        database.load(database_socket, name, SCRIPTS / "seed.sql", stack.logs / "seed.log")
    web.make_certificates(stack.dir / "tls", stack.logs / "openssl.log")
    return {
        "db_socket": str(database_socket),
        "db_port": port,
        "db_name": name,
        "db_user": settings.chosen("ODYS_DB_USER", env.get("ODYS_DB_USER")),
        "db_admin_user": "root",
        "mariadbd_pid": process["pid"],
        "peers": peers and {key: value for key, value in peers.items()
                            if key not in ("whatsapp_key", "whatsapp_instance")},
    }, env


def make_run_directory(stack):
    """Where the sockets are: in the directory, unless its path is too long for a socket's address."""
    run_directory = stack.dir / "run"
    if len(os.fsencode(run_directory)) > RUN_DIRECTORY_BYTES_MAX:
        run_directory = pathlib.Path(tempfile.mkdtemp(prefix="odys-", dir="/tmp"))
    else:
        run_directory.mkdir()
    stack.state["run"] = str(run_directory)
    stack.save()
    return run_directory


def start_peers(stack):
    say("stand-in WhatsApp and SMTP peers")
    directory, scripts = stack.dir / "peers", SCRIPTS / "peers"
    key = settings.chosen("EVOLUTION_API_KEY", secrets.token_hex(16))
    instance = settings.chosen("EVOLUTION_INSTANCE", "odys")
    version = "1" if settings.given("EVOLUTION_API_VERSION") == "1" else "2"
    ledgers = {name: str(directory / f"{name}.jsonl") for name in ("whatsapp", "smtp")}
    ports = {name: directory / f"{name}.port" for name in ("whatsapp", "smtp", "smtp-control")}

    for name, arguments in (
            ("whatsapp", ["--version", version, "--api-key", key, "--instance", instance]),
            ("smtp", ["--control-port-file", ports["smtp-control"]])):
        process = start([PYTHON, scripts / f"{name}.py", "--port-file", ports[name],
                         "--ledger", ledgers[name], *arguments], stack.logs / f"{name}.log")
        stack.remember(name, identity(process.pid))
    if not wait_until(lambda: all(path.exists() for path in ports.values()), 20):
        raise StackError("the peers did not start\n"
                         + tail(stack.logs / "whatsapp.log") + tail(stack.logs / "smtp.log"))

    number = {name: path.read_text(encoding="ascii").strip() for name, path in ports.items()}
    whatsapp = f"http://127.0.0.1:{number['whatsapp']}"
    return {
        "whatsapp_url": whatsapp, "whatsapp_ledger": ledgers["whatsapp"],
        "whatsapp_control": f"{whatsapp}/_control",
        "whatsapp_key": key, "whatsapp_instance": instance,
        "smtp_url": f"smtp://127.0.0.1:{number['smtp']}", "smtp_ledger": ledgers["smtp"],
        "smtp_control": f"http://127.0.0.1:{number['smtp-control']}/_control",
    }


def start_database(stack, socket, env, name, responders, port):
    say("MariaDB")
    # Each thread and each sender has a connection of its own; 60 are for tests and people.
    each = (settings.count("ODYS_THREADS", 16) + settings.count("ODYS_WHATSAPP_SENDERS", 4)
            + settings.count("ODYS_EMAIL_SENDERS", 2))
    log = stack.logs / "mariadb.log"
    database.install(stack.dir / "db", stack.dir / "tmp", stack.logs / "mariadb-install.log")
    argv = database.server_argv(stack.dir / "db", socket, stack.dir / "tmp", responders * each + 60, port)
    stack.state["mariadbd_argv"] = argv
    process = database.start_server(argv, socket, log)
    stack.remember("mariadbd", process)
    database.create(socket, name, settings.chosen("ODYS_DB_USER", env.get("ODYS_DB_USER")),
                    settings.chosen("ODYS_DB_PASSWORD", env.get("ODYS_DB_PASSWORD")), log)
    return process


def migrate(stack, binaries, socket, env):
    say("migrations")
    # Tables are root's to make, straight over the socket, wherever the responders find the database.
    direct = {key: value for key, value in env.items()
              if not key.startswith(("ODYS_DB_HOST", "ODYS_DB_PORT", "ODYS_DB_MIGRATE_"))}
    direct.update(ODYS_DB_SOCKET=str(socket), ODYS_DB_MIGRATE_USER="root", ODYS_DB_MIGRATE_PASSWORD="")
    log = stack.logs / "migrate.log"
    run([binaries / "odysctl", "migrate", "up", "--sql", CHECKOUT / "sql"], log, env=direct)
    grants = subprocess.run([binaries / "odysctl", "migrate", "grants"], env=direct, capture_output=True, check=False)
    if grants.returncode != 0:
        raise StackError(f"odysctl migrate grants failed\n{grants.stderr.decode(errors='replace')}")
    run(database.client_argv(socket), log, stdin=grants.stdout)


def start_responders(stack, run_directory, binaries, env, number):
    say(f"{number} responders")
    responders: list = [{"instance": instance,
                   "socket": str(run_directory / f"fcgi-{instance}.sock"),
                   "pid_file": str(run_directory / f"responder-{instance}.pid"),
                   "log": str(stack.logs / f"responder-{instance}.log")} for instance in range(1, number + 1)]
    config = stack.dir / "supervisor.json"
    write_atomically(config, {"binary": str(binaries / "odys-fcgi"), "responders": responders})
    log = stack.logs / "supervisor.log"
    process = start([PYTHON, SCRIPTS / "stacklib" / "supervisor.py", config], log, env=env)
    stack.remember("supervisor", identity(process.pid))
    if not wait_until(lambda: all(os.path.exists(each["pid_file"]) for each in responders), 20):
        raise StackError(f"the responders were not started\n{tail(log)}")
    return responders


def start_web(stack, run_directory, binaries, env, responders, options):
    say("nginx")
    tls, directory = stack.dir / "tls", stack.dir / "nginx"
    origins = subprocess.run([binaries / "odysctl", "config", "nginx"], env=env, capture_output=True,
                             text=True, check=False)
    if origins.returncode != 0:
        raise StackError(f"odysctl config nginx failed\n{origins.stderr}")
    web.write_shared(directory, [each["socket"] for each in responders], origins.stdout,
                     rate_limit=options.rate_limit != "off")
    process, port, ops_port = web.start_nginx(directory, tls, stack.logs, run_directory, options.port)
    stack.remember("nginx", identity(process.pid))
    return port, ops_port


def wait_until_ready(stack, responders, ops_port):
    say("waiting for every responder to answer")
    waiting = [each["instance"] for each in responders]

    def all_answered():
        waiting[:] = [instance for instance in waiting if not healthy(ops_port, instance)]
        return not waiting

    if not wait_until(all_answered, READY_SECONDS):
        logs = "".join(tail(stack.logs / f"responder-{instance}.log") for instance in waiting)
        raise StackError(f"not ready after {READY_SECONDS} s: responders {waiting}\n{logs}")


def healthy(ops_port, instance):
    connection = http.client.HTTPConnection("127.0.0.1", ops_port, timeout=5)
    try:
        connection.request("GET", f"/healthz/{instance}")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def describe(stack, env, shared, responders, port, ops_port):
    """Writes what callers need: the secret, the settings for a shell, and last stack.json."""
    secret_file = stack.dir / "jwt-secret"
    secret_file.write_text(settings.chosen("ODYS_JWT_SECRET", env.get("ODYS_JWT_SECRET")), encoding="utf-8")
    settings.write_env_file(stack.dir / "env", {
        **env, "ODYS_DB_MIGRATE_USER": "root", "ODYS_DB_MIGRATE_PASSWORD": ""})
    write_atomically(stack.description, {
        **shared,
        "url": f"https://localhost:{port}",
        "ca": str(stack.dir / "tls" / "ca.pem"),
        "ops_url": f"http://127.0.0.1:{ops_port}",
        "responders": [{key: each[key] for key in ("instance", "socket", "pid_file")} for each in responders],
        "nginx_pid": stack.state["processes"]["nginx"]["pid"],
        "jwt_secret_file": str(secret_file),
        "env_file": str(stack.dir / "env"),
        "logs": str(stack.logs),
    })


# --- restart-db and down ------------------------------------------------------------------------------

def restart_db(options):
    stack = existing(options.dir)
    with stack.lock():
        stack.load()
        if stack.state["mariadbd_argv"] is None:
            raise Busy(f"the database is not that of {stack.dir}, which has joined another stack")
        description = json.loads(stack.description.read_text(encoding="utf-8"))
        process = database.restart_server(stack.state["processes"]["mariadbd"], stack.state["mariadbd_argv"],
                                          description["db_socket"], stack.logs / "mariadb.log")
        stack.remember("mariadbd", process)
        write_atomically(stack.description, {**description, "mariadbd_pid": process["pid"]})
    return 0


def down(options):
    stack = Stack(options.dir)
    if not stack.record.exists():
        return 0
    with stack.lock():
        stack.load()
        stack.stop_all()
    return 0


def existing(directory):
    stack = Stack(directory)
    if not stack.description.exists():
        raise Busy(f"no stack runs under {stack.dir}")
    return stack
