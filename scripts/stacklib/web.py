"""nginx with the files of deploy/nginx: only addresses, paths and certificates are the stack's own."""

import os
import pathlib
import resource

from .processes import StackError, free_port, run, start, tail, wait_until

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "nginx"
TEMPORARY = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
PORT_ATTEMPTS = 5

NGINX_CONF = """\
{user}
daemon off;
worker_processes 2;
worker_rlimit_nofile {files};
pid {dir}/nginx.pid;
error_log {logs}/nginx-error.log warn;

events {{
    worker_connections 4096;
}}

http {{
{temporary_paths}
    include {deploy}/odys-http.conf;
    include {dir}/odys/odys-upstream.conf;
    include {dir}/odys/odys-ops.conf;

    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096;
        server_name localhost;

        ssl_certificate {tls}/server.pem;
        ssl_certificate_key {tls}/server.key;
        include {deploy}/odys-tls.conf;

        access_log {logs}/nginx-access.log odys_json;

        include {deploy}/odys-real-ip.conf;
        include {deploy}/odys-limits.conf;

        include {deploy}/odys-api.conf;
        include {deploy}/odys-only.conf;
    }}
}}
"""


def make_certificates(tls, log):
    """A certificate authority of the stack's own, and a server certificate that it signed."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    run(["/usr/bin/openssl", "req", "-x509", *key, "-keyout", tls / "ca.key", "-out", tls / "ca.pem",
         "-subj", "/CN=Odys private stack CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign"], log)
    run(["/usr/bin/openssl", "req", "-x509", *key, "-keyout", tls / "server.key", "-out", tls / "server.pem",
         "-CA", tls / "ca.pem", "-CAkey", tls / "ca.key", "-subj", "/CN=localhost",
         "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], log)


def write_shared(directory, sockets, origins, rate_limit):
    """The files that nginx.conf and deploy/nginx include by their place in this directory."""
    odys = directory / "odys"
    odys.mkdir()
    for name in TEMPORARY:
        (directory / name).mkdir()
    (odys / "origins.conf").write_text(origins, encoding="utf-8")
    # Halves, because nginx takes the whole for a repetition of the default.
    exempt = "" if rate_limit else "0.0.0.0/1 1;\n128.0.0.0/1 1;\n::/1 1;\n8000::/1 1;\n"
    (odys / "rate-exempt.conf").write_text(exempt, encoding="utf-8")
    servers = "".join(f"    server unix:{socket} max_fails=0;\n" for socket in sockets)
    upstream = f"upstream odys {{\n    zone odys 64k;\n    least_conn;\n{servers}    keepalive 32;\n}}\n"
    (odys / "odys-upstream.conf").write_text(upstream, encoding="utf-8")


def write_ports(directory, tls, logs, run_directory, port, ops_port):
    """Everything that names a port; written again when the port turned out to be taken."""
    ops = (DEPLOY / "odys-ops.conf").read_text(encoding="utf-8")
    ops = ops.replace("listen 127.0.0.1:9464;", f"listen 127.0.0.1:{ops_port};")
    ops = ops.replace("unix:/run/odys/", f"unix:{run_directory}/")
    (directory / "odys" / "odys-ops.conf").write_text(ops, encoding="utf-8")

    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    paths = "".join(f"    {name}_temp_path {directory}/{name};\n" for name in TEMPORARY)
    (directory / "nginx.conf").write_text(NGINX_CONF.format(
        # The workers must reach a directory that only root can enter.
        user="user root;" if os.geteuid() == 0 else "",
        files=16384 if hard_limit == resource.RLIM_INFINITY else min(16384, hard_limit),
        dir=directory, deploy=DEPLOY, tls=tls, logs=logs, port=port,
        temporary_paths=paths), encoding="utf-8")


def start_nginx(directory, tls, logs, run_directory, wanted_port):
    """Returns the process, its port and its port for operations."""
    log = logs / "nginx-error.log"
    for _ in range(PORT_ATTEMPTS):
        port, ops_port = wanted_port or free_port(), free_port()
        write_ports(directory, tls, logs, run_directory, port, ops_port)
        # -e: messages from before the configuration is read must not go to the host's log.
        process = start(["/usr/sbin/nginx", "-e", log, "-p", directory, "-c", directory / "nginx.conf"], log)
        try:
            # The pid file is written once all addresses are bound.
            wait_until(lambda: process.poll() is not None or (directory / "nginx.pid").exists(), 20)
        except BaseException:
            process.terminate()  # nobody has recorded it yet
            raise
        if process.poll() is None:
            return process, port, ops_port
        if wanted_port or "Address already in use" not in tail(log):
            break
    raise StackError(f"nginx did not start\n{tail(log)}")
