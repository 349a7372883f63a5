"""`nginx -t` on deploy/nginx, installed in a directory of its own as deploy/nginx/README.md says, once with each site.

  nginx.py DIRECTORY     the files, such as deploy/nginx
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stacklib import web
from stacklib.processes import free_port

HTTP = ("odys-http.conf", "odys-upstream.conf", "odys-ops.conf")
SITES = ("odys-site.conf", "odys-balancer.conf", "odys-php-site.conf")
DEBIAN = pathlib.Path("/etc/nginx")


def install(source, etc):
    """What names other hosts, certificates and privileged ports is replaced; everything else is as it ships."""
    for name in ("conf.d", "snippets", "odys", "sites", "tls"):
        (etc / name).mkdir()
    web.make_certificates(etc / "tls", etc / "openssl.log")
    for file in source.glob("*.conf"):
        folder = "conf.d" if file.name in HTTP else "sites" if file.name in SITES else "snippets"
        text = file.read_text(encoding="utf-8")
        for pattern, own in (
                (r"/etc/letsencrypt/live/[^/]+/fullchain\.pem", f"{etc}/tls/server.pem"),
                (r"/etc/letsencrypt/live/[^/]+/privkey\.pem", f"{etc}/tls/server.key"),
                (r"/etc/ssl/certs/ca-certificates\.crt", f"{etc}/tls/ca.pem"), (r"/var/log/nginx", str(etc)),
                (r"odys([12])\.example\.com", r"127.0.0.\1"), (r" +listen \[::\]:443 ssl http2;\n", ""),
                (r"listen 443", f"listen 127.0.0.1:{free_port()}"), (r"127\.0\.0\.1:9464", f"127.0.0.1:{free_port()}")):
            text = re.sub(pattern, own, text)
        (etc / folder / file.name).write_text(text, encoding="utf-8")
    # `odysctl config nginx` writes it; here no origin is allowed.
    names = {name for file in source.glob("*.conf")
             for name in re.findall(r"\$(odys_cors_\w+)", file.read_text(encoding="utf-8"))}
    (etc / "odys" / "origins.conf").write_text(
        "".join(f'map "" ${name} {{ default ""; }}\n' for name in sorted(names)), encoding="utf-8")
    shutil.copy(source / "odys-rate-exempt.conf", etc / "odys" / "rate-exempt.conf")
    shutil.copy(DEBIAN / "fastcgi.conf", etc)
    shutil.copy(DEBIAN / "snippets" / "fastcgi-php.conf", etc / "snippets")


def main():
    source, failed = pathlib.Path(sys.argv[1]), False
    with tempfile.TemporaryDirectory(prefix="odys-nginx-") as directory:
        etc = pathlib.Path(directory)
        install(source, etc)
        for site in SITES:
            (etc / "nginx.conf").write_text(
                f"pid {etc}/nginx.pid;\nevents {{ }}\nhttp {{\n    access_log off;\n"
                + "".join(f"    {name}_temp_path {etc}/{name};\n" for name in web.TEMPORARY)
                + f"    include conf.d/*.conf;\n    include sites/{site};\n}}\n", encoding="utf-8")
            done = subprocess.run(["/usr/sbin/nginx", "-t", "-q", "-e", "stderr", "-p", etc, "-c", etc / "nginx.conf"],
                                  capture_output=True, text=True, check=False)
            # Warnings count too.
            if done.returncode != 0 or done.stderr:
                print(f"{site}: {done.stderr}")
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
