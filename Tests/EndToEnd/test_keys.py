"""Key sets from a URL and a file, over time: rotation, outages, hostile answers, and changed secrets."""

import json
import os
import secrets
import signal
import subprocess
import threading
import time

import pytest

import jwks
import stack
from bench import responder_with
from waiting import eventually

OLD, NEW = jwks.Key.es256("2026-01"), jwks.Key.rs256("2026-02")


def field(key, person, **header):
    return "Bearer " + key.sign({"sub": person.user_id, "exp": int(time.time()) + 600}, **header)


def status(bench, key, person=None, **header):
    """The status for a caller with this key and an unknown appointment: 404 if the token is valid."""
    person = person or bench.stranger()
    return bench.patch(stack.NOBODY, None, "confirm", Authorization=field(key, person, **header)).status


def sees(bench, *expected):
    """Waits until tokens of these keys are accepted (True) or refused."""
    def so():
        found = [(status(bench, key) == 404) for key, _ in expected]
        assert found == [wanted for _, wanted in expected], found
        return True
    eventually(so, 15)


def test_a_key_set_is_fetched_before_the_first_request(bench):
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url, ODYS_JWT_SECRET=None)
        booking = bench.booking()
        answer = bench.patch(booking, None, "confirm", Authorization=field(OLD, booking.professional))
        assert answer.status == 200
        path, headers = server.requests[0]
        assert len(server.requests) == 1 and path == "/jwks.json"
        assert not {"Authorization", "Cookie"} & set(headers)


def test_a_new_key_is_found_without_a_restart_and_a_withdrawn_one_ends(bench):
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        held = field(OLD, bench.stranger())
        assert bench.patch(stack.NOBODY, None, "confirm", Authorization=held).status == 404
        server.publish(NEW)
        # The first of its tokens is refused and triggers a fetch; no request waits for it.
        assert status(bench, NEW) == 401
        sees(bench, (NEW, True), (OLD, False))
        assert len(server.requests) == 2
        # A token in the cache does not outlive its key.
        assert bench.patch(stack.NOBODY, None, "confirm", Authorization=held).status == 401
        assert "the keys of tokens have changed" in bench.log()


def test_unknown_names_ask_for_one_fetch_a_minute(bench):
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        for number in range(50):
            assert status(bench, NEW, kid=f"guess-{number}") == 401
        eventually(lambda: len(server.requests) == 2)
        for number in range(50):
            assert status(bench, NEW, kid=f"more-{number}") == 401
            assert status(bench, OLD) == 404
        assert len(server.requests) == 2
        # Neither a token without a kid nor one with a known kid triggers a fetch.
        assert status(bench, NEW, kid=None) == 401 and status(bench, NEW, kid=OLD.kid) == 401
        assert len(server.requests) == 2


def hostile(**changes):
    def make(server):
        for name, value in changes.items():
            setattr(server, name, value)
    return make


HOSTILE = {
    "not JSON": hostile(body="<html>sign in</html>"), "a list": hostile(body="[]"),
    "no keys": hostile(body='{"key":[]}'),
    "empty": hostile(body=""), "keys twice": hostile(body='{"keys":[],"keys":[]}'),
    "deep": hostile(body='{"keys":' + "[" * 5_000 + "]" * 5_000 + "}"),
    "huge": hostile(body='{"keys":[' + " " * 5_000_000 + "]}"),
    "cut": hostile(headers={"Content-Length": "100000"}),
    "500": hostile(status=500), "404": hostile(status=404), "204": hostile(status=204, body=""),
    "redirect": hostile(status=302, headers={"Location": "/other"}), "silent": hostile(silent=True),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_changes_nothing(bench, make):
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        make(server)
        before = time.monotonic()
        assert status(bench, NEW) == 401
        eventually(lambda: len(server.requests) == 2)
        # Requests go on at once, whatever the server does.
        assert status(bench, OLD) == 404
        assert time.monotonic() - before < 4
        eventually(lambda: "ODYS_JWKS_URL cannot be fetched; the last keys count" in bench.log(), 15)
        sees(bench, (OLD, True), (NEW, False))
        assert not [path for path, _ in server.requests if path != "/jwks.json"]
        server.publish(OLD, NEW)
        reload(bench)
        sees(bench, (OLD, True), (NEW, True))
        assert bench.log().count("cannot be fetched") == 1


def test_each_cause_of_an_outage_is_one_line(bench):
    """Whoever repairs the first has to see the second."""
    causes = [("HTTP 500", hostile(status=500)), ("HTTP 404", hostile(status=404)),
              ("is not JSON", hostile(status=200, body="<html>")), ("HTTP 302", hostile(status=302)),
              ("the answer is too large", hostile(status=200, body=" " * 5_000_000))]
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        for number, (_, make) in enumerate(causes, 1):
            make(server)
            for _ in range(2):
                fetches = len(server.requests)
                reload(bench)
                eventually(lambda: len(server.requests) > fetches)
            eventually(lambda: bench.log().count("ODYS_JWKS_URL cannot be fetched") == number)
        lines = [line for line in bench.log().splitlines() if "cannot be fetched" in line]
        assert all(words in line for (words, _), line in zip(causes, lines, strict=True)), lines
        server.publish(OLD)
        reload(bench)
        eventually(lambda: "can be fetched again" in bench.log())


def test_a_fetch_that_failed_is_tried_again_soon(bench):
    with jwks.serving(OLD) as server:
        server.status = 500
        bench.start(ODYS_JWKS_URL=server.url)
        assert status(bench, OLD) == 401
        server.status = 200
        sees(bench, (OLD, True))
        assert "can be fetched again" in bench.log()


def test_an_empty_set_withdraws_every_key(bench):
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        server.publish()
        reload(bench)
        sees(bench, (OLD, False))
        bench.act(bench.booking(), "confirm")  # with the shared secret


def test_an_issuer_that_is_away_at_the_start_is_waited_for_in_the_background(bench):
    bench.start(ODYS_JWKS_URL=f"http://127.0.0.1:{jwks.closed_port()}/jwks.json")
    assert status(bench, OLD) == 401
    booking = bench.booking()
    bench.act(booking, "confirm")  # with the shared secret
    assert "cannot be fetched; there are none yet" in bench.log()


def test_a_certificate_that_does_not_hold_publishes_no_keys(bench, odys):
    directory = odys.dir / "tls"
    with jwks.serving(OLD, certificate=(directory / "server.pem", directory / "server.key")) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        assert status(bench, OLD) == 401
        assert server.requests == [] and "cannot be fetched" in bench.log()


@pytest.mark.parametrize("settings, name", [
    ({"ODYS_JWKS_URL": "http://issuer.example/jwks.json"}, "ODYS_JWKS_URL"),
    ({"ODYS_JWKS_FILE": "/nonexistent/jwks.json"}, "ODYS_JWKS_FILE"),
    ({"ODYS_JWKS_FILE": "/etc/hostname"}, "ODYS_JWKS_FILE"),
    ({"ODYS_SESSION_COOKIE": "a b"}, "ODYS_SESSION_COOKIE"), ({"ODYS_JWT_SECRET": ""}, "ODYS_JWT_SECRET")], ids=str)
def test_a_wrong_source_of_keys_is_named_and_nothing_starts(settings, name):
    done = responder_with(**{
        "ODYS_DB_SOCKET": "/nonexistent/mariadb.sock", "ODYS_JWT_SECRET": "x" * 40,
        "ODYS_APP_URL": "https://odys.example", "ODYS_LISTEN": "unix:/nonexistent/odys.sock", **settings})
    assert done.returncode == 2 and f"odys-fcgi: {name}: " in done.stderr, done.stderr


# --- The file -----------------------------------------------------------------------------------------

def write(path, content):
    """Replaces the file atomically, as an operator's tool would."""
    new = path.with_suffix(".new")
    new.write_text(content, encoding="utf-8")
    os.replace(new, path)


def test_a_file_of_keys_is_read_again_when_it_changed(bench, tmp_path):
    file = tmp_path / "jwks.json"
    write(file, jwks.key_set(OLD, OLD.jwk(use="enc", kid="enc")))
    bench.start(ODYS_JWKS_FILE=str(file), ODYS_JWT_SECRET=None)
    assert status(bench, OLD) == 404 and status(bench, NEW) == 401
    assert "a key is left out" in bench.log() and "its use is not sig" in bench.log()
    write(file, jwks.key_set(NEW))
    sees(bench, (NEW, True), (OLD, False))
    # A bad file changes nothing.
    for number, content in enumerate(("{", '{"keys":[]}', ""), 1):
        write(file, content)
        eventually(lambda: bench.log().count("the old ones stay") == number)
        assert status(bench, NEW) == 404
    file.unlink()
    eventually(lambda: bench.log().count("the old ones stay") == 4)
    assert status(bench, NEW) == 404
    write(file, jwks.key_set(OLD))
    sees(bench, (OLD, True), (NEW, False))


def test_file_and_address_count_together_and_the_file_comes_first(bench, tmp_path):
    file = tmp_path / "jwks.json"
    impostor = jwks.Key.es256(OLD.kid)
    write(file, jwks.key_set(OLD))
    with jwks.serving(impostor, NEW) as server:
        bench.start(ODYS_JWKS_FILE=str(file), ODYS_JWKS_URL=server.url)
        assert [status(bench, key) for key in (OLD, NEW, impostor)] == [404, 404, 401]


# --- SIGHUP -------------------------------------------------------------------------------------------

def reload(bench, sign="secrets and keys were read again"):
    count = bench.log().count(sign)
    bench.responder.send_signal(signal.SIGHUP)
    eventually(lambda: bench.log().count(sign) == count + 1)


def hup_status(bench, secret):
    bench.secret = secret
    person = bench.stranger()
    return bench.patch(stack.NOBODY, person, "confirm").status


def test_a_secret_in_a_file_is_read_again_on_sighup(bench, tmp_path):
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    file = tmp_path / "jwt"
    file.write_text(first, encoding="utf-8")
    bench.start(ODYS_JWT_SECRET=None, ODYS_JWT_SECRET_FILE=str(file))
    assert hup_status(bench, first) == 404 and hup_status(bench, second) == 401
    file.write_text(second, encoding="utf-8")
    assert hup_status(bench, first) == 404  # not before it is told
    reload(bench)
    eventually(lambda: hup_status(bench, second) == 404 and hup_status(bench, first) == 401)
    for content in ("short", ""):
        file.write_text(content, encoding="utf-8")
        reload(bench, "the old ones stay")
        assert hup_status(bench, second) == 404
    file.unlink()
    reload(bench, "the old ones stay")
    assert hup_status(bench, second) == 404 and bench.responder.poll() is None
    assert second not in bench.log() and first not in bench.log()
    bad = [line for line in bench.log().splitlines() if "the old ones stay" in line]
    assert len(bad) == 3 and all("ODYS_JWT_SECRET" in line for line in bad)


def test_a_credential_of_systemd_is_read_again_on_sighup(bench, tmp_path):
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    file = tmp_path / "odys-jwt-secret"
    file.write_text(first, encoding="utf-8")
    bench.start(ODYS_JWT_SECRET=None, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert hup_status(bench, first) == 404
    file.write_text(second, encoding="utf-8")
    reload(bench)
    eventually(lambda: hup_status(bench, second) == 404 and hup_status(bench, first) == 401)


def test_sighup_fetches_the_key_set_again(bench):
    with jwks.serving(OLD) as server:
        bench.start(ODYS_JWKS_URL=server.url)
        server.publish(NEW)
        reload(bench)
        sees(bench, (NEW, True), (OLD, False))


def test_no_request_is_lost_by_a_reload(bench, tmp_path):
    file = tmp_path / "jwt"
    file.write_text(bench.secret, encoding="utf-8")
    bench.start(ODYS_JWT_SECRET=None, ODYS_JWT_SECRET_FILE=str(file))
    statuses, ended = [], threading.Event()

    def calls():
        while not ended.is_set():
            try:
                statuses.append(bench.patch(stack.NOBODY, bench.stranger(), "confirm").status)
            except OSError as problem_met:
                statuses.append(problem_met)

    threads = [threading.Thread(target=calls) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        reload(bench)
        eventually(lambda: len(statuses) > 20 * number)
    ended.set()
    for thread in threads:
        thread.join(20)
    assert set(statuses) == {404} and len(statuses) > 100


def test_the_password_of_the_database_may_change(bench, tmp_path):
    user, file = f"u{secrets.token_hex(6)}", tmp_path / "password"
    bench.sql(f"CREATE USER {user}@localhost IDENTIFIED BY 'first'")
    try:
        bench.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {bench.db_name}.* TO {user}@localhost")
        file.write_text("first", encoding="utf-8")
        bench.start(ODYS_DB_PASSWORD=None, ODYS_DB_USER=user, ODYS_DB_PASSWORD_FILE=str(file), ODYS_DELIVERY="off")
        bench.act(bench.booking(), "confirm")
        bench.sql(f"ALTER USER {user}@localhost IDENTIFIED BY 'second'")
        file.write_text("second", encoding="utf-8")
        reload(bench)
        ours = bench.sql("SELECT id FROM information_schema.processlist WHERE user = %s", user)
        for row in ours:
            bench.sql("KILL %s", row["id"])
        # New connections use the new password; each killed one may cost an answer.
        eventually(lambda: bench.patch(stack.NOBODY, bench.stranger(), "confirm").status == 404)
        bench.act(bench.booking(), "confirm")
    finally:
        bench.sql(f"DROP USER {user}@localhost")


def test_the_key_of_the_evolution_api_may_change(bench, tmp_path):
    file = tmp_path / "key"
    file.write_text("right", encoding="utf-8")
    bench.peer("whatsapp", "--api-key", "right", "--instance", "odys")
    bench.own["EVOLUTION_API_KEY"] = None
    bench.start(EVOLUTION_API_KEY_FILE=str(file), ODYS_WHATSAPP_SENDERS="1")
    booking = bench.booking()
    bench.act(booking, "paid")
    bench.settled(booking)
    # In the other order, because a refused channel is paused for half a minute.
    file.write_text("wrong", encoding="utf-8")
    reload(bench)
    booking = bench.booking()
    bench.act(booking, "paid")
    eventually(lambda: [row for row in bench.outbox(booking) if "401" in (row["last_error"] or "")])
    assert not bench.whatsapp.to(booking.client.number)


# --- odysctl token inspect ----------------------------------------------------------------------------

def inspect(bench, token, *words, stdin=None, **settings):
    command = [str(stack.BINARIES / "odysctl"), "token", "inspect", *words, *([token] if token else [])]
    environment = stack.clean_environment(**{**bench.settings(), **settings})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60,
                          **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))


def test_inspect_says_which_key_verifies_a_token(bench, tmp_path):
    (tmp_path / "jwks.json").write_text(jwks.key_set(OLD), encoding="utf-8")
    claims = {"sub": "user-1", "exp": int(time.time()) + 600}
    with jwks.serving(NEW) as server:
        keys = {"ODYS_JWKS_FILE": str(tmp_path / "jwks.json"), "ODYS_JWKS_URL": server.url}
        for token, key in ((bench.token("user-1"), ("HS256", None)), (OLD.sign(claims), ("ES256", OLD.kid)),
                           (NEW.sign(claims), ("RS256", NEW.kid))):
            done = inspect(bench, token, "--json", **keys)
            found = json.loads(done.stdout)
            assert done.returncode == 0 and found["accepted"] is True and found["problems"] == [], done
            assert (found["key"]["algorithm"], found["key"]["kid"]) == key
            assert found["claims"]["sub"] == "user-1" and found["header"]["alg"] == key[0]
            assert bench.secret not in done.stdout
            plain = inspect(bench, None, stdin=token + "\n", **keys)
            assert plain.returncode == 0 and "accepted" in plain.stdout and key[0] in plain.stdout


def test_inspect_takes_the_token_from_where_nobody_else_reads_it(bench, tmp_path):
    token = bench.token("user-1")
    (tmp_path / "token").write_text(token + "\n", encoding="utf-8")
    for done in (inspect(bench, None, "--file", tmp_path / "token"), inspect(bench, None, stdin=token)):
        assert done.returncode == 0 and "accepted" in done.stdout and not done.stderr
    # Every user of the host sees a command line.
    done = inspect(bench, token)
    assert done.returncode == 0 and "every user of this host" in done.stderr and "--file" in done.stderr
    assert "<token>" not in stack.run(stack.BINARIES / "odysctl", "token", "inspect", "--help").stdout
    done = inspect(bench, None, "--file", tmp_path / "none")
    assert done.returncode == 2 and "--file" in done.stderr


def test_inspect_names_every_reason(bench):
    token = OLD.sign({"sub": "", "exp": 1, "nbf": 99_999_999_999}, jku="https://x")
    done = inspect(bench, token, "--json", ODYS_JWT_ISSUER="https://issuer.example")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["accepted"] is False and found["key"] is None
    for word in ("jku", "kid", "exp", "nbf", "iss", "sub"):
        assert [problem for problem in found["problems"] if f"'{word}'" in problem], word
    plain = inspect(bench, token)
    assert plain.returncode == 1 and plain.stdout.count("refused") == 5


def test_inspects_exit_codes(bench):
    claims = {"sub": "u", "exp": int(time.time()) + 600}
    away = {"ODYS_JWKS_URL": f"http://127.0.0.1:{jwks.closed_port()}/jwks.json"}
    assert inspect(bench, None, stdin="").returncode == 2
    assert inspect(bench, "a.b.c", ODYS_JWT_SECRET="short").returncode == 2
    assert inspect(bench, "not a token").returncode == 1
    assert inspect(bench, NEW.sign(claims), **away).returncode == 3
    # What is down is not needed for these.
    assert inspect(bench, bench.token("u"), **away).returncode == 0
    assert inspect(bench, bench.token("u") + "x", **away).returncode == 1


def test_mint_needs_the_secret(bench):
    with jwks.serving(OLD) as server:
        done = bench.ctl("token", "mint", "--sub", "u", check=False, ODYS_JWKS_URL=server.url, ODYS_JWT_SECRET=None)
    assert done.returncode == 2 and "ODYS_JWT_SECRET" in done.stderr
    token = bench.ctl("token", "mint", "--sub", "u").stdout.strip()
    assert inspect(bench, token).returncode == 0
