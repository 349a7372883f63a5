"""Searches logs, command lines and process environments for personal data and secrets.

Test persons are recognised by the form of name, phone, address and user id (odys.py). Stacks and benches are searched
when they end; a finding fails the session (conftest.py)."""

import pathlib
import re
import shlex

PATTERN = re.compile("|".join([
    r"(?:Paula Lima|Ana Souza) \d{8}",
    r"(?<!\d)(?:55(?:11|21)9\d{8}|\(11\) 9\d{4}-\d{4}|\+55 21 9\d{8})(?!\d)",
    r"ana-\d{8}@", r"[\w.+-]+@mail\.example",
    r"(?:professional|client|stranger)-\d{8}(?!\d)",
    r"eyJ[\w-]{8,}\.[\w-]*", r"(?i:bearer) \S", r"(?i:can[aá]r[yi])",
]))
# The stand-in peers are not part of the product; what they received is in their ledgers.
NOT_OURS = ("smtp.log", "whatsapp.log")
SECRET = re.compile(r"(?:PASSWORD|SECRET|API_KEY)$")

FOUND: list = []
# How much was searched: an empty search must not pass.
SEARCHED = {"bytes": 0, "places": 0}


def search(place, content, secrets):
    """Records what must not be in a log or a command line."""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    SEARCHED["bytes"] += len(text)
    SEARCHED["places"] += 1
    hits = {match[0][:60] for match in PATTERN.finditer(text)}
    hits |= {f"a secret ({name})" for name, value in secrets.items() if value in text}
    FOUND.extend(f"{place}: {hit}" for hit in sorted(hits))


def secrets(variables):
    return {name: value for name, value in variables.items() if value and len(value) >= 8 and SECRET.search(name)}


def search_stack(directory, pids):
    """Searches the logs, and what every user of the host can see of the stack's processes.

    `pids` by name. The environment of a responder holds its secrets, and only its user can read it; those of nginx and
    MariaDB must hold none."""
    env = directory / "env"
    variables = {}
    if env.exists():
        variables = dict(shlex.split(line)[1].split("=", 1) for line in env.read_text(encoding="utf-8").splitlines())
    known = secrets(variables)
    for log in sorted((directory / "logs").glob("*.log")):
        if log.name not in NOT_OURS:
            search(log, log.read_bytes(), known)
    for name, pid in pids.items():
        for what in ("cmdline", "comm") + (("environ",) if name in ("nginx", "mariadbd") else ()):
            try:
                search(f"{what} of {name}", pathlib.Path(f"/proc/{pid}/{what}").read_bytes(), known)
            except (FileNotFoundError, ProcessLookupError):
                continue
