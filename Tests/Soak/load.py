"""Clients that act on appointments through nginx and retry a request, with its key, until they get a definite answer.

The journal records what each client was told. `verdict.py` compares it with the database."""

import contextlib
import dataclasses
import http.client
import json
import queue
import random
import threading
import time
import uuid

import pymysql

from odys import Answer

# What one client does with one appointment, each step allowed after the one before.
PLANS = (
    ("confirm", "paid", "complete"), ("reject",), ("cancel",), ("cancel by client",), ("paid", "confirm", "no_show"),
    ("confirm", "cancel by client"), ("confirm", "cancel"), ("complete", "paid"), ("no_show",),
)
CONFIRM = (("confirm",),)
# Answers after which a client may send the same request again.
UNCLEAR = (500, 502, 503, 504)
GIVES_UP_SECONDS = 60
ANSWER_SECONDS = 15


@dataclasses.dataclass
class Request:
    """One request of a client, over all its retries."""
    booking: object
    action: str
    role: str
    expected: int = 200
    key: str | None = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    statuses: list = dataclasses.field(default_factory=list)  # 0: the connection broke
    answer: Answer | None = None  # the last one; None when none is definite
    seconds: list = dataclasses.field(default_factory=list)

    @property
    def final(self):
        return self.answer.status if self.answer else None


class Caller:
    """One connection, kept alive as a browser would."""

    def __init__(self, odys):
        self.odys = odys
        self.connection = None
        self.tokens = {}

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def patch(self, request):
        """One attempt; None if the connection broke before the answer."""
        person = getattr(request.booking, request.role)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.odys.token(person.user_id)}",
                   "X-Request-Id": request.id}
        if request.key:
            headers["Idempotency-Key"] = request.key
        body = json.dumps({"action": request.action})
        begun = time.monotonic()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.odys.host, self.odys.port, context=self.odys.tls,
                                                              timeout=ANSWER_SECONDS)
            self.connection.request("PATCH", request.booking.path, body, headers)
            answer = Answer.of(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.close()
            answer = None
        request.seconds.append(time.monotonic() - begun)
        request.statuses.append(answer.status if answer else 0)
        return answer

    def insist(self, request, chance, seconds=GIVES_UP_SECONDS):
        """Retries the request until the answer is definite."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.patch(request)
            if answer and answer.status not in UNCLEAR and not is_in_progress(answer):
                request.answer = answer
                return request
            time.sleep(chance.uniform(0.03, 0.2))
        return request


def is_in_progress(answer):
    return answer.status == 409 and answer.json()["code"] == "idempotency_in_progress"


class Load:
    """Clients at work in the background: `with Load(fleet, …) as load: …`. Leaving lets each finish its request.

    Without `insists`, a client asks once and the answer stands. `pause` is the mean time between two requests of a
    client. `repeats` is the share of requests that are sent again afterwards, with the same key."""

    def __init__(self, fleet, seed, clients=8, plans=PLANS, insists=True, pause=0.0, repeats=0.1, bookings=None,
                 people=None):
        self.fleet, self.plans, self.insists, self.pause, self.repeats = fleet, plans, insists, pause, repeats
        self.endless = bookings is None
        self.people = people or {}
        self.supply: queue.SimpleQueue = queue.SimpleQueue()
        self.supplying = threading.Lock()
        for booking in bookings or ():
            self.supply.put(booking)
        self.journal = []
        self.oddities = []
        self.current = {}  # the appointment that each client acts on
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(random.Random(f"{seed} {number}"),), daemon=True)
                        for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()

    def join(self, seconds=2 * GIVES_UP_SECONDS):
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        if not self.is_over:
            self.oddities.append("a client did not come to an end")

    @property
    def is_over(self):
        return not any(thread.is_alive() for thread in self.threads)

    @property
    def answered(self):
        """Changes acknowledged so far."""
        return sum(request.final == 200 for request in list(self.journal))

    def next_booking(self):
        while not self.stopping.is_set():
            with contextlib.suppress(queue.Empty):
                return self.supply.get_nowait()
            if not self.endless:
                break
            with self.supplying:
                if self.supply.empty():
                    self.find_people()
        return None

    def find_people(self):
        try:
            for booking in self.fleet.crowd(100, **self.people):
                self.supply.put(booking)
        except pymysql.err.OperationalError:
            # No requests while the database is down.
            time.sleep(0.1)

    def work(self, chance):
        caller = Caller(self.fleet)
        try:
            while not self.stopping.is_set() and (booking := self.next_booking()):
                self.current[threading.get_ident()] = booking
                for step in chance.choice(self.plans):
                    if self.stopping.is_set():
                        break
                    if not self.act(caller, chance, booking, step):
                        break
        except Exception as problem:  # a client thread that dies must not look like success
            self.oddities.append(f"a client failed: {problem!r}")
        finally:
            caller.close()

    def act(self, caller, chance, booking, step):
        """One request until its end; false if it did not succeed."""
        action, _, role = step.partition(" by ")
        request = Request(booking, action, role or "professional")
        if self.insists:
            caller.insist(request, chance)
        else:
            request.answer = caller.patch(request)
        self.journal.append(request)
        if request.final == 200 and chance.random() < self.repeats:
            self.repeat(caller, chance, request)
        if self.pause:
            time.sleep(chance.uniform(0, 2 * self.pause))
        return request.final == 200

    def repeat(self, caller, chance, first):
        """The same request again must get the same answer; another one under its key is refused."""
        again = dataclasses.replace(first, statuses=[], seconds=[], answer=None)
        wrong = chance.random() < 0.2
        if wrong:
            again.action = "reject" if first.action != "reject" else "confirm"
        caller.insist(again, chance)
        if again.answer is None:
            self.oddities.append("a repeated request got no answer")
        elif wrong and again.final != 422:
            self.oddities.append(f"another request under a used key: {again.answer}")
        elif not wrong and (again.final, again.answer.body) != (200, first.answer.body):
            self.oddities.append(f"a repeated request: {again.answer}, at first {first.answer}")


def wait_for_changes(load, number, seconds=30):
    """Waits until this many more changes were acknowledged."""
    wanted, deadline = load.answered + number, time.monotonic() + seconds
    while load.answered < wanted:
        if time.monotonic() > deadline:
            raise AssertionError(f"no {number} changes within {seconds} s; last answers: "
                                 f"{[request.statuses for request in load.journal[-5:]]}")
        time.sleep(0.02)
