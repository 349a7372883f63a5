"""Faults of processes: killed at a fail point, stopped, or deadlocked by another session."""

import collections
import contextlib
import random
import threading
import time

import pymysql

from fleet import RESPONDERS

PATCH_POINTS = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10")
DELIVERY_POINTS = ("W1", "W2", "W3", "W4", "W5")


def kill_at(fleet, points, each, every, seconds, seed, after, until=lambda: False, **settings):
    """Lets responders die at the points until each point has had `each` kills, or `until`. Returns {point: kills}.

    Each responder has one point at a time, and gets the next one after its death. In the end all of them are started
    anew with the settings `after`."""
    chance = random.Random(f"{seed} points")
    killed = collections.Counter(dict.fromkeys(points, 0))

    def assign(instance):
        open_points = [point for point in points if killed[point] < each] or points
        fleet.write_settings({**settings, "ODYS_FAIL_POINT": chance.choice(open_points), "ODYS_FAIL_EVERY": every},
                             instance)

    def count(ends):
        starts = fleet.starts()
        for pid, instance, code in ends:
            if code == -9 and starts.get(pid) in killed:
                killed[starts[pid]] += 1
                assign(instance)

    for instance in range(1, RESPONDERS + 1):
        assign(instance)
        fleet.kill(instance)
    deadline = time.monotonic() + seconds
    while min(killed.values()) < each and time.monotonic() < deadline and not until():
        time.sleep(0.02)
        count(fleet.new_ends())
    # Some still die at their point while they are told to stop.
    count(fleet.configure(**after))
    for instance in range(1, RESPONDERS + 1):
        fleet.forget_settings(instance)
    return dict(killed)


def too_few(killed, each):
    return [f"only {count} of {each} kills at {point}" for point, count in killed.items() if count < each]


class Disturber(threading.Thread):
    """Locks rows in the opposite order to the service, so that the two deadlock.

    `first` and `second` are locking reads with the appointment's id as parameter; `target()` names the appointment.
    Before, it changes rows of a table of its own: MariaDB aborts the transaction that has changed less, which is
    then the service's."""

    WEIGHT = 60

    def __init__(self, fleet, first, second, target, seed, pause):
        super().__init__(daemon=True)
        self.fleet, self.first, self.second, self.target, self.pause = fleet, first, second, target, pause
        self.chance = random.Random(f"{seed} disturber")
        self.stopping = threading.Event()
        self.aborted = 0

    @classmethod
    def prepare(cls, fleet):
        fleet.sql("CREATE TABLE IF NOT EXISTS soak_weight (id INT PRIMARY KEY, turns INT NOT NULL)")
        with fleet.connect() as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT IGNORE INTO soak_weight VALUES (%s, 0)",
                               [(number,) for number in range(cls.WEIGHT * 64)])

    def run(self):
        slot = self.chance.randrange(64) * self.WEIGHT
        with self.fleet.connect() as connection, connection.cursor() as cursor:
            while not self.stopping.is_set():
                identifier = self.target()
                if identifier is None:
                    time.sleep(0.005)
                    continue
                try:
                    connection.begin()
                    cursor.execute("UPDATE soak_weight SET turns = turns + 1 WHERE id BETWEEN %s AND %s",
                                   (slot, slot + self.WEIGHT - 1))
                    cursor.execute(self.first, (identifier,))
                    time.sleep(self.chance.uniform(0.002, 0.01))
                    cursor.execute(self.second, (identifier,))
                    connection.commit()
                except pymysql.err.OperationalError:
                    self.aborted += 1
                    connection.rollback()
                time.sleep(self.chance.uniform(0, 2 * self.pause))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(20)


def deadlocks(fleet):
    """How many deadlocks the server has resolved since it started, by aborting a transaction with error 1213."""
    return int(fleet.one("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")["Value"])


@contextlib.contextmanager
def peers_fail(fleet, whatsapp=None, mail=None):
    """Both peers in these modes inside the block, and normal afterwards."""
    try:
        if whatsapp:
            fleet.whatsapp.control(**whatsapp)
        if mail:
            fleet.mail.control(**mail)
        yield
    finally:
        fleet.whatsapp.reset()
        fleet.mail.reset()
