"""What the responder says to MariaDB, as MariaDB's own general log has it: limit.c repeats it."""

import http.client
import json
import re
import urllib.parse

from . import rows
from .load import LoadError


def request(url, k, token, body=None, method="PATCH", suffix="", **headers):
    """One request, as wrk sends them; returns status, head and body."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        head = {"Authorization": f"Bearer {token}", **headers}
        if body is not None:
            head = {"Content-Type": "application/json", **head}
        connection.request(method, f"/api/appointments/{rows.appointment(k)}{suffix}", body, head)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def statements(servers, act):
    """The statements that reached the server while `act` ran, as (connection, command, text)."""
    servers.sql("SET GLOBAL log_output = 'TABLE'; TRUNCATE TABLE mysql.general_log; SET GLOBAL general_log = ON")
    try:
        act()
    finally:
        servers.sql("SET GLOBAL general_log = OFF")
    # As hexadecimal: the texts have line ends, and the markers are no text at all.
    found = servers.sql("SELECT thread_id, command_type, HEX(argument) FROM mysql.general_log "
                        "WHERE user_host LIKE 'odys%' ORDER BY event_time, thread_id")
    return [(thread, command, bytes.fromhex(text)) for thread, command, text in found]


INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\)\s+VALUES")
# The parts of a write that are no INSERT, and what each of their marks stands for.
SLOT = ["A", "E", "S", "P"]
CHANGE = ["{status}", "{payment_status}", "T", "A", "i 1"]


def values(servers, sql, k, known):
    """The parameters of a write, from the rows that it left: the log does not tell those of a compound statement."""
    where = f"appointment_id = '{rows.appointment(k)}'"
    columns = ("status", "payment_status")
    (row,) = servers.sql(f"SELECT {', '.join(columns)} FROM appointments WHERE id = '{rows.appointment(k)}'")
    own = {f"{{{name}}}": f"s {value}" for name, value in zip(columns, row)}
    lines = []
    for statement in sql.split(";"):
        if insert := INSERT.search(statement):
            names = [name.strip() for name in insert[2].split(",")]
            order = "id" if insert[1] == "outbox" else names[0]
            # A marker is bytes, which no line of text can hold.
            wanted = ", ".join("''" if name == "marker" else name for name in names)
            for row in servers.sql(f"SELECT {wanted} FROM {insert[1]} WHERE {where} ORDER BY {order}"):
                lines += [value_line(name, value, known) for name, value in zip(names, row)]
        elif "?" not in statement:
            continue
        elif "UPDATE appointments" in statement:
            lines += [own.get(each, each) for each in CHANGE]
        elif "FROM professionals" in statement:
            lines += SLOT
        else:
            raise LoadError(f"limit.c does not know this part of a write: {statement}")
    if len(lines) != sql.count("?"):
        raise LoadError(f"{sql.count('?')} marks and {len(lines)} values: {lines}")
    return lines


def value_line(name, value, known):
    if value == "NULL":
        return "n"
    if name == "marker":
        return "M"
    if name in ("version", "appointment_version"):
        return f"i {value}"
    return known.get(value) or f"s {value}"


class Capture:
    """A fresh responder of one thread, watched while it acts: what it prepares is seen once."""

    def __init__(self, servers, url, data):
        self.servers, self.url, self.data = servers, url, data
        self.session, self.prepared = [], []

    def limit(self, directory, k, user, body):
        """Performs one action on appointment k, and writes what limit.c needs to do the same to others."""
        answer = []
        token = rows.token(self.servers.secret, user)
        log = statements(self.servers, lambda: answer.extend(request(self.url, k, token, body)))
        if answer[0] != 200:
            raise LoadError(f"{body}: {answer}")
        texts = {command: [text.decode() for _, each, text in log if each == command and b"schema" not in text]
                 for command in ("Query", "Prepare", "Execute")}
        self.session += [" ".join(text.split()) for text in texts["Query"] if text.startswith("SET SESSION")]
        self.prepared += texts["Prepare"]
        executed = texts["Execute"]
        # A compound statement stands in the log as it was prepared.
        if len(executed) != 2 or "FOR UPDATE" not in executed[0] or executed[1] not in self.prepared:
            raise LoadError(f"the responder does not speak in two statements any more: {log}")
        (directory / "session.sql").write_text("\n".join(self.session) + "\n", encoding="utf-8")
        (directory / "lock.sql").write_text(self.prepared[0], encoding="utf-8")
        (directory / "write.sql").write_text(executed[1], encoding="utf-8")
        lines = values(self.servers, executed[1], k, self.known(k, answer))
        (directory / "write.values").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def known(self, k, answer):
        """What differs from one appointment to the next (limit.c makes it anew)."""
        (when,), = self.servers.sql(f"SELECT updated_at FROM appointments WHERE id = '{rows.appointment(k)}'")
        return {
            rows.appointment(k): "A", rows.professional(k % self.data.professionals): "P",
            f"professional-{k % self.data.professionals}": "p", f"client-{k % self.data.clients}": "c", when: "T",
            **{message["id"]: "U" for message in json.loads(answer[2])["messages"]}}
