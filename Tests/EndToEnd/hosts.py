"""Two hosts on one database, each with its own nginx and responders; a third nginx balances between them."""

import contextlib
import json
import os
import pathlib
import shlex
import signal
from typing import Any

import stack
from edge import NGINX, Nginx
from stack import Stack, is_alive
from waiting import eventually

BALANCER = NGINX / "odys-balancer.conf"
REAL_IP = NGINX / "odys-real-ip.conf"


def balancer_site(urls, names="localhost", authority="TLS/ca.pem"):
    """deploy/nginx/odys-balancer.conf with our addresses, certificates and hosts; otherwise unchanged."""
    site = BALANCER.read_text(encoding="utf-8")
    changes = [
        ("    listen 443 ssl http2;\n    listen [::]:443 ssl http2;", "    listen ADDRESS ssl http2;"),
        ("server_name api.example.com;", "server_name localhost;"),
        ("proxy_ssl_name api.example.com;", f"proxy_ssl_name {names};"),
        ("/etc/letsencrypt/live/api.example.com/fullchain.pem", "TLS/server.pem"),
        ("/etc/letsencrypt/live/api.example.com/privkey.pem", "TLS/server.key"),
        ("/etc/ssl/certs/ca-certificates.crt", authority),
        ("/var/log/nginx/odys-access.log", "DIR/access.log"),
    ]
    changes += [(f"odys{number}.example.com:443", url.removeprefix("https://").replace("localhost", "127.0.0.1"))
                for number, url in enumerate(urls, 1)]
    for old, new in changes:
        assert old in site, old
        site = site.replace(old, new)
    return site.replace("include snippets/", f"include {NGINX}/")


def trust_balancer(running):
    """Names the balancer, on this machine, in the host's odys-real-ip.conf, as that file says."""
    lines = [line.removeprefix("# ") for line in REAL_IP.read_text(encoding="utf-8").splitlines()
             if line.startswith(("# set_", "# real_"))]
    assert lines[0] == "set_real_ip_from 192.0.2.1;"
    lines[0] = "set_real_ip_from 127.0.0.1;"
    own = running.dir / "nginx" / "odys-real-ip.conf"
    own.write_text("\n".join(lines) + "\n", encoding="utf-8")
    configuration = running.dir / "nginx" / "nginx.conf"
    text = configuration.read_text(encoding="utf-8")
    assert f"include {REAL_IP};" in text
    configuration.write_text(text.replace(f"include {REAL_IP};", f"include {own};"), encoding="utf-8")
    before = workers(running)
    os.kill(running.description["nginx_pid"], signal.SIGHUP)
    eventually(lambda: workers(running) and not set(before) & set(workers(running)), 20)


def children(pid):
    return [int(each) for each in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def workers(running):
    return children(running.description["nginx_pid"])


class Hosts(Stack):
    """The first host is this stack; requests go to the balancer. `first` and `second` address them directly."""

    def __init__(self, *options, second=None, **settings):
        self.second: Any = None
        self.balancer: Any = None
        self.options, self.settings = options, settings
        super().__init__("--no-seed", "--rate-limit", "off", "--db-tcp", *options, **settings)
        try:
            self.own = (self.host, self.port)
            self.allow_tcp()
            self.second = Stack("--join", self.dir, "--rate-limit", "off", *options,
                                **{**settings, **(second if second is not None else self.tcp())})
            self.balance()
        except BaseException:
            self.down()
            raise

    def allow_tcp(self):
        """Allows the application's user from the address of another host."""
        settings = self.environment()
        self.sql("CREATE USER 'odys'@'127.0.0.1' IDENTIFIED BY %s", settings["ODYS_DB_PASSWORD"])
        binaries = pathlib.Path(self.settings.get("ODYS_BIN_DIR", stack.BINARIES))
        grants = stack.run(binaries / "odysctl", "migrate", "grants", "--host", "127.0.0.1", "--json", **settings)
        for statement in json.loads(grants.stdout):
            self.sql(statement)

    def environment(self):
        """The settings of the first host."""
        lines = (self.dir / "env").read_text(encoding="utf-8").splitlines()
        return dict(shlex.split(line)[1].split("=", 1) for line in lines)

    def tcp(self, hosts="127.0.0.1"):
        return {"ODYS_DB_HOST": hosts, "ODYS_DB_PORT": str(self.description["db_port"])}

    def balance(self):
        for each in (self, self.second):
            trust_balancer(each)
        urls = [f"https://localhost:{port}" for port in (self.own[1], self.second.port)]
        self.balancer = Nginx(self, balancer_site(urls), exempt="0.0.0.0/1 1;\n128.0.0.0/1 1;\n")
        self.host, self.port = self.balancer.host, self.balancer.port

    def read(self):
        super().read()
        if self.balancer is not None:  # after a restart of the database
            self.own = (self.host, self.port)
            self.host, self.port = self.balancer.host, self.balancer.port

    def on(self, number):
        """Sends requests to one of the hosts inside the block."""
        return self.directly(self.own if number == 1 else (self.second.host, self.second.port))

    @contextlib.contextmanager
    def directly(self, place):
        before = self.host, self.port
        self.host, self.port = place
        try:
            yield self
        finally:
            self.host, self.port = before

    def down(self):
        if self.balancer is not None:
            self.balancer.close()
        if self.second is not None:
            self.second.down()
        super().down()

    # --- One host goes ---

    def drain(self):
        """Takes the second host out as an administrator would: nginx drains, then the rest stops."""
        pid = self.second.description["nginx_pid"]
        os.kill(pid, signal.SIGQUIT)
        eventually(lambda: not is_alive(pid), 30)
        stack.run(stack.SCRIPT, "down", "--dir", self.second.dir)

    def kill(self):
        """SIGKILL to every process of the second host, as nearly at once as possible."""
        nginx, supervisor = self.second.description["nginx_pid"], self.second.process("supervisor")
        for pid in (nginx, supervisor):
            os.kill(pid, signal.SIGSTOP)  # else they would restart what was killed
        victims = [*children(nginx), *children(supervisor), nginx, supervisor]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(is_alive(pid) for pid in victims), 10)

    def bring_back(self):
        """Starts the second host again at its old address."""
        stack.run(stack.SCRIPT, "up", "--dir", self.second.dir, "--join", self.dir, "--rate-limit", "off",
                  *self.options, "--port", str(self.second.port), **{**self.settings, **self.tcp()})
        self.second.read()
        trust_balancer(self.second)
