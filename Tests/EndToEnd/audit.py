"""Looks for anything that must never be so, in the rows that a test made and in what the peers received."""

import collections
import pathlib
import re

import spec

STATEMENTS = [statement for statement in
              re.sub(r"--.*", "", pathlib.Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")).split(";")
              if statement.strip()]

TABLES = """CREATE TEMPORARY TABLE audit_appointments (id UUID PRIMARY KEY, delivered BOOLEAN);
    CREATE TEMPORARY TABLE audit_hears (
        action VARCHAR(20), actor_role VARCHAR(20), kind VARCHAR(20), recipient_role VARCHAR(20), name VARCHAR(64),
        holds VARCHAR(20)) COLLATE utf8mb4_unicode_ci"""


def problems(odys):
    """One line for each violation."""
    return in_rows(odys) + (in_ledgers(odys) if odys.whatsapp else [])


def in_rows(odys):
    found = []
    with odys.connect() as connection, connection.cursor() as cursor:
        for table in TABLES.split(";"):
            cursor.execute(table)
        cursor.executemany("INSERT INTO audit_appointments VALUES (%s, %s)",
                           [(identifier, identifier in odys.delivered) for identifier in odys.made])
        cursor.executemany("INSERT INTO audit_hears VALUES (%s, %s, %s, %s, %s, %s)",
                           [(*key, *line) for key, lines in spec.HEARS.items() for line in lines])
        for statement in STATEMENTS:
            cursor.execute(statement)
            found += [" | ".join(str(value) for value in row.values()) for row in cursor.fetchall()]
    return found


def in_ledgers(odys):
    """Each sent message is there once, and nothing else went to the same recipient."""
    if not odys.made:
        return []
    places = ", ".join(["%s"] * len(odys.made))
    sent = odys.sql(f"""SELECT channel, recipient, template, provider_id, message_uid FROM outbox
                        WHERE state = 'sent' AND appointment_id IN ({places})""", *odys.made)
    found = []
    for channel, peer in (("whatsapp", odys.whatsapp), ("email", odys.mail)):
        arrived = collections.Counter(peer.ids())
        for row in sent:
            identifier = row["provider_id"] if channel == "whatsapp" else row["message_uid"]
            allowed = (1, 2) if row["recipient"].lstrip("+") in odys.repeats else (1,)
            if row["channel"] == channel and arrived[identifier] not in allowed:
                found.append(f"{channel} {row['template']} arrived {arrived[identifier]} times")
    return found + surplus(odys, sent)


def surplus(odys, sent):
    """WhatsApp messages to the test's numbers beyond those that are recorded as sent."""
    expected = collections.Counter(row["recipient"].lstrip("+") for row in sent if row["channel"] == "whatsapp")
    arrived = collections.Counter(entry["number"] for entry in odys.whatsapp.ledger())
    return [f"{number} got {arrived[number]} messages for {count} sent rows" for number, count in expected.items()
            if arrived[number] > count and number not in odys.repeats]
