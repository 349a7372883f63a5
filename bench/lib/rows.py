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

    def __init__(self, servers, appointments, professionals, schema="odys"):
        self.servers, self.schema = servers, schema
        self.appointments, self.professionals = appointments, professionals
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
            INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at)
                SELECT {ID},
                    CONCAT('0d5a1c00-0000-4000-8000-1000', LOWER(LPAD(HEX(seq MOD {self.professionals}), 8, '0'))),
                    CONCAT('0d5a1c00-0000-4000-8000-2000', LOWER(LPAD(HEX(seq MOD {self.clients}), 8, '0'))),
                    '2031-03-05 11:00' + INTERVAL seq DIV {self.professionals} HOUR,
                    '2031-03-05 11:50' + INTERVAL seq DIV {self.professionals} HOUR
                FROM seq_0_to_{self.appointments - 1};
            ANALYZE TABLE appointments, professionals, clients;
            """)

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
