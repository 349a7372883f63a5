"""docs/DEPLOY.md, by its own commands: a host from nothing, and a backup restored without sending anything twice."""

import collections

import pytest

import audit
from deployed import INSTANCES, PAGE, Deployed, commands
from together import at_once
from waiting import eventually

APPOINTMENT = "0d5a1c00-0000-4000-8000-0000000000f3"


@pytest.fixture(scope="module")
def host():
    """Steps 3 to 6, and what the units would start."""
    made = Deployed()
    try:
        made.run(commands("3. ", "4. ", "5. ", "6. "))
        made.start_nginx()
        made.serve()
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def cared_for(host):
    host.forget()
    yield
    assert audit.problems(host) == []


def test_a_host_from_nothing_confirms_its_first_appointment(host):
    done = host.run(commands("8. ", "10. "))
    assert '"success": true' in done.stdout or '"success":true' in done.stdout, done.stdout
    rows = host.sql("SELECT recipient, state FROM outbox WHERE appointment_id = %s", APPOINTMENT)
    assert len(rows) == 2
    sent = eventually(lambda: host.whatsapp.to("5511900000001") and host.whatsapp.to("5511900000101"))
    assert sent
    # Only one user may change the application's tables, and that user may not create any.
    grants = "\n".join(next(iter(row.values())) for row in host.sql("SHOW GRANTS FOR 'odys'@'localhost'"))
    assert "`odys`.`outbox`" in grants
    assert not any(word in grants for word in ("ALL PRIVILEGES", "CREATE", "DROP", "ALTER"))


def test_every_command_of_the_ten_steps_is_run_or_named_as_not_run():
    """A step whose commands are missing here would be untested."""
    run = commands("3. ", "4. ", "5. ", "6. ", "8. ", "10. ")
    others = [line for line in commands("One host", *(f"{number}. " for number in range(1, 11))) if line not in run]
    assert others == [], others


def pending(host):
    return host.one("SELECT COUNT(*) AS number FROM outbox WHERE state = 'pending'")["number"]


def arrived(host, bookings):
    counted = collections.Counter(entry["number"] for entry in host.whatsapp.ledger())
    return [counted[person.number] for each in bookings for person in (each.client, each.professional)]


def test_a_restored_backup_sends_nothing_twice(host):
    dump, *restore = commands("Backup and restore")
    assert [line.split()[0] for line in restore] == ["mariadb", "mariadb", "odysctl", "odysctl"]

    # Nothing is delivered before the backup, so that every message is pending in it. Then all are sent.
    host.stop_serving()
    host.serve(ODYS_DELIVERY="off")
    bookings = [host.booking() for _ in range(5)]
    for each in bookings:
        host.act(each, "confirm")
    host.run([dump])
    host.stop_serving()
    host.serve()
    host.settled(*bookings)
    assert arrived(host, bookings) == [1] * 10
    lost = host.booking()
    host.act(lost, "confirm")
    host.settled(lost)

    host.stop_serving()
    host.run(restore[:2])
    assert pending(host) == 15  # each appointment has two for WhatsApp and an email, which is skipped here
    look = host.run(restore[2:3])
    assert "15 would be expired" in look.stdout, look.stdout
    assert pending(host) == 15
    assert "15 expired" in host.run(restore[3:]).stdout

    host.serve()
    new = host.booking()
    host.act(new, "confirm")
    host.settled(new)
    assert arrived(host, bookings) == [1] * 10 and arrived(host, [new]) == [1, 1]
    rows = [row for each in bookings for row in host.outbox(each)]
    assert {(row["state"], row["last_error"]) for row in rows} == {("expired", "expired by hand")}
    assert host.one("SELECT COUNT(*) AS number FROM operator_actions WHERE action = 'expire'")["number"] == 15
    assert [host.state(each)[0] for each in bookings] == ["confirmed"] * 5
    # What did not arrive can still be sent, one by one.
    missed = next(row["id"] for row in rows if row["channel"] == "whatsapp")
    assert "1 retried" in host.run([f"odysctl outbox retry {missed}"]).stdout
    eventually(lambda: sum(arrived(host, bookings)) == 11)

    # The control: without the fourth step every message arrives again.
    host.stop_serving()
    host.run(restore[:2])
    host.serve()
    eventually(lambda: sum(arrived(host, bookings)) == 21)
    # The rows of the first delivery are gone, so the audit could not explain the ledger.
    host.made.clear()


def test_an_older_program_works_with_a_newer_schema(host):
    """A rolling upgrade: the schema first, while the old program serves; then it reports a warning, and serves on."""
    host.sql("ALTER TABLE outbox ADD COLUMN later VARCHAR(20) NULL, ADD KEY outbox_later (later)")
    host.sql("INSERT INTO schema_migrations (version, name) VALUES (9999, 'later')")
    try:
        booking = host.booking()
        host.act(booking, "confirm")
        host.settled(booking)
        done = host.run(["odysctl health ready"])
        assert "database:schemaVersion" in done.stdout and "warn" in done.stdout, done.stdout
    finally:
        host.sql("DELETE FROM schema_migrations WHERE version = 9999")
        host.sql("ALTER TABLE outbox DROP KEY outbox_later, DROP COLUMN later")


def test_the_connections_of_a_process_are_those_of_the_page(host):
    """Under load: at most the page's sum; fewer if a thread has not needed its connection yet."""
    threads = int(host.settings()["ODYS_THREADS"])
    each = threads + 4 + 2 + 2
    assert f"4 × ({threads} + 4 + 2 + 2) = {4 * each}," in PAGE.read_text(encoding="utf-8")
    booking = host.booking()
    answers = at_once([lambda: host.get(booking, booking.professional)] * 60)
    # The address is limited to 60 requests a minute, which earlier tests have used too.
    assert {answer.status for answer in answers} <= {200, 429} and any(answer.status == 200 for answer in answers)
    found = host.one("SELECT COUNT(*) AS number FROM information_schema.processlist WHERE user = 'odys'")["number"]
    assert len(INSTANCES) * (4 + 2) < found <= len(INSTANCES) * each, found
