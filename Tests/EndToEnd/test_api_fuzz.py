"""Schemathesis generates valid and invalid requests from openapi.yaml and sends them through nginx."""

import collections
import datetime
import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

import stack
from odys import STARTS_AT

TOOL = stack.CHECKOUT / ".venv-tools" / "bin" / "schemathesis"
SUITE = stack.CHECKOUT / "Tests" / "EndToEnd" / "api_fuzz"
# How long fuzzing and stateful tests run; `make api-fuzz` asks for more.
SECONDS = int(os.environ.get("API_FUZZ_SECONDS", "45"))
LEAST_CASES = 2_000 if SECONDS >= 120 else 300


@pytest.fixture(scope="module")
def fuzzed(make_stack, tmp_path_factory):
    """The output of one run, and its stack."""
    running = make_stack("--rate-limit", "off", "--no-seed", "--no-peers", ODYS_DELIVERY="off")
    professional = running.professional()
    client = running.client(professional)
    bookings = [running.booking(professional, client, STARTS_AT + datetime.timedelta(hours=number))
                for number in range(300)]
    token = running.token(professional.user_id, exp=2_000_000_000)
    directory = tmp_path_factory.mktemp("api-fuzz")
    done = subprocess.run(
        [TOOL, "--config-file", SUITE / "schemathesis.toml", "run", stack.CHECKOUT / "openapi.yaml",
         "--url", running.description["url"], "--tls-verify", running.description["ca"],
         "--header", f"Authorization: Bearer {token}", "--phases", "examples,coverage,fuzzing,stateful",
         "--checks", "all", "--max-time", str(SECONDS), "--seed", "1", "--continue-on-failure",
         "--suppress-health-check", "all", "--report", "junit", "--report-junit-path", directory / "junit.xml"],
        cwd=directory, capture_output=True, text=True, check=False, timeout=SECONDS + 120,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(SUITE), "NO_COLOR": "1", "NO_PROXY": "*",
             "API_FUZZ_IDS": ",".join(booking.id for booking in bookings)})
    return running, bookings, done, directory / "junit.xml"


def statuses(running):
    """The count of each status in nginx's access log."""
    return collections.Counter(
        (event["method"], event["status"]) for event in map(json.loads, running.log("nginx-access.log").splitlines()))


def test_schemathesis_finds_nothing(fuzzed):
    _, _, done, report = fuzzed
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    assert cases and not [case.get("name") for case in cases if list(case.iter("failure")) + list(case.iter("error"))]


def test_it_reached_every_kind_of_answer(fuzzed):
    running, bookings, done, _ = fuzzed
    found = statuses(running)
    print(f"\n{sum(found.values())} requests:", ", ".join(f"{' '.join(key)}: {found[key]}" for key in sorted(found)))
    assert sum(found.values()) >= LEAST_CASES, done.stdout[-3_000:]
    assert not [key for key in found if key[1].startswith("5")], found
    for status in ("200", "400", "401", "404", "405", "415"):
        assert sum(count for key, count in found.items() if key[1] == status) > 0, (status, found)
    # Changes were made, and only by the professional whose token was used.
    actors = running.sql("SELECT actor_user_id, COUNT(*) AS number FROM appointment_events GROUP BY actor_user_id")
    assert [row["actor_user_id"] for row in actors] == [bookings[0].professional.user_id]
    assert actors[0]["number"] >= 20
    assert all(stack.is_alive(pid) for pid in running.responder_pids())
    for responder in running.description["responders"]:
        assert running.log(f"responder-{responder['instance']}.log").count('"started"') == 1
