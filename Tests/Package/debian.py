"""A clean Debian 12 in a temporary directory, booted with its own systemd in namespaces of its own."""

import os
import pathlib
import shutil
import signal
import subprocess
import time
from typing import Any

BOOT = pathlib.Path(__file__).with_name("boot.sh")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def eventually(condition, seconds=30):
    """The condition's value as soon as it is true; a failed assertion in it counts as false."""
    deadline = time.monotonic() + seconds
    while True:
        reason: object = "it is still not so"
        try:
            if value := condition():
                return value
        except AssertionError as failure:
            reason = failure
        assert time.monotonic() < deadline, f"not within {seconds} s: {reason}"
        time.sleep(0.1)


def mirror():
    """The Debian 12 mirror of this machine."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm"],
        capture_output=True, text=True, check=True).stdout.split()
    assert listed, "this machine has no source for Debian 12 (bookworm)"
    return listed[0]


class Debian:
    """`install` before `boot`; `close` stops and removes everything."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.root = self.dir / "root"
        self.log = self.dir / "log"
        self.name = f"odys-{self.dir.name}"
        self.process: Any = None
        self.init: Any = None
        source = mirror()
        self.command("debootstrap", "--variant=minbase", "bookworm", self.root, source)
        # No daemon is started here, before systemd runs; they start at boot.
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        policy.chmod(0o755)

    def command(self, *words, **options):
        """Runs a command of the host; its output goes to the log."""
        with open(self.log, "ab") as log:
            done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  check=False, **options)
        assert done.returncode == 0, f"{words}\n{self.log.read_text(errors='replace')[-3000:]}"

    def path(self, name):
        return self.root / name.lstrip("/")

    def install(self, *packages):
        """Before boot: with the host's network, and a /proc for the command alone."""
        self.command("unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc",
                     "chroot", self.root, "apt-get", "install", "-y", "--no-install-recommends", *packages,
                     env={**os.environ, "PATH": PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})

    def boot(self):
        self.path("usr/sbin/policy-rc.d").unlink()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", BOOT, "cgroup", self.root, self.name], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.init = int(eventually(lambda: self.is_alive() and children.read_text(encoding="ascii").split())[0])
        eventually(lambda: self.run("systemctl", "is-system-running", check=False) == "running\n", 60)

    def is_alive(self):
        if self.process.poll() is None:
            return True
        raise RuntimeError(f"it did not boot\n{self.log.read_text(errors='replace')[-3000:]}")

    def enter(self, *namespaces):
        return ["nsenter", "--target", str(self.init), *(f"--{each}" for each in namespaces)]

    def run(self, *words, check=True, stdin=None, **environment):
        """Runs a command in the booted system; returns its output."""
        enter = self.enter("mount", "net", "pid", "uts", "ipc", "cgroup", "root", "wd")
        done = subprocess.run(
            [*enter, *(str(word) for word in words)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, env={"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **environment})
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-3000:]}"
        return done.stdout

    def journal(self, *words):
        return self.run("journalctl", "--no-pager", *words)

    def close(self):
        """The first process of its namespace takes all others with it, and their mounts."""
        if self.process is not None:
            if self.init is not None and self.process.poll() is None:
                os.kill(self.init, signal.SIGKILL)
            self.process.kill()
            self.process.wait(30)
            remove: list = ["unshare", "--mount", "sh", BOOT, "remove", self.root, self.name]
            eventually(lambda: subprocess.run(remove, stderr=subprocess.DEVNULL, check=False).returncode == 0)
        mounts = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        assert str(self.dir) not in mounts
        shutil.rmtree(self.dir)
