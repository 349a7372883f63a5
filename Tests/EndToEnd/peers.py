"""The stand-in WhatsApp and mail servers: what arrived there, and their misbehaviour."""

import email
import email.policy
import json
import pathlib
import urllib.request


class Peer:
    def __init__(self, ledger, control):
        self._ledger = pathlib.Path(ledger)
        self._control = control

    def ledger(self):
        """Every accepted message."""
        return [json.loads(line) for line in self._ledger.read_text(encoding="utf-8").splitlines()]

    def control(self, **message):
        request = urllib.request.Request(self._control, json.dumps(message).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            response.read()

    def reset(self):
        self.control(reset=True)

    def requests(self, recipient):
        """The number of requests for a recipient, accepted or not."""
        url = self._control.replace("/_control", "/_requests")
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["recipients"].get(recipient, {"count": 0})["count"]


class WhatsApp(Peer):
    def to(self, number):
        return [entry for entry in self.ledger() if entry["number"] == number]

    def ids(self):
        return [entry["id"] for entry in self.ledger()]


class Mail(Peer):
    def to(self, address):
        return [email.message_from_string(entry["data"], policy=email.policy.default)
                for entry in self.ledger() if entry["rcpt_to"] == [address]]

    def entries(self, address):
        return [entry for entry in self.ledger() if entry["rcpt_to"] == [address]]

    def ids(self):
        """The local parts of the Message-IDs."""
        return [email.message_from_string(entry["data"])["Message-ID"].strip().lstrip("<").partition("@")[0]
                for entry in self.ledger()]
