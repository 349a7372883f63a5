"""The package, as `make deb` builds it. ODYS_BIN_DIR names the directory of the binaries."""

import pathlib
import re
import subprocess

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def version():
    """The version of the product."""
    (source,) = (CHECKOUT / "Sources" / "OdysCore").rglob("Product.swift")
    (version,) = re.findall(r'static let version = "(.+)"', source.read_text(encoding="utf-8"))
    return version


@pytest.fixture(scope="session")
def package(version):
    """The path of the .deb."""
    subprocess.run([CHECKOUT / "scripts" / "deb"], check=True)
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return CHECKOUT / ".build" / "deb" / f"odys_{version}-1_{architecture.stdout.strip()}.deb"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the journal of the host on which a test failed."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and item.funcargs.get("host"):
        report.sections.append(("journal", item.funcargs["host"].journal("--lines=80")))
