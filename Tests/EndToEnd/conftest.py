"""Stacks for the tests, and the audit after each test.

Run with: /usr/bin/python3 -m pytest Tests/EndToEnd. ODYS_BIN_DIR names the directory of the binaries."""

import contextlib
import signal

import pytest

import audit
import canary
from bench import Bench, Database
from stack import Stack

ORIGIN = "https://app.odys.example"
# Everything that runs and that tests write to.
RUNNING: list = []


def pytest_configure():
    # SIGTERM runs the clean-up of the fixtures, as SIGINT does.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))


def pytest_sessionfinish(session):
    """Over the whole run: no personal data and no secret is in a log or a command line."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["canary"] = (canary.FOUND, canary.SEARCHED)
    elif canary.FOUND:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """A worker process of a parallel run has ended."""
    found, searched = getattr(node, "workeroutput", {}).get("canary", ([f"{node.gateway.id} did not say"], {}))
    canary.FOUND.extend(found)
    for what, number in searched.items():
        canary.SEARCHED[what] += number


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(
        "searched {places} logs and command lines, {bytes} bytes, for people and secrets".format(**canary.SEARCHED)
        + f": {len(canary.FOUND)} found")
    for line in canary.FOUND:
        terminalreporter.write_line(f"  {line}", red=True)


def check(odys):
    """Fails if the test's rows or arrived messages violate an invariant."""
    problems = audit.problems(odys)
    odys.forget()
    assert not problems, "the audit found:\n" + "\n".join(problems)


@pytest.fixture(scope="session")
def make_stack():
    """A factory for stacks with other settings; they end with the session."""
    made = []

    def make(*options, **settings):
        made.append(Stack(*options, **settings))
        RUNNING.append(made[-1])
        return made[-1]

    yield make
    for each in made:
        if each in RUNNING:
            RUNNING.remove(each)
        each.down()


@pytest.fixture(scope="session")
def odys(make_stack):
    """The default stack: two responders, which deliver to the peers."""
    return make_stack("--rate-limit", "off", "--no-seed", ODYS_ALLOWED_ORIGINS=ORIGIN)


@pytest.fixture(scope="session")
def quiet(make_stack):
    """A stack without delivery, so that only requests change rows."""
    return make_stack("--rate-limit", "off", "--no-seed", "--no-peers", ODYS_DELIVERY="off", ODYS_LOG_LEVEL="debug",
                      ODYS_ALLOWED_ORIGINS=f"{ORIGIN}, http://localhost:3000")


@pytest.fixture(scope="session")
def strict(make_stack):
    """A stack without delivery that enforces start times and checks issuer and audience."""
    stack = make_stack("--rate-limit", "off", "--no-seed", "--no-peers", "--responders", "1", ODYS_DELIVERY="off",
                       ODYS_ENFORCE_START_TIME="true", ODYS_JWT_ISSUER="https://issuer.example",
                       ODYS_JWT_AUDIENCE="odys", ODYS_THREADS="4")
    stack.claims = {"iss": "https://issuer.example", "aud": "odys"}
    return stack


@pytest.fixture(scope="session")
def fragile(make_stack):
    """The stack whose processes are killed."""
    return make_stack("--rate-limit", "off", "--no-seed", "--responders", "3", ODYS_THREADS="8")


@pytest.fixture(scope="module")
def database(odys):
    """A migrated database without a responder."""
    made = Database(odys)
    made.migrate()
    yield made
    made.drop()


@contextlib.contextmanager
def bench_on(server):
    """A responder on a server's database that is not started yet: set `own` or start peers first."""
    made = Bench(server)
    RUNNING.append(made)
    try:
        yield made
        check(made)
    finally:
        RUNNING.remove(made)
        made.close()


@pytest.fixture
def bench(odys):
    with bench_on(odys) as made:
        yield made


@pytest.fixture(autouse=True)
def audited(request):
    """Audits rows and messages after each test."""
    stacks = [each for each in RUNNING if isinstance(each, Stack)]
    for each in stacks:
        each.forget()
    request.node.log_sizes = {id(each): each.log_sizes() for each in stacks}
    yield
    for each in RUNNING:
        if each.audits:
            check(each)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Attaches the log of the processes to a failed test."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for each in RUNNING:
        text = each.logs_since(getattr(item, "log_sizes", {}).get(id(each), {}))
        if text:
            report.sections.append((f"logs of {each.db_name} ({each.db_socket})", text))
