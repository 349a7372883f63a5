"""Invariants, checked over the rows that a test made and over what the peers received."""

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
    return in_rows(odys) + in_ledgers(odys)


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
    """Each sent message is in a ledger once and in order, and nothing else went to the same recipient."""
    if not odys.made:
        return []
    # Read before the rows, so that everything that arrived was claimed before.
    whatsapp = odys.whatsapp.ledger() if odys.whatsapp else []
    places = ", ".join(["%s"] * len(odys.made))
    rows = odys.sql(f"""SELECT channel, recipient, recipient_role, template, provider_id, message_uid, state, attempts,
                            appointment_id, appointment_version
                        FROM outbox WHERE appointment_id IN ({places})""", *odys.made)
    found = []
    for channel, peer in (("whatsapp", odys.whatsapp), ("email", odys.mail)):
        if peer is None:
            continue
        ids = peer.ids()
        arrived = collections.Counter(ids)
        sent = [row for row in rows if row["channel"] == channel and row["state"] == "sent"]
        found += inverted(sent, ids)
        for row in sent:
            if arrived[identity(row)] not in ((1, 2) if recipient(row) in odys.repeats else (1,)):
                found.append(f"{channel} {row['template']} arrived {arrived[identity(row)]} times")
    return found + surplus(odys, rows, whatsapp)


def inverted(sent, ids):
    """Messages about one appointment that reached a recipient out of version order."""
    places = {identifier: place for place, identifier in reversed(list(enumerate(ids)))}
    lines: dict = collections.defaultdict(list)
    for row in sent:
        if row["appointment_version"] is not None and identity(row) in places:
            line = lines[row["appointment_id"], row["channel"], row["recipient_role"]]
            line.append((places[identity(row)], row["appointment_version"], row["template"]))
    found = []
    for line in lines.values():
        versions = [version for _, version, _ in sorted(line)]
        if versions != sorted(versions):
            found.append(f"arrived in another order: {sorted(line)}")
    return found


def identity(row):
    """The identity of a sent message in a ledger."""
    return row["provider_id"] if row["channel"] == "whatsapp" else str(row["message_uid"])


def surplus(odys, rows, ledger):
    """WhatsApp messages to the test's numbers beyond those that were ever attempted."""
    tried = collections.Counter(recipient(row) for row in rows if row["channel"] == "whatsapp" and row["attempts"] > 0)
    arrived = collections.Counter(entry["number"] for entry in ledger)
    return [f"{number} got {arrived[number]} messages for {count} rows" for number, count in tried.items()
            if arrived[number] > count and number not in odys.repeats]


def recipient(row):
    return row["recipient"].lstrip("+")
