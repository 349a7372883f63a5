"""Monitoring: health, readiness, metrics, status; each fault shows there and in the log."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import fastcgi
import stack
from scrape import Scrape, metrics, ready
from test_frozen_database import frozen, timed
from waiting import eventually

PAGES = ("healthz", "readyz", "metrics", "status")
# A fault has to show within this time (seconds).
VISIBLE = 60


def lines(odys_log):
    """The lines of a log, as objects."""
    found = [line.partition(">")[2] for line in odys_log.splitlines() if line.startswith("<")]
    return [json.loads(line) for line in found]


def test_every_instance_answers_its_watchers_and_the_public_listener_does_not(odys):
    for each in odys.description["responders"]:
        for page in PAGES:
            assert odys.ops(f"/{page}/{each['instance']}").status == 200, page
        assert odys.ops(f"/status/{each['instance']}").json()["instance"] == str(each["instance"])
    assert odys.ops("/metrics/1", method="POST").status == 405
    assert odys.ops("/metrics").status == odys.ops("/metrics/99999").status - 98 == 404
    for page in PAGES:
        for path in (f"/{page}", f"/{page}/1", f"/api/appointments/../../{page}/1", f"//{page}/1"):
            assert odys.request("GET", path).status == 404, path


def test_health_says_who_answers(odys):
    answer = odys.ops("/healthz/1")
    assert answer.header("Content-Type") == "application/health+json"
    assert answer.json().keys() == {"status", "version", "instance"} and answer.json()["status"] == "pass"


def test_readiness_names_each_check(bench):
    bench.start()
    status, checks = ready(bench)
    assert status == 200 and {check["status"] for check in checks.values()} == {"pass"}, checks
    assert set(checks) == {
        "process:draining", "database:reachable", "database:schemaVersion", "database:durability", "database:writes",
        "whatsapp:oldestDueSeconds", "email:oldestDueSeconds", "whatsapp:breaker", "email:breaker",
        "requests:progress", "whatsapp:progress", "email:progress", "settings:unknown"}


def test_a_schema_that_is_too_old_is_not_ready(bench):
    bench.start()
    bench.sql("DELETE FROM schema_migrations WHERE version = 5")
    _, checks = eventually(lambda: (found := ready(bench))[0] == 503 and found)
    assert checks["database:schemaVersion"]["status"] == "fail" and checks["database:schemaVersion"]["output"]
    assert metrics(bench)("odys_database_schema_version") == 4
    bench.sql("INSERT INTO schema_migrations (version, name) VALUES (5, 'history'), (6, 'later')")
    eventually(lambda: ready(bench)[1]["database:schemaVersion"]["status"] == "warn")
    assert ready(bench)[0] == 200


def test_messages_that_wait_too_long_are_a_warning(bench):
    bench.start(ODYS_DELIVERY="off")
    bench.enqueue(channel="whatsapp", recipient_role="client", recipient="+5511987654321", template="reminder_1h",
                  payload="{}")
    bench.sql("UPDATE outbox SET available_at = UTC_TIMESTAMP(6) - INTERVAL 400 SECOND")
    status, checks = eventually(
        lambda: (found := ready(bench))[1]["whatsapp:oldestDueSeconds"]["status"] == "warn" and found)
    assert status == 200 and checks["email:oldestDueSeconds"]["status"] == "pass"
    page = metrics(bench)
    assert page("odys_outbox_messages", channel="whatsapp", state="pending") == 1
    assert 400 <= page("odys_outbox_oldest_due_seconds", channel="whatsapp") < 460
    assert page("odys_outbox_oldest_due_seconds", channel="email") == 0
    assert page("odys_ready", status="warn") == 1
    bench.sql("DELETE FROM outbox")


def test_a_database_that_is_away_shows_and_returns(bench):
    socket = bench.dir / "database.sock"
    bench.start(ODYS_DB_SOCKET=str(socket))
    (status, checks), seconds = timed(lambda: ready(bench))
    assert status == 503 and checks["database:reachable"]["status"] == "fail" and seconds < 3, checks
    page = metrics(bench)
    assert page("odys_database_up") == 0 and page("odys_ready", status="fail") == 1
    assert page("odys_outbox_messages", channel="whatsapp") is None  # unknown is not zero
    assert page("odys_db_errors_total", kind="connection_lost") > 0
    assert bench.request("GET", "/healthz/1").status == 200
    eventually(lambda: any(line["msg"] == "readiness changed" and "database:reachable" in line["checks"]
                           for line in lines(bench.log())), VISIBLE)
    socket.symlink_to(bench.db_socket)
    eventually(lambda: ready(bench)[0] == 200)
    eventually(lambda: any(line.get("ready") == "pass" for line in lines(bench.log())), VISIBLE)


def test_a_frozen_database_holds_up_no_watcher(fragile):
    fragile.act(fragile.booking(), "paid")
    with frozen(fragile):
        eventually(lambda: ready(fragile)[0] == 503, VISIBLE)
        for page in PAGES:
            answer, seconds = timed(lambda: fragile.ops(f"/{page}/2"))
            assert answer.status == (503 if page == "readyz" else 200) and seconds < 3, (page, seconds)
        assert metrics(fragile)("odys_database_up") == 0
        eventually(lambda: "readiness changed" in fragile.log("responder-1.log"), VISIBLE)
    eventually(lambda: ready(fragile)[0] == 200, 20)


def test_probes_cost_the_database_nothing(bench):
    bench.start(ODYS_DELIVERY="off")
    ready(bench)

    def statements():
        return int(bench.server.one("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")["Value"])

    # Another stack's senders query the same server a few times a second; a hundred probes of ours would stand out.
    before, began = statements(), time.monotonic()
    for _ in range(100):
        assert ready(bench)[0] == 200
    looks = time.monotonic() - began + 1
    assert statements() - before < 100 + 60 * looks


def test_a_refused_key_pauses_the_channel_and_shows(bench):
    bench.peer("whatsapp")
    bench.start()
    bench.whatsapp.control(mode="unauthorized")
    booking = bench.booking()
    bench.act(booking, "paid")
    status, checks = eventually(
        lambda: (found := ready(bench))[1]["whatsapp:breaker"]["status"] == "warn" and found, VISIBLE)
    assert status == 200 and "misconfigured" in checks["whatsapp:breaker"]["output"]
    page = metrics(bench)
    assert page("odys_breaker_state", channel="whatsapp", state="open") == 1
    assert page("odys_breaker_state", channel="email", state="closed") == 1
    assert page("odys_messages_failed_total", channel="whatsapp", **{"class": "misconfigured"}) >= 1
    assert page("odys_breaker_pauses_total", channel="whatsapp") >= 1
    assert any(line["level"] == "error" and line.get("channel") == "whatsapp" for line in lines(bench.log()))
    eventually(lambda: any(line["msg"] == "readiness changed" and "whatsapp:breaker" in line["checks"]
                           for line in lines(bench.log())), VISIBLE)
    bench.whatsapp.reset()
    bench.sql("UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6) WHERE state = 'pending'")


def test_a_provider_that_is_away_shows(bench):
    bench.peer("whatsapp")
    bench.start(EVOLUTION_API_URL="http://127.0.0.1:9")  # nobody listens on the port for discarding
    professional = bench.professional()
    for _ in range(5):
        bench.act(bench.booking(professional), "paid")
    _, checks = eventually(
        lambda: (found := ready(bench))[1]["whatsapp:breaker"]["status"] == "warn" and found, VISIBLE)
    assert "not_sent" in checks["whatsapp:breaker"]["output"] and ready(bench)[0] == 200
    page = metrics(bench)
    assert page("odys_messages_failed_total", channel="whatsapp", **{"class": "not_sent"}) >= 5
    assert page("odys_breaker_pauses_total", channel="whatsapp") == 1
    eventually(lambda: metrics(bench)("odys_outbox_messages", channel="whatsapp", state="pending") == 10)
    eventually(lambda: any("whatsapp:breaker" in line.get("checks", "") for line in lines(bench.log())), VISIBLE)
    bench.sql("UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6) WHERE state = 'pending'")


def test_a_misspelt_setting_shows(bench):
    bench.start(ODYS_THREAD="4")
    status, checks = ready(bench)
    assert status == 200 and checks["settings:unknown"]["status"] == "warn"
    assert "ODYS_THREAD" in checks["settings:unknown"]["output"]
    assert metrics(bench)("odys_settings_unknown") == 1
    assert "ODYS_THREAD is set, but" in bench.log()


def test_what_is_counted(bench):
    bench.peer("whatsapp")
    bench.start(ODYS_SESSION_COOKIE="sb")
    booking = bench.booking(client=None)
    bench.act(booking, "confirm")
    assert bench.patch(booking, booking.professional, "confirm").status == 400
    assert bench.patch(booking, bench.stranger(), "cancel").status == 403
    assert bench.send(booking, None, b"{}").status == 401
    assert bench.send(booking, None, b"{}", Authorization="Bearer x").status == 401
    assert bench.send(booking, None, b"{}", Cookie="sb=bad").status == 401
    assert bench.request("OPTIONS", booking.path).status == 204
    bench.settled(booking)
    # A thread counts after it has answered, and after it has recorded.
    page = eventually(lambda: (found := metrics(bench))("odys_http_request_duration_seconds_count") == 7
                      and found("odys_messages_settled_total", channel="whatsapp", state="sent") == 2 and found)
    for labels, number in (({"action": "confirm", "status": "200"}, 1), ({"action": "confirm", "status": "400"}, 1),
                           ({"action": "cancel", "status": "403"}, 1), ({"action": "none", "status": "401"}, 3),
                           ({"action": "none", "status": "204"}, 1), ({"action": "none", "status": "503"}, 0)):
        assert page("odys_http_requests_total", **labels) == number, labels
    # A bad token is invalid wherever it came from.
    assert page("odys_auth_failures_total", reason="missing") == 1
    assert page("odys_auth_failures_total", reason="invalid") == 2
    assert page("odys_transitions_total", action="confirm", **{"from": "pending_confirmation"}, to="confirmed") == 1
    assert page("odys_http_request_duration_seconds_bucket", le="+Inf") == 7
    assert page("odys_messages_sent_total", channel="whatsapp", template="booking_confirmed") == 1
    assert page("odys_messages_settled_total", channel="whatsapp", state="sent") == 2
    assert page("odys_message_duration_seconds_count", channel="whatsapp") == 2
    assert page("odys_worker_threads", state="busy") == page("odys_worker_threads", state="idle") == 1
    assert page("odys_http_requests_in_flight") == 1 and page("odys_build_info") == 1
    assert page("odys_connections_accepted_total") >= 8
    started = pathlib.Path(f"/proc/{bench.responder.pid}/stat").stat().st_mtime
    assert abs(page("process_start_time_seconds") - started) < 60
    assert page("process_open_fds") > 5 and page("process_resident_memory_bytes") > 1 << 20
    # Few series, and no personal data.
    assert len(page.samples) < 400
    for word in (booking.id, booking.client.name, booking.client.number, booking.professional.user_id):
        assert word not in page.text


def test_prometheus_takes_the_page(odys):
    booking = odys.booking()
    odys.act(booking, "confirm")
    odys.settled(booking)
    done = subprocess.run(["promtool", "check", "metrics"], input=odys.ops("/metrics/1").body, capture_output=True,
                          check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done


def test_connections_that_wait_are_counted(bench):
    bench.start(ODYS_THREADS="1")
    os.kill(bench.responder.pid, signal.SIGSTOP)
    # The scrape comes first; the one thread takes it while the others queue behind it.
    connections = [fastcgi.connect(bench.address) for _ in range(4)]
    connections[0].sendall(fastcgi.begin() + fastcgi.params(fastcgi.parameters("GET", "/metrics/1", {}, None))
                           + fastcgi.stdin(b""))
    os.kill(bench.responder.pid, signal.SIGCONT)
    page = Scrape(fastcgi.answer(connections[0]).decode().partition("\r\n\r\n")[2])
    assert page("odys_listen_queue_connections") == 3
    for each in connections:
        each.close()
    page = metrics(bench)
    assert page("odys_listen_queue_connections") == 0 and page("odys_connections_accepted_total") == 5
    assert page("odys_connections_broken_total") == 3


def test_status_is_for_programs_and_for_people(odys):
    status = odys.ops("/status/1?full").json()
    assert status["pid"] == odys.responder_pids()[0] and status["version"] and status["accepted"] > 0
    assert status["threads"]["busy"] + status["threads"]["idle"] == status["threads"]["total"]
    assert [each["channel"] for each in status["channels"]] == ["whatsapp", "email"]
    assert status["outbox"]["whatsapp"].keys() == {"pending", "dead", "oldestDueSeconds"}
    threads = status["perThread"]
    assert len(threads) == status["threads"]["total"] + 4 + 2
    tasks = {int(name) for name in os.listdir(f"/proc/{status['pid']}/task")}
    assert {each["id"] for each in threads} <= tasks
    assert any(each["state"] == "busy" and each["last"] == "/status/{n}" for each in threads)
    text = odys.ops("/status/1?text&full").body.decode()
    assert re.search(rf"^pid: +{status['pid']}$", text, re.M)
    assert re.search(r"^perThread requests 1: +id \d+", text, re.M)
    assert "perThread" not in odys.ops("/status/1").json()


def test_a_process_that_only_delivers_is_watched(bench):
    bench.peer("whatsapp")
    bench.start(ODYS_DELIVERY="only")
    assert ready(bench)[0] == 200 and metrics(bench)("odys_breaker_state", channel="whatsapp", state="closed") == 1
    booking = bench.booking()
    answer = bench.patch(booking, booking.professional, "confirm")
    assert answer.status == 503 and answer.header("Retry-After") == "1"
    assert bench.stop() == 0
    # Without a socket nobody can ask it, and it delivers all the same.
    bench.log_file.unlink()
    bench.start(ODYS_DELIVERY="only", ODYS_LISTEN=None)
    assert bench.stop() == 0


# --- The log ------------------------------------------------------------------------------------------

def test_a_line_tells_of_a_request(bench):
    bench.start(ODYS_DELIVERY="off")
    booking = bench.booking()
    bench.act(booking, "confirm", X_Request_Id="log-1", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    line = eventually(lambda: next((each for each in lines(bench.log()) if each.get("request_id") == "log-1"), None))
    assert line.pop("duration_ms") >= 0 and line.pop("ts")
    assert line == {
        "level": "info", "msg": "an appointment changed", "instance": "1", "request_id": "log-1", "status": 200,
        "code": "ok", "method": "PATCH", "route": "/api/appointments/{id}", "trace_id": "a" * 32,
        "appointment_id": booking.id, "action": "confirm", "role": "professional", "from": "pending_confirmation",
        "to": "confirmed"}


def test_a_log_that_nobody_reads_holds_up_no_request(bench):
    reading, writing = os.pipe()
    bench.responder = bench.launch({"stderr": writing}, ODYS_LOG_LEVEL="debug", ODYS_DELIVERY="off")
    os.close(writing)
    eventually(lambda: os.path.exists(bench.address), 20)
    eventually(lambda: bench.request("GET", "/healthz/1").status == 200)
    slowest = 0
    # Each refusal is a line; a pipe holds 64 KiB.
    for _ in range(500):
        answer, seconds = timed(lambda: bench.request("PATCH", stack.NOBODY, {}, b"{}"))
        slowest = max(slowest, seconds)
        assert answer.status == 401
    assert slowest < 1, slowest
    assert metrics(bench)("odys_log_lines_dropped_total") > 0
    assert ready(bench)[0] == 200
    # A reader that returns is told.
    os.set_blocking(reading, False)

    def told():
        bench.request("PATCH", stack.NOBODY, {}, b"{}")
        try:
            return b"lines of the log were dropped" in os.read(reading, 1 << 20)
        except BlockingIOError:
            return False

    eventually(told)
    assert bench.stop() == 0
    os.close(reading)


# --- odysctl ------------------------------------------------------------------------------------------

def test_odysctl_asks_the_instances(odys):
    directory = str(pathlib.Path(odys.description["responders"][0]["socket"]).parent)
    done = stack.run(stack.BINARIES / "odysctl", "status", "--socket-dir", directory)
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        [str(number + 1), str(pid)] for number, pid in enumerate(odys.responder_pids())]
    full = stack.run(stack.BINARIES / "odysctl", "status", "2", "--socket-dir", directory, "--full", "--json")
    (status,) = json.loads(full.stdout)
    assert status["pid"] == odys.responder_pids()[1] and status["perThread"]
    for word in ("live", "ready"):
        done = stack.run(stack.BINARIES / "odysctl", "health", word, "--socket-dir", directory)
        assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["1", "2"]
    watching = subprocess.Popen([stack.BINARIES / "odysctl", "status", "--watch", "--json", "--socket-dir", directory],
                                stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(2):
            assert watching.stdout and len(json.loads(watching.stdout.readline())) == 2
    finally:
        watching.kill()
        watching.wait(10)
        watching.communicate()


def test_odysctl_tells_what_is_wrong_by_its_exit_code(bench):
    def health(word, code, **more):
        done = stack.run(stack.BINARIES / "odysctl", "health", word, "--socket", bench.address, "--json", check=False)
        assert done.returncode == code, done
        return json.loads(done.stdout)[0]

    health("live", 3)
    bench.start(ODYS_DB_SOCKET=str(bench.dir / "nothing.sock"))
    assert health("live", 0)["status"] == "pass"
    assert health("ready", 1)["checks"]["database:reachable"][0]["status"] == "fail"
    os.kill(bench.responder.pid, signal.SIGSTOP)
    try:
        _, seconds = timed(lambda: health("ready", 3))
        assert seconds < 8
        done = stack.run(stack.BINARIES / "odysctl", "status", "--socket", bench.address, check=False)
        assert done.returncode == 1 and "does not answer" in done.stdout
    finally:
        os.kill(bench.responder.pid, signal.SIGCONT)
    for words, code in ((["status", "--socket-dir", str(bench.dir / "none")], 3), (["status", "../1"], 2),
                        (["health", "ready", "1", "2", "--socket", bench.address], 2)):
        assert stack.run(stack.BINARIES / "odysctl", *words, check=False).returncode == code, words
