"""A host set up by the commands of docs/DEPLOY.md, in a directory that stands for its root.

Not run: package installation, systemctl, chown. Everything else is the page's own text, with the paths of this
directory, a private MariaDB and a free port. The responders are started as the units would."""

import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.request

import odys
import peers
import stack
from bench import free_port
from edge import NGINX, TEMPORARY
from stacklib import database, processes, web
from waiting import eventually

PAGE = stack.CHECKOUT / "docs" / "DEPLOY.md"
NOT_RUN = ("apt-get ", "systemctl ", "chown ", "nginx -t")
INSTANCES = (1, 2)


def commands(*headings):
    """Commands under the headings with this prefix, in order. A block is indented text; in a list, by 8."""
    found, section = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if re.match("#+ ", line):
            section = any(line.lstrip("# ").startswith(heading) for heading in headings)
        elif section and line.startswith("    "):
            found.append(re.sub(r"^ {4}(?: {4}(?=mariadb|odysctl))?", "", line))
    assert found, headings
    return [line for line in found if not line.startswith(NOT_RUN)]


class Deployed(stack.Stack):
    def __init__(self):
        odys.Odys.__init__(self)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="odys-host-", dir="/tmp"))
        self.server = self.nginx = None
        self.started = []
        self.port, self.ops_port = free_port(), free_port()
        self.host, self.db_name = "localhost", "odys"
        self.db_socket = str(self.dir / "db.sock")
        try:
            for name in ("bin", "etc/odys", "etc/nginx/conf.d", "etc/nginx/snippets", "etc/nginx/sites-available",
                         "etc/nginx/sites-enabled", "run", "tls", "tmp", "logs", "work"):
                (self.dir / name).mkdir(parents=True)
            # As Debian ships it; the page's text changes this line.
            (self.dir / "etc/nginx/nginx.conf").write_text("user www-data;\n", encoding="utf-8")
            self.start_shared()
        except BaseException:
            self.down()
            raise

    def start_shared(self):
        log, temporary = self.dir / "logs" / "mariadb.log", self.dir / "tmp"
        database.install(self.dir / "data", temporary, log)
        argv = database.server_argv(self.dir / "data", self.db_socket, temporary, 151)
        self.server = database.start_server(argv, self.db_socket, log)
        web.make_certificates(self.dir / "tls", self.dir / "logs" / "openssl.log")
        self.tls = ssl.create_default_context(cafile=self.dir / "tls" / "ca.pem")
        port, ledger = self.dir / "whatsapp.port", self.dir / "whatsapp.jsonl"
        self.start([sys.executable, stack.CHECKOUT / "scripts" / "peers" / "whatsapp.py", "--port-file", port,
                    "--ledger",
                    ledger, "--api-key", "change-me", "--instance", "odys"], "whatsapp")
        eventually(port.exists, 20)
        self.evolution = f"http://127.0.0.1:{port.read_text(encoding='ascii').strip()}"
        self.whatsapp = peers.WhatsApp(ledger, f"{self.evolution}/_control")
        # The real programs; only the database address and the trusted CA are filled in.
        client = f"--no-defaults --socket={self.db_socket} --user=root"
        for name, options in (("mariadb", client), ("mariadb-dump", client),
                              ("curl", f"--cacert {self.dir}/tls/ca.pem")):
            self.program(name, f'exec /usr/bin/{name} {options} "$@"')
        self.program("odysctl", f'exec {stack.BINARIES}/odysctl "$@"')

    def program(self, name, line):
        path = self.dir / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def start(self, argv, name, **environment):
        with open(self.dir / "logs" / f"{name}.log", "ab") as log:
            process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True,
                                       env=stack.clean_environment(ODYS_BIN_DIR=None, **environment))
        self.started.append(process)
        return process

    # --- The page's commands ---

    def here(self, text):
        """The page's text with this host's paths and names."""
        for old, new in (
                ("/usr/share/doc/odys/examples/nginx", str(NGINX)), ("/etc/odys", f"{self.dir}/etc/odys"),
                ("/etc/nginx", f"{self.dir}/etc/nginx"), ("/run/mysqld/mysqld.sock", self.db_socket),
                ("https://YOUR.NAME/", f"https://localhost:{self.port}/"), ("YOUR.NAME", "localhost"),
                ("https://evolution.example.com", self.evolution),
                ("migrate up", f"migrate up --sql {stack.CHECKOUT}/sql"),
                ("odysctl doctor", f"odysctl doctor --socket-dir {self.dir}/run --nginx-dir {self.dir}/etc/nginx"
                                   f" --settings-file {self.dir}/etc/odys/odys.env"),
                ("odysctl health ready", f"odysctl health ready --socket-dir {self.dir}/run"),
                ("odysctl status", f"odysctl status --socket-dir {self.dir}/run")):
            text = text.replace(old, new)
        return text

    def run(self, lines, check=True):
        """Runs commands as in one shell session; its variables are kept in a file."""
        kept = self.dir / "shell"
        script = self.here("\n".join(lines))
        before = f"set -euo pipefail; cd {self.dir}/work; if [ -f {kept} ]; then set -a; . {kept}; set +a; fi"
        after = f"declare -p | grep -E ' (APP|OWNER|ODYS_[A-Z_]+|EVOLUTION_[A-Z_]+)=' > {kept}"
        done = subprocess.run(
            ["/bin/bash", "-c", f"{before}\n{script}\n{after}"], capture_output=True, text=True, check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env={**stack.clean_environment(ODYS_BIN_DIR=None), "PATH": f"{self.dir}/bin:{os.environ['PATH']}"})
        assert not check or done.returncode == 0, f"{script}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    # --- Its processes ---

    def settings(self):
        lines = (self.dir / "etc/odys/odys.env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def serve(self, **settings):
        """Starts what the units start: instances with the settings of odys.env, each on its socket."""
        wanted = {**self.settings(), **settings}
        self.secret = wanted["ODYS_JWT_SECRET"]
        self.responders = []
        for number in INSTANCES:
            path = self.dir / "run" / f"fcgi-{number}.sock"
            path.unlink(missing_ok=True)
            self.responders.append(self.start([stack.BINARIES / "odys-fcgi"], f"responder-{number}",
                                              ODYS_LISTEN=f"unix:{path}", ODYS_INSTANCE=str(number), **wanted))
        eventually(lambda: all(self.serves(number) for number in INSTANCES), 20)

    def serves(self, number):
        try:
            url = f"http://127.0.0.1:{self.ops_port}/readyz/{number}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop_serving(self):
        for process in self.responders:
            process.send_signal(signal.SIGTERM)
        for process in self.responders:
            process.wait(30)

    def start_nginx(self):
        """Debian's nginx.conf in short, with what every nginx test changes: addresses, certificates, log."""
        etc = self.dir / "etc" / "nginx"
        # nginx's workers have joined the group of the sockets.
        assert (etc / "nginx.conf").read_text(encoding="utf-8") == "user www-data odys-web;\n"
        for name in ("conf.d/odys-ops.conf", "conf.d/odys-upstream.conf", "sites-available/odys-site.conf"):
            text = (etc / name).read_text(encoding="utf-8")
            for old, new in (("127.0.0.1:9464", f"127.0.0.1:{self.ops_port}"),
                             ("unix:/run/odys/", f"unix:{self.dir}/run/"),
                             ("listen 443", f"listen 127.0.0.1:{self.port}"),
                             ("/etc/letsencrypt/live/localhost/fullchain.pem", f"{self.dir}/tls/server.pem"),
                             ("/etc/letsencrypt/live/localhost/privkey.pem", f"{self.dir}/tls/server.key"),
                             ("/var/log/nginx", f"{self.dir}/logs")):
                text = text.replace(old, new)
            lines = [line for line in text.splitlines() if "[::]:443" not in line
                     and not re.search(r"fcgi-[3-9]\.sock", line)]
            (etc / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        for name in TEMPORARY:
            (self.dir / name).mkdir()
        paths = "\n".join(f"{name}_temp_path {self.dir}/{name};" for name in TEMPORARY)
        (etc / "nginx.conf").write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
pid {self.dir}/nginx.pid;
events {{ }}
http {{
{paths}
access_log off;
include conf.d/*.conf;
include sites-enabled/*;
}}
""", encoding="utf-8")
        words: list = ["/usr/sbin/nginx", "-e", self.dir / "logs" / "nginx-error.log",
                       "-p", etc, "-c", etc / "nginx.conf"]
        tried = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
        assert tried.returncode == 0, tried.stderr
        self.nginx = self.start(words, "nginx")
        eventually((self.dir / "nginx.pid").exists, 20)

    def down(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        if self.server:
            processes.stop("mariadbd", self.server, database.STOP_SECONDS)
        shutil.rmtree(self.dir, ignore_errors=True)
