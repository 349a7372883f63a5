"""ODYS_WHATSAPP_RATE: messages a second for the number, over all processes."""

import datetime
import time

from waiting import eventually

RATE, MESSAGES = 20, 100
# At most a fifth above the rate in any second.
MOST = 24


def test_two_processes_share_the_rate_and_deliver_everything(bench):
    bench.peer("whatsapp")
    settings = {"ODYS_WHATSAPP_RATE": str(RATE), "ODYS_WHATSAPP_SENDERS": "4"}
    bench.start(**settings)
    bench.launch(ODYS_DELIVERY="only", ODYS_LISTEN="", ODYS_INSTANCE="2", **settings)
    eventually(lambda: bench.log().count('"started"') == 2)
    began = time.monotonic()
    people = [bench.professional() for _ in range(MESSAGES)]
    bench.sql("INSERT INTO outbox (channel, recipient_role, recipient, template, payload) "
              "SELECT 'whatsapp', 'professional', phone, 'new_message_to_professional', "
              "JSON_OBJECT('clientName', 'Ana') FROM professionals")
    eventually(lambda: len(bench.sql("SELECT id FROM outbox WHERE state = 'sent'")) == MESSAGES, 30)
    seconds = time.monotonic() - began

    assert sorted(entry["number"] for entry in bench.whatsapp.ledger()) == sorted(person.number for person in people)
    times = sorted(datetime.datetime.fromisoformat(entry["at"].rstrip("Z")) for entry in bench.whatsapp.ledger())
    crowds = [sum(at <= other < at + datetime.timedelta(seconds=1) for other in times) for at in times]
    assert max(crowds) <= MOST, crowds
    # The rate is used up, too: half of it would be a fault.
    assert seconds < 2 * MESSAGES / RATE + 2
    sent = [line for line in bench.log().splitlines() if '"a message was sent"' in line]
    assert all(sum(f'"instance":"{instance}"' in line for line in sent) for instance in (1, 2))


def test_the_rate_of_one_channel_is_not_that_of_the_other(bench):
    bench.peer("whatsapp")
    bench.peer("smtp")
    bench.start(ODYS_WHATSAPP_RATE="1")
    bookings = [bench.booking() for _ in range(8)]
    for booking in bookings:
        bench.act(booking, "confirm")
    eventually(lambda: len(bench.mail.ledger()) == 8, 5)
    assert len(bench.whatsapp.ledger()) < 8
