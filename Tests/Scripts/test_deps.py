"""scripts/deps: the toolchain that it asks for, and the lists that the devcontainer takes from it."""

import pathlib
import subprocess

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
DEPS = CHECKOUT / "scripts" / "deps"
# What the script itself calls.
TOOLS = ("bash", "dirname", "sed", "head", "sort")


def deps(*words, path=None):
    return subprocess.run([DEPS, *words], capture_output=True, text=True, check=False,
                          env={"PATH": path or "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"})


def path_without_swift(directory):
    for name in TOOLS:
        (directory / name).symlink_to(f"/usr/bin/{name}")
    return directory


def swift(directory, version):
    path = path_without_swift(directory)
    program = path / "swift"
    program.write_text(f"#!/bin/bash\necho 'Swift version {version} (swift-{version}-RELEASE)'\n", encoding="ascii")
    program.chmod(0o755)
    return path


@pytest.mark.parametrize("kind", ["build", "check", "test"])
def test_without_swift_one_line_says_how_to_get_it(tmp_path, kind):
    done = deps(kind, path=str(path_without_swift(tmp_path)))
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "Swift 6.3 or newer is needed, found none" in line and deps("toolchain").stdout.strip() in line


@pytest.mark.parametrize("version", ["5.10.1", "6.2", "6.2.9"])
def test_an_old_swift_is_named(tmp_path, version):
    done = deps("build", path=str(swift(tmp_path, version)))
    assert done.returncode == 2 and f"found {version};" in done.stderr


@pytest.mark.parametrize("version", ["6.3", "6.3.1", "6.10", "7.0"])
def test_a_new_swift_is_enough(tmp_path, version):
    # Nothing else of the system is on the path, so it fails later, at Debian's packages.
    assert "or newer is needed" not in deps("build", path=str(swift(tmp_path, version))).stderr


def test_make_says_it_before_it_builds(tmp_path):
    path = path_without_swift(tmp_path)
    (path / "make").symlink_to("/usr/bin/make")
    (path / "sh").symlink_to("/bin/sh")
    done = subprocess.run(["make", "build"], cwd=CHECKOUT, capture_output=True, text=True, check=False,
                          env={"PATH": str(path)})
    assert done.returncode == 2 and "Swift 6.3 or newer is needed" in done.stderr and "swift build" not in done.stdout


def test_the_line_is_that_of_the_readme():
    assert deps("toolchain").stdout.strip() in (CHECKOUT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["build", "run", "bench", "deb", "check", "test", "toolchain"])
def test_lists_are_printed_and_nothing_is_installed(kind):
    done = deps("list", kind)
    packages = done.stdout.splitlines()
    assert done.returncode == 0 and "libcurl4-openssl-dev" in packages and packages == sorted(set(packages))


def test_the_devcontainer_takes_its_packages_from_here():
    text = (CHECKOUT / ".devcontainer" / "Dockerfile").read_text(encoding="utf-8")
    assert "FROM debian:12\n" in text and "COPY scripts/deps /tmp/deps\n" in text
    for words in ("$(/tmp/deps list toolchain)", "$(/tmp/deps list test)", '"$(/tmp/deps toolchain)"'):
        assert words in text
    # Without a list of its own.
    assert not any(package in text.split() for package in deps("list", "test").stdout.split())


@pytest.mark.parametrize("words", [[], ["list"], ["everything"], ["list", "everything"]])
def test_wrong_usage_exits_2(words):
    done = deps(*words)
    assert done.returncode == 2 and "usage:" in done.stderr
