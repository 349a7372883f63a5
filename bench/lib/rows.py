"""The rows that the benchmarks work on: appointments whose ids and parties follow from a number.

Appointment k belongs to professional k mod P and to client k mod C, so that neighbours in the walk never share a
professional. Its id is scattered over the key, as random ids are; walk.lua and limit.c compute the same."""

import base64
import hashlib
import hmac
import json
import time

# Odd, so that k → k · M mod 2³² is one to one; small enough that the product is exact in a double (Lua) up to 13 M.
MULTIPLIER = 668265263
CLIENTS_PER_PROFESSIONAL = 5
# Of the past appointments those whose messages are kept: 90 days (ODYS_RETENTION_DAYS) of five years.
KEPT_SHARE = 0.05
TABLES = ("appointment_events", "notifications", "outbox", "idempotency_keys", "whatsapp_contexts")


def scattered(k):
    return f"{k * MULTIPLIER % 2 ** 32:08x}"


def appointment(k):
    return f"{scattered(k)}-0000-4000-8000-0000{scattered(k)}"


def professional(j):
    return f"0d5a1c00-0000-4000-8000-1000{j:08x}"


def client(j):
    return f"0d5a1c00-0000-4000-8000-2000{j:08x}"


def token(secret, subject, seconds=86_400):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"sub": subject, "exp": int(time.time()) + seconds}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims, separators=(",", ":")).encode())
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


SCATTERED = f"LOWER(LPAD(HEX(seq * {MULTIPLIER} MOD 4294967296), 8, '0'))"
ID = f"CONCAT({SCATTERED}, '-0000-4000-8000-0000', {SCATTERED})"


class Rows:
    """Fills a database, puts it back between runs and says what has changed."""

    def __init__(self, servers, appointments, professionals, schema="odys", upcoming=None):
        """The first `upcoming` appointments, or all, lie ahead; the others are completed, with what they left."""
        self.servers, self.schema = servers, schema
        self.appointments, self.professionals = appointments, professionals
        self.upcoming = upcoming or appointments
        self.clients = professionals * CLIENTS_PER_PROFESSIONAL

    def sql(self, text):
        return self.servers.sql(text, self.schema)

    def fill(self):
        """Slots of 50 minutes, one an hour, the k-th appointments of all professionals at the same time."""
        self.sql(f"""
            SET unique_checks = 0, foreign_key_checks = 0;
            INSERT INTO professionals (id, user_id, name, slug, phone, profession)
                SELECT CONCAT('0d5a1c00-0000-4000-8000-1000', LOWER(LPAD(HEX(seq), 8, '0'))),
                    CONCAT('professional-', seq), CONCAT('Paula Lima ', seq), CONCAT('paula-lima-', seq),
                    CONCAT('(11) 9', LPAD(seq, 8, '0')), 'Psicóloga'
                FROM seq_0_to_{self.professionals - 1};
            INSERT INTO clients (id, user_id, professional_id, name, phone, email)
                SELECT CONCAT('0d5a1c00-0000-4000-8000-2000', LOWER(LPAD(HEX(seq), 8, '0'))), CONCAT('client-', seq),
                    CONCAT('0d5a1c00-0000-4000-8000-1000', LOWER(LPAD(HEX(seq MOD {self.professionals}), 8, '0'))),
                    CONCAT('Ana Souza ', seq), CONCAT('+55 21 9', LPAD(seq, 8, '0')),
                    CONCAT('ana-', seq, '@example.com')
                FROM seq_0_to_{self.clients - 1};
            INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at, status, version)
                SELECT {ID},
                    CONCAT('0d5a1c00-0000-4000-8000-1000', LOWER(LPAD(HEX(seq MOD {self.professionals}), 8, '0'))),
                    CONCAT('0d5a1c00-0000-4000-8000-2000', LOWER(LPAD(HEX(seq MOD {self.clients}), 8, '0'))),
                    {self.hour('11:00')}, {self.hour('11:50')},
                    IF(seq < {self.upcoming}, 'pending_confirmation', 'completed'), IF(seq < {self.upcoming}, 1, 3)
                FROM seq_0_to_{self.appointments - 1};
            ANALYZE TABLE appointments, professionals, clients;
            """)
        if self.upcoming < self.appointments:
            self.fill_history()

    def hour(self, time_of_day):
        hours = f"seq DIV {self.professionals} HOUR"
        return (f"IF(seq < {self.upcoming}, '2031-03-05 {time_of_day}' + INTERVAL {hours}, "
                f"'2026-03-05 {time_of_day}' - INTERVAL {hours})")

    def fill_history(self):
        """What confirm and complete left behind. Of the messages only those that are not pruned yet are there."""
        past = f"seq_{self.upcoming}_to_{self.appointments - 1}"
        recent = f"seq_{self.upcoming}_to_{self.upcoming + int((self.appointments - self.upcoming) * KEPT_SHARE) - 1}"
        self.sql(f"""
            SET unique_checks = 0, foreign_key_checks = 0;
            INSERT INTO appointment_events (appointment_id, version, action, actor_user_id, actor_role, from_status,
                    to_status, from_payment_status, to_payment_status, request_id, marker)
                SELECT {ID}, v, IF(v = 2, 'confirm', 'complete'), CONCAT('professional-', seq MOD {self.professionals}),
                    'professional', IF(v = 2, 'pending_confirmation', 'confirmed'), IF(v = 2, 'confirmed', 'completed'),
                    IF(v = 2, 'none', 'authorized'), 'authorized', MD5(seq * 4 + v), UNHEX(MD5(seq * 4 + v))
                FROM {past} JOIN (SELECT 2 AS v UNION ALL SELECT 3) versions;
            INSERT INTO notifications (recipient_id, recipient_type, type, title, body, appointment_id)
                SELECT CONCAT('client-', seq MOD {self.clients}), 'client', 'booking_confirmed',
                    'Agendamento confirmado', 'Sua sessão com Paula Lima foi confirmada para 5 de março, 11:00.', {ID}
                FROM {past};
            INSERT INTO outbox (message_uid, appointment_id, appointment_version, channel, recipient_role, recipient,
                    template, payload, state, attempts, finished_at)
                SELECT UUID(), {ID}, v, channel, role, CONCAT('+55 21 9', LPAD(seq MOD {self.clients}, 8, '0')),
                    IF(v = 2, 'booking_confirmed', 'appointment_completed'),
                    JSON_OBJECT('clientName', CONCAT('Ana Souza ', seq), 'professionalName', 'Paula Lima',
                        'startsAt', '2026-03-05T11:00:00Z'), 'sent', 1, UTC_TIMESTAMP(6)
                FROM {recent} JOIN (SELECT 2 AS v, 'whatsapp' AS channel, 'client' AS role UNION ALL
                    SELECT 2, 'whatsapp', 'professional' UNION ALL SELECT 2, 'email', 'client' UNION ALL
                    SELECT 3, 'whatsapp', 'client' UNION ALL SELECT 3, 'whatsapp', 'professional') messages;
            ANALYZE TABLE appointment_events, notifications, outbox;
            """)

    def take_back(self, first, count):
        """Undoes confirms of `count` appointments; returns how many rows of each table there were."""
        seq = f"seq_{first}_to_{first + count - 1} STRAIGHT_JOIN"
        key = f"CAST({ID} AS UUID)"
        # Keyed, row by row: a look at all the rows of a large table would throw its pages about.
        done = self.sql(f"""
            DELETE outbox FROM {seq} outbox ON outbox.appointment_id = {key} WHERE appointment_version = 2;
            SET @messages = ROW_COUNT();
            DELETE notifications FROM {seq} notifications
                ON recipient_id = CONCAT('client-', seq MOD {self.clients}) AND appointment_id = {key};
            SET @notifications = ROW_COUNT();
            DELETE appointment_events FROM {seq} appointment_events ON appointment_id = {key} WHERE version = 2;
            SET @events = ROW_COUNT();
            UPDATE {seq} appointments ON appointments.id = {key}
                SET status = 'pending_confirmation', payment_status = 'none', version = 1 WHERE version = 2;
            SELECT ROW_COUNT(), @events, @notifications, @messages;
            """)
        return [int(number) for number in done[-1]]

    def megabytes(self):
        return self.servers.number(
            "SELECT SUM(data_length + index_length) DIV 1048576 FROM information_schema.tables "
            f"WHERE table_schema = '{self.schema}'")

    def read_all(self):
        """Every index once, as a server has them in memory that was started long ago."""
        for table, index in self.sql("SELECT DISTINCT table_name, index_name FROM information_schema.statistics "
                                     "WHERE table_schema = DATABASE()"):
            self.sql(f"SELECT COUNT(*) FROM {table} FORCE INDEX (`{index}`)")

    def reset(self):
        """Every appointment as it was, and none of the rows that actions wrote; the server at rest."""
        self.sql("""
            UPDATE appointments SET status = 'pending_confirmation', payment_status = 'none', version = 1
                WHERE version > 1;
            SET foreign_key_checks = 0;
            """ + "".join(f"TRUNCATE TABLE {table};" for table in TABLES))
        self.settle()

    def settle(self, seconds=20):
        """Waits until the server has purged what the reset left behind, so that no run pays for the one before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            (_, length), = self.sql("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'")
            if int(length) < 200:
                return
            time.sleep(0.1)

    def written(self):
        """How many appointments have changed, and how many rows stand in the tables that actions write."""
        counts = ", ".join(f"(SELECT COUNT(*) FROM {table})" for table in TABLES[:4])
        (row,) = self.sql(f"SELECT COUNT(*), {counts} FROM appointments WHERE version > 1")
        return dict(zip(("appointments", *TABLES[:4]), map(int, row)))
