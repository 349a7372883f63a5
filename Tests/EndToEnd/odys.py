"""One running Odys as the tests see it: requests, tokens, rows, test persons, and what the peers received.

A subclass implements how a request reaches the responder: stack.py through nginx, bench.py directly by FastCGI."""

import dataclasses
import datetime
import http.client
import itertools
import json
import time
import uuid
from typing import Any

import jwt
import pymysql
import pymysql.cursors

from waiting import eventually

# Every test makes persons of its own, so that tests share no slots, phones or messages.
NUMBERS = itertools.count(10_000_000)
# A Wednesday, 14:30 in São Paulo.
STARTS_AT = datetime.datetime(2031, 3, 5, 17, 30)
KEEP = object()


@dataclasses.dataclass(frozen=True)
class Person:
    id: str
    user_id: str
    name: str
    phone: str
    number: str  # as a message's recipient
    email: str | None = None
    slug: str | None = None


@dataclasses.dataclass(frozen=True)
class Booking:
    id: str
    professional: Person
    client: Person
    starts_at: datetime.datetime

    @property
    def path(self):
        return f"/api/appointments/{self.id}"


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        """The value of a field that occurs once, or None. A repeated field fails."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        assert len(values) <= 1, f"{name} comes {len(values)} times: {values}"
        return values[0] if values else None

    @classmethod
    def of(cls, response):
        return cls(response.status, response.getheaders(), response.read())

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


class Odys:
    """`made` and `delivered` are the input of the audit after a test; `repeats` are the numbers and addresses
    for which a test allows one surplus copy."""

    # Set by whatever starts the database and the peers.
    db_socket: Any = None
    db_name: Any = None
    secret: Any = None
    whatsapp: Any = None
    mail: Any = None
    db_user, db_password = "root", ""
    # False once a test has stopped its database for good.
    audits = True

    def __init__(self):
        self.claims = {}
        self.forget()

    def forget(self):
        self.made, self.delivered, self.repeats = [], set(), set()

    # --- Requests ---

    def request(self, method, path, headers=None, body=None):
        raise NotImplementedError

    def token(self, sub, **claims):
        claims = {"sub": sub, "exp": int(time.time()) + 600, **self.claims, **claims}
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, self.secret, "HS256")

    def head(self, person, **more):
        """The header fields of a valid PATCH. None as a value leaves the field out."""
        fields = {"Content-Type": "application/json"}
        if person is not None:
            fields["Authorization"] = f"Bearer {self.token(person.user_id)}"
        fields.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in fields.items() if value is not None}

    def patch(self, booking, person, action, reason=KEEP, **headers):
        body = {"action": action}
        if reason is not KEEP:
            body["reason"] = reason
        return self.send(booking, person, json.dumps(body).encode(), **headers)

    def send(self, booking, person, body, **headers):
        path = booking if isinstance(booking, str) else booking.path
        return self.request("PATCH", path, self.head(person, **headers), body)

    def get(self, booking, person, suffix="", **headers):
        """Reads the appointment, or its history with `/history`."""
        path = booking if isinstance(booking, str) else booking.path
        return self.request("GET", path + suffix, self.head(person, Content_Type=None, **headers))

    def act(self, booking, action, by="professional", **more):
        """A PATCH that must succeed."""
        answer = self.patch(booking, getattr(booking, by), action, **more)
        assert answer.status == 200, answer
        return answer

    # --- Rows ---

    def connect(self, **options):
        return pymysql.connect(unix_socket=self.db_socket, user=self.db_user, password=self.db_password,
                               database=self.db_name, charset="utf8mb4", autocommit=True,
                               cursorclass=pymysql.cursors.DictCursor, **options)

    def sql(self, statement, *values):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def one(self, statement, *values):
        rows = self.sql(statement, *values)
        assert len(rows) == 1, f"{len(rows)} rows: {statement}"
        return rows[0]

    def appointment(self, booking):
        return self.one("SELECT * FROM appointments WHERE id = %s", booking.id)

    def state(self, booking):
        row = self.appointment(booking)
        return row["status"], row["payment_status"], row["version"]

    def events(self, booking):
        return self.sql("SELECT * FROM appointment_events WHERE appointment_id = %s ORDER BY version", booking.id)

    def outbox(self, booking):
        return self.sql("SELECT *, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), available_at) / 1e6 AS due_in "
                        "FROM outbox WHERE appointment_id = %s ORDER BY id", booking.id)

    def row(self, identifier):
        """An outbox row, with the seconds until it is due."""
        return self.one("SELECT *, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), available_at) / 1e6 AS due_in "
                        "FROM outbox WHERE id = %s", identifier)

    def notifications(self, booking):
        return self.sql("SELECT * FROM notifications WHERE appointment_id = %s", booking.id)

    def contents(self):
        """The checksum of every table: equal if nothing was written in between."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW TABLES")
            tables = ", ".join(next(iter(row.values())) for row in cursor.fetchall())
            cursor.execute(f"CHECKSUM TABLE {tables} EXTENDED")
            return {row["Table"]: row["Checksum"] for row in cursor.fetchall()}

    # --- People and appointments ---

    def insert(self, table, columns):
        names = ", ".join(columns)
        places = ", ".join(["%s"] * len(columns))
        self.sql(f"INSERT INTO {table} ({names}) VALUES ({places})", *columns.values())

    def professional(self, **columns):
        number = next(NUMBERS)
        row = {"id": str(uuid.uuid4()), "user_id": f"professional-{number}", "name": f"Paula Lima {number}",
               "slug": f"paula-lima-{number}", "phone": f"(11) 9{str(number)[:4]}-{str(number)[4:]}",
               "profession": "Psicóloga", **columns}
        self.insert("professionals", row)
        return Person(row["id"], row["user_id"], row["name"], row["phone"], f"55119{number}", slug=row["slug"])

    def client(self, professional, **columns):
        number = next(NUMBERS)
        row = {"id": str(uuid.uuid4()), "user_id": f"client-{number}", "professional_id": professional.id,
               "name": f"Ana Souza {number}", "phone": f"+55 21 9{number}", "email": f"ana-{number}@example.com",
               **columns}
        self.insert("clients", row)
        return Person(row["id"], row["user_id"], row["name"], row["phone"], f"55219{number}", email=row["email"])

    def booking(self, professional=None, client=None, starts_at=STARTS_AT, minutes=50, **columns):
        professional = professional or self.professional()
        client = client or self.client(professional)
        row = {"id": str(uuid.uuid4()), "professional_id": professional.id, "client_id": client.id,
               "starts_at": starts_at, "ends_at": starts_at + datetime.timedelta(minutes=minutes), **columns}
        self.insert("appointments", row)
        self.made.append(row["id"])
        return Booking(row["id"], professional, client, starts_at)

    def stranger(self):
        return Person("", f"stranger-{next(NUMBERS)}", "", "", "")

    def enqueue(self, **columns):
        """Inserts an outbox row as other programs of the platform do; returns its id."""
        columns = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in columns.items()}
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO outbox ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
                           tuple(columns.values()))
            return cursor.lastrowid

    # --- Delivery ---

    def settled(self, *bookings, seconds=15):
        """Waits until no message of the appointments is pending; returns their rows."""
        def rows():
            found = [row for booking in bookings for row in self.outbox(booking)]
            waiting = [(row["template"], row["last_error"]) for row in found if row["state"] == "pending"]
            assert not waiting, f"pending: {waiting}"
            return found

        result = eventually(rows, seconds)
        self.delivered.update(booking.id for booking in bookings)
        return result

    def finished(self, identifier, seconds=15):
        """Waits until an outbox row is no longer pending."""
        def row():
            found = self.row(identifier)
            assert found["state"] != "pending", f"pending: {found['last_error']}"
            return found

        return eventually(row, seconds)

    def tried(self, identifier, seconds=15):
        """Waits until an outbox row was attempted and postponed, or is final."""
        def row():
            found = self.row(identifier)
            assert (found["lease_token"] is None and found["last_error"]) or found["state"] != "pending", found
            return found

        return eventually(row, seconds)

    def make_due(self, *identifiers):
        """Makes rows due now, so that no test waits for a backoff or a lease."""
        for identifier in identifiers:
            self.sql("UPDATE outbox SET available_at = UTC_TIMESTAMP(6) WHERE id = %s", identifier)


def wire(answer):
    """An answer read from a socket by http.client."""
    response = http.client.HTTPResponse(answer)
    response.begin()
    return Answer.of(response)
