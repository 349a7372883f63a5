"""The private servers of a benchmark: MariaDB, responders, PHP-FPM and nginx in one temporary directory.

Everything listens on a Unix socket or on loopback; `Servers` is a context that stops what it started."""

import contextlib
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "scripts"))

from stacklib import database, web  # noqa: E402
from stacklib.processes import StackError, free_port, identity, start, stop, tail, wait_until  # noqa: E402

BENCH = CHECKOUT / "bench"
BINARIES = pathlib.Path(os.environ.get("ODYS_BIN_DIR", CHECKOUT / ".build" / "release")).absolute()
DATABASE = "odys"
# The buffer pool holds the rows of every benchmark but the largest one, which says so.
POOL_MEGABYTES = 1024
# Of a responder, each with a connection to MariaDB.
THREADS = 16

NGINX_CONF = """\
{user}
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/nginx-error.log warn;
events {{ worker_connections 4096; }}
http {{
{temporary_paths}
    # wrk keeps its connections; a new one after each thousand requests would only add noise.
    keepalive_requests 1000000;
    include {deploy}/odys-http.conf;
    include {dir}/nginx/odys/odys-upstream.conf;
    upstream php {{ server unix:{dir}/php.sock; }}
    upstream floor {{
        server unix:{dir}/floor.sock max_fails=0;
        keepalive 32;
    }}
{servers}
}}
"""

# `/idle` is where a client goes when its run is over: a listener that never answers, so that the connection is quiet
# while the last answers of the others come in.
SERVER = """\
    server {{
        listen 127.0.0.1:{port}{tls};
        server_name localhost;
        access_log {dir}/access-{name}.log odys_json;
        location = /idle {{
            access_log off;
            proxy_pass http://unix:{dir}/idle.sock:/;
            proxy_read_timeout 60s;
        }}
{locations}
    }}
"""
TLS = """\
        ssl_certificate {dir}/tls/server.pem;
        ssl_certificate_key {dir}/tls/server.key;
        include {deploy}/odys-tls.conf;
"""
OURS = """\
        include {deploy}/odys-api.conf;
        include {deploy}/odys-only.conf;
"""
# As ours, to another upstream.
FLOOR = """\
        include {dir}/nginx/floor-api.conf;
"""
# As for any PHP application; the route, the body limit and the log are those of ours.
PHP = """\
        location ^~ /api/appointments/ {{
            gzip off;
            client_max_body_size 16k;
            client_body_buffer_size 16k;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME {bench}/php/index.php;
            fastcgi_pass php;
        }}
"""
STATIC = """\
        location / {{
            default_type application/json;
            return 200 '{{"success":true}}';
        }}
"""

FPM_CONF = """\
[global]
error_log = {dir}/fpm.log
daemonize = no
[bench]
{user}
listen = {dir}/php.sock
listen.backlog = 4096
pm = static
pm.max_children = {children}
clear_env = yes
env[DB_DSN] = "mysql:unix_socket={dir}/db.sock;dbname={database};charset=utf8mb4"
env[DB_USER] = odys
env[DB_PASSWORD] = {password}
env[JWT_SECRET] = {secret}
env[APP_TIME_ZONE] = America/Sao_Paulo
php_admin_value[error_log] = {dir}/php-errors.log
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
"""


def clean_environment(**more):
    """Ours, without settings of the product that happen to stand in it."""
    inherited = {key: value for key, value in os.environ.items()
                 if not key.startswith(("ODYS_", "EVOLUTION_", "CREDENTIALS_"))}
    return {**inherited, **more}


class Servers:
    """Starts MariaDB with an empty, migrated database; the rest by its methods."""

    def __init__(self, pool_megabytes=POOL_MEGABYTES, connections=400, under=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="odys-bench-", dir=under or "/tmp"))
        self.socket = str(self.dir / "db.sock")
        self.password, self.secret = secrets.token_hex(16), secrets.token_hex(32)
        self.processes = []
        self.ports = {}
        self.idle: Any = None
        try:
            self.start_database(pool_megabytes, connections)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        # Whoever ends us with SIGTERM gets the same cleaning up as with SIGINT.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for name, process, seconds in reversed(self.processes):
            stop(name, process, seconds)
        if self.idle is not None:
            self.idle.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, name, argv, seconds=10, **environment):
        """Starts a process that `close` stops; returns the handle of it."""
        process = start(argv, self.dir / f"{name}.log", env=clean_environment(**environment))
        self.processes.append((name, identity(process.pid), seconds))
        return process

    def log(self, name):
        return tail(self.dir / f"{name}.log")

    def end(self, process, seconds=20):
        """Stops one of the processes now."""
        mine = next(entry for entry in self.processes if entry[1]["pid"] == process.pid)
        self.processes.remove(mine)
        stop(mine[0], mine[1], seconds)
        process.wait(5)

    # --- MariaDB ---

    def start_database(self, pool_megabytes, connections):
        temporary = self.dir / "tmp"
        temporary.mkdir()
        database.install(self.dir / "data", temporary, self.dir / "install.log")
        argv = database.server_argv(self.dir / "data", self.socket, temporary, connections)
        argv = [word for word in argv if not word.startswith("--innodb-buffer-pool-size")]
        argv += [f"--innodb-buffer-pool-size={pool_megabytes}M", "--innodb-log-file-size=1G",
                 "--plugin-load-add=ha_sequence", "--skip-log-bin"]
        process = database.start_server(argv, self.socket, self.dir / "mariadb.log")
        self.processes.append(("mariadbd", process, 120))
        self.database_pid = process["pid"]
        self.create(DATABASE, user=True)

    def create(self, name, user=False):
        """A database with our schema, and the grants of the application's user."""
        if user:
            database.create(self.socket, name, "odys", self.password, self.dir / "mariadb.log")
        else:
            self.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4", schema="mysql")
        self.ctl(name, "migrate", "up", "--sql", CHECKOUT / "sql")
        self.sql(self.ctl(name, "migrate", "grants"), name)

    def ctl(self, schema, *words):
        done = subprocess.run(
            [BINARIES / "odysctl", *words], capture_output=True, text=True, check=False,
            env={**self.settings(schema), "ODYS_DB_MIGRATE_USER": "root", "ODYS_DB_MIGRATE_PASSWORD": ""})
        if done.returncode != 0:
            raise StackError(f"odysctl {words[0]} failed\n{done.stdout}{done.stderr}")
        return done.stdout

    def sql(self, text, schema=DATABASE):
        """Runs statements; returns the rows of the last result as lists of text."""
        argv = database.client_argv(self.socket, "--batch", "--skip-column-names", "--raw", schema)
        done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise StackError(f"SQL failed: {done.stderr.decode(errors='replace')}\n{text[:500]}")
        return [line.split("\t") for line in done.stdout.decode(errors="replace").splitlines()]

    def number(self, text, schema=DATABASE):
        return int(self.sql(text, schema)[0][0])

    # --- Ours ---

    def settings(self, schema=DATABASE, **more):
        return {
            "ODYS_DB_SOCKET": self.socket, "ODYS_DB_NAME": schema, "ODYS_DB_USER": "odys",
            "ODYS_DB_PASSWORD": self.password, "ODYS_JWT_SECRET": self.secret,
            "ODYS_APP_URL": "https://odys.example", "ODYS_DELIVERY": "off", "ODYS_THREADS": str(THREADS),
            "LIBFCGI_OS_CLOSE_POLL_TIMEOUT": "100", **more}

    def start_responder(self, name="ours", schema=DATABASE, **settings):
        path = self.dir / f"{name}.sock"
        path.unlink(missing_ok=True)
        log = self.dir / f"{name}.log"
        already = log.stat().st_size if log.exists() else 0
        process = self.run(name, [BINARIES / "odys-fcgi"], 30,
                           **self.settings(schema, ODYS_LISTEN=f"unix:{path}", **settings))
        started = wait_until(lambda: process.poll() is not None or b'"started"' in log.read_bytes()[already:], 20)
        if process.poll() is not None or not started:
            raise StackError(f"the responder did not start\n{self.log(name)}")
        return process

    # --- PHP-FPM ---

    def start_php(self, children):
        conf = self.dir / "fpm.conf"
        root = os.geteuid() == 0
        conf.write_text(FPM_CONF.format(
            dir=self.dir, database=DATABASE, password=self.password, secret=self.secret, children=children,
            user="user = root\ngroup = root" if root else ""), encoding="utf-8")
        argv = ["/usr/sbin/php-fpm8.2", "-d", "opcache.enable=1", "-d", "opcache.validate_timestamps=0"]
        if "Opcode Caching => Up and Running" not in subprocess.run(
                [*argv, "-i"], capture_output=True, text=True, check=False).stdout:
            raise StackError("PHP-FPM would run without its opcode cache")
        process = self.run("php-fpm", [*argv, "--fpm-config", conf, "--nodaemonize",
                                       *(["--allow-to-run-as-root"] if root else [])])
        if not wait_until(lambda: process.poll() is not None or (self.dir / "php.sock").exists(), 20) \
                or process.poll() is not None:
            raise StackError(f"PHP-FPM did not start\n{self.log('php-fpm')}{self.log('fpm')}")
        return process

    # --- nginx ---

    def start_nginx(self, responders=("ours",)):
        """One nginx for all systems: `ours`, `php`, `floor` and `static`, each also with TLS (`ours-tls`, …)."""
        web.make_certificates(self.make("tls"), self.dir / "openssl.log")
        web.write_shared(self.make("nginx"), [str(self.dir / f"{name}.sock") for name in responders],
                         self.ctl(DATABASE, "config", "nginx"), rate_limit=False)
        api = (web.DEPLOY / "odys-api.conf").read_text(encoding="utf-8")
        (self.dir / "nginx" / "floor-api.conf").write_text(
            api.replace("fastcgi_pass odys;", "fastcgi_pass floor;"), encoding="utf-8")
        self.idle = socket.socket(socket.AF_UNIX)
        self.idle.bind(str(self.dir / "idle.sock"))
        os.chmod(self.dir / "idle.sock", 0o666)
        self.idle.listen(4096)
        self.idle.setblocking(False)
        for _ in range(5):
            process = self.try_nginx()
            if process.poll() is None:
                return process
            self.processes = [entry for entry in self.processes if entry[0] != "nginx"]
        raise StackError(f"nginx did not start\n{self.log('nginx')}{self.log('nginx-error')}")

    def forget_idle(self):
        """Takes what earlier runs left in the queue of `/idle`: once it is full, nginx answers 502 at once."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.idle.accept()[0].close()

    def try_nginx(self):
        paths = {"dir": self.dir, "deploy": web.DEPLOY, "bench": BENCH}
        servers = ""
        for name, locations in (("ours", OURS), ("php", PHP), ("floor", FLOOR), ("static", STATIC)):
            for suffix in ("", "-tls"):
                self.ports[name + suffix] = port = free_port()
                servers += SERVER.format(
                    name=name + suffix, port=port, tls=" ssl backlog=4096" if suffix else " backlog=4096", dir=self.dir,
                    locations=(TLS if suffix else "").format(**paths) + locations.format(**paths))
        conf = self.dir / "nginx" / "nginx.conf"
        conf.write_text(NGINX_CONF.format(
            user="user root;" if os.geteuid() == 0 else "", servers=servers, **paths,
            temporary_paths="".join(f"    {name}_temp_path {self.dir}/nginx/{name};\n" for name in web.TEMPORARY)),
            encoding="utf-8")
        log = self.dir / "nginx-error.log"
        process = self.run("nginx", ["/usr/sbin/nginx", "-e", log, "-p", self.dir / "nginx", "-c", conf])
        wait_until(lambda: process.poll() is not None or (self.dir / "nginx.pid").exists(), 20)
        return process

    def make(self, name):
        directory = self.dir / name
        directory.mkdir(exist_ok=True)
        return directory

    def url(self, system):
        return f"{'https' if system.endswith('-tls') else 'http'}://127.0.0.1:{self.ports[system]}"

    # --- C ---

    def compiled(self, name, *libraries):
        """A program of bench/, compiled."""
        out = self.dir / name
        flags = []
        if libraries:
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", *libraries], capture_output=True, text=True,
                                   check=True).stdout.split()
        done = subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", out, BENCH / f"{name}.c", *flags,
                               "-lpthread"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StackError(f"{name}.c does not compile\n{done.stderr}")
        return out
