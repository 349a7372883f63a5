"""The package as a file: its contents, paths and permissions."""

import json
import os
import re
import subprocess

import pytest

from conftest import CHECKOUT

PROGRAMS = ("./usr/sbin/odys-fcgi", "./usr/bin/odysctl")
EXAMPLES = "./usr/share/doc/odys/examples/"


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True, **options).stdout


@pytest.fixture(scope="module")
def contents(package):
    """Path to (mode, owner) of everything in the package."""
    found = {}
    for line in run("dpkg-deb", "--contents", package).splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        found[path.partition(" -> ")[0]] = (mode, owner)
    return found


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    directory = tmp_path_factory.mktemp("odys-deb")
    run("dpkg-deb", "--extract", package, directory)
    run("dpkg-deb", "--control", package, directory / "DEBIAN")
    return directory


def test_lintian_finds_nothing(package):
    done = subprocess.run(["lintian", "--fail-on", "error,warning", package],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_each_override_is_used_and_has_its_reason(package, unpacked):
    """An unused override would hide a later finding."""
    shown = run("lintian", "--show-overrides", package, stderr=None)
    lines = (unpacked / "usr/share/lintian/overrides/odys").read_text(encoding="utf-8").splitlines()
    assert len(lines) % 2 == 0
    for reason, override in zip(lines[::2], lines[1::2]):
        assert reason.startswith("# ") and len(reason) > 30, override
        assert f"O: odys: {override}" in shown


def test_the_version_is_the_products(package, version, unpacked):
    assert run("dpkg-deb", "--field", package, "Version").strip() == f"{version}-1"
    assert run(unpacked / "usr/bin/odysctl", "--version").strip() == version


def test_everything_belongs_to_root_and_only_secrets_are_closed(contents):
    assert {owner for _, owner in contents.values()} == {"root/root"}
    assert contents.pop("./etc/odys/odys.env")[0] == "-rw-r-----"
    assert contents.pop("./etc/odys/credentials/")[0] == "drwx------"
    programs = {path for path, (mode, _) in contents.items() if mode == "-rwxr-xr-x"}
    assert programs == {*PROGRAMS, f"{EXAMPLES}curl.sh"}
    rest = {mode for path, (mode, _) in contents.items() if path not in programs}
    assert rest == {"-rw-r--r--", "drwxr-xr-x"}


def test_it_takes_effect_nowhere_by_itself(contents, unpacked):
    """Outside its own directories there are only units, none enabled, and what dpkg's scripts apply."""
    own = ("./usr/share/doc/odys/", "./usr/share/odys/", "./usr/share/man/", "./etc/odys/", "./usr/share/lintian/")
    files = {path for path in contents if not path.endswith("/") and not path.startswith(own)}
    assert files == {
        *PROGRAMS, "./usr/share/bash-completion/completions/odysctl", "./usr/lib/sysusers.d/odys.conf",
        "./usr/lib/tmpfiles.d/odys.conf",
        *(f"./lib/systemd/system/{path.name}" for path in (CHECKOUT / "deploy/systemd").glob("odys*"))}
    for name in ("preinst", "postinst", "prerm", "postrm"):
        script = (unpacked / "DEBIAN" / name).read_text(encoding="utf-8")
        assert not re.search(r"\b(enable|start)\b", script), name
    assert (unpacked / "DEBIAN" / "conffiles").read_text(encoding="utf-8") == "/etc/odys/odys.env\n"


def test_what_deploy_has_is_there(contents, unpacked):
    for name in ("nginx", "apache", "prometheus", "grafana"):
        for path in (CHECKOUT / "deploy" / name).iterdir():
            assert f"{EXAMPLES}{name}/{path.name}" in contents
    for page in ("man8/odys-fcgi.8", "man1/odysctl.1", "man5/odys.env.5"):
        assert f"./usr/share/man/{page}.gz" in contents
    for path in (CHECKOUT / "sql").glob("*.sql"):
        assert (unpacked / "usr/share/odys/sql" / path.name).read_bytes() == path.read_bytes()


def test_the_settings_that_ship_wait_for_the_start_of_appointments(unpacked):
    lines = (unpacked / "etc/odys/odys.env").read_text(encoding="utf-8").splitlines()
    assert "ODYS_ENFORCE_START_TIME=true" in lines
    # Valid once what has no default is filled in; as shipped, only the secret is missing.
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    check = [unpacked / "usr/bin/odysctl", "config", "check"]
    environment = {"PATH": os.environ["PATH"], **values}
    refused = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "ODYS_JWT_SECRET" in refused.stderr and len(refused.stderr.splitlines()) == 1
    run(*check, env={**environment, "ODYS_JWT_SECRET": "x" * 32})


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_host_needs_no_swift(unpacked, program):
    """Every shared library is Debian's, the symbols are stripped, and no path of the build machine is left."""
    path = unpacked / program
    libraries = re.findall(r"=> (\S+)", run("ldd", path))
    assert len(libraries) > 5 and all(each.startswith("/lib/x86_64-linux-gnu/") for each in libraries), libraries
    assert "not found" not in run("ldd", path)
    sections = run("readelf", "--sections", "--dynamic", "--wide", path)
    assert ".symtab" not in sections and ".debug" not in sections
    assert set(re.findall(r"R(?:UN)?PATH\).*\[(.*)\]", sections)) <= {"$ORIGIN"}
    assert path.stat().st_size < 30e6


def test_the_bill_of_materials_names_every_library(unpacked):
    """What the programs load, by Debian's packages; test_sbom.py has the rest."""
    made = json.loads((unpacked / "usr/share/odys/odys.cdx.json").read_text(encoding="utf-8"))
    assert made["metadata"]["component"]["name"] == "odys"
    loaded = {each["name"] for each in made["components"] if each["purl"].startswith("pkg:deb/")}
    assert loaded >= {"libfcgi0ldbl", "libmariadb3", "libcurl4", "libc6"}
    depends = (unpacked / "DEBIAN" / "control").read_text(encoding="utf-8")
    assert all(name in depends for name in loaded)
    assert {"swift-crypto", "boringssl", "swift"} <= {each["name"] for each in made["components"]}


def test_the_same_commit_makes_the_same_package(package):
    first = package.read_bytes()
    run(CHECKOUT / "scripts" / "deb")
    assert package.read_bytes() == first
