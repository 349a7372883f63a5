#!/usr/bin/python3
"""Keeps the responders of a stack running: supervisor.py CONFIG

It holds each responder's listening socket, so that connections wait while a responder is replaced, and
starts a responder again whenever it ended, however it ended."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

BACKLOG = 512
DELAY_FIRST_SECONDS = 0.2
DELAY_MAX_SECONDS = 0.8
HEALTHY_AFTER_SECONDS = 2
STOP_SECONDS = 20

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


class Responder:
    def __init__(self, binary, settings):
        self.binary = binary
        self.instance = settings["instance"]
        self.pid_file = settings["pid_file"]
        self.log = settings["log"]
        self.listener = listen(settings["socket"])
        self.process = None
        self.started = 0.0
        self.start_at = 0.0
        self.delay = DELAY_FIRST_SECONDS

    def start(self):
        supervisor = os.getpid()

        def in_child():
            # A responder without its supervisor would never be stopped: it ends when we do.
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())

        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [self.binary], stdin=self.listener, stdout=output, stderr=output,
                preexec_fn=in_child,  # noqa: PLW1509  # this process has one thread
                env={**os.environ, "ODYS_INSTANCE": str(self.instance)})
        self.started = time.monotonic()
        write_atomically(self.pid_file, f"{self.process.pid}\n")

    def notice_end(self):
        """Plans the next start when the process has ended."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if now - self.started > HEALTHY_AFTER_SECONDS:
            self.delay = DELAY_FIRST_SECONDS
        print(f"responder {self.instance} (pid {self.process.pid}) ended with {self.process.returncode}; "
              f"next start in {self.delay} s", flush=True)
        self.process = None
        self.start_at = now + self.delay
        self.delay = min(self.delay * 2, DELAY_MAX_SECONDS)


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o660)
    listener.listen(BACKLOG)
    return listener


def write_atomically(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def supervise(responders):
    """Runs until SIGTERM. The signals are blocked and waited for, so none can be missed."""
    while True:
        now = time.monotonic()
        for responder in responders:
            responder.notice_end()
            if responder.process is None and responder.start_at <= now:
                responder.start()
        waiting = [responder.start_at - now for responder in responders if responder.process is None]
        received = signal.sigtimedwait(SIGNALS, max(0, min(waiting, default=60)))
        if received is not None and received.si_signo != signal.SIGCHLD:
            return


def stop(responders):
    running = [responder.process for responder in responders if responder.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in running:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"pid {process.pid} did not end within {STOP_SECONDS} s", flush=True)
            process.kill()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    responders = [Responder(config["binary"], settings) for settings in config["responders"]]
    supervise(responders)
    stop(responders)


if __name__ == "__main__":
    main()
