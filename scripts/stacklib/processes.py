"""Starting background processes, and stopping exactly those again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time


class StackError(Exception):
    """Something that the user can read and act on."""


def say(text):
    print(f"stack: {text}", file=sys.stderr, flush=True)


def start(argv, log, env=None):
    """Starts a process of its own session, which outlives us; its output goes to the log."""
    with open(log, "ab") as output:
        return subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=output,
                                stderr=output, env=env, start_new_session=True)


def run(argv, log, env=None, stdin=None):
    """Runs a command to its end; its output goes to the log. Fails with the log's last lines."""
    with open(log, "ab") as output:
        done = subprocess.run([str(word) for word in argv], input=stdin, stdout=output, stderr=output,
                              env=env, check=False)
    if done.returncode != 0:
        raise StackError(f"{os.path.basename(str(argv[0]))} failed ({done.returncode})\n{tail(log)}")


def tail(log, lines=15):
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            return f"--- {log}\n" + "".join(file.readlines()[-lines:])
    except FileNotFoundError:
        return f"--- {log}: nothing was written"


def stat(pid):
    """The fields of /proc/PID/stat after the name; None when there is no such process, or only its remains."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The name, in parentheses, may itself hold spaces and parentheses.
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields


def start_time(pid):
    """When the process started, in clock ticks since boot. With the pid it names one process for ever,
    since pids are used again."""
    fields = stat(pid)
    return fields and int(fields[19])


def identity(pid):
    return {"pid": pid, "start_time": start_time(pid)}


def is_alive(process):
    return process["start_time"] is not None and start_time(process["pid"]) == process["start_time"]


def left_behind(process):
    """Children that outlived the process, such as the workers of an nginx that was killed.

    `start` made the process the leader of a session, and its pid is not given away while the session lives."""
    if start_time(process["pid"]) is not None:
        return []
    fields = {int(name): stat(name) for name in os.listdir("/proc") if name.isdigit()}
    return [pid for pid, each in fields.items() if each and int(each[3]) == process["pid"]]


def stop(name, process, seconds):
    """SIGTERM, and SIGKILL when the time is over. Never touches another process that got the same pid."""
    for number, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
        if not is_alive(process):
            break
        os.kill(process["pid"], number)
        if wait_until(lambda: not is_alive(process), wait):
            break
        say(f"{name} (pid {process['pid']}) did not end within {wait} s of {number.name}")
    for pid in left_behind(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
