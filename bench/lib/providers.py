"""The stand-in WhatsApp and mail servers of scripts/peers: how long they take, and what they accepted."""

import datetime
import json
import re
import urllib.request

from .servers import CHECKOUT, StackError, wait_until

PEERS = CHECKOUT / "scripts" / "peers"
CHANNELS = ("whatsapp", "email")
MESSAGE_ID = re.compile(r"^Message-ID: <([^@]+)@", re.MULTILINE)


class Providers:
    """Both, running. `settings` are those of a responder that delivers to them."""

    def __init__(self, servers):
        self.ledgers = {"whatsapp": servers.dir / "whatsapp.jsonl", "email": servers.dir / "smtp.jsonl"}
        ports = {name: servers.dir / f"{name}.port" for name in ("whatsapp", "smtp", "smtp-control")}
        self.processes = {}
        for title, name, options in (
                ("WhatsApp peer", "whatsapp", ["--api-key", "key", "--instance", "odys"]),
                ("mail peer", "smtp", ["--control-port-file", ports["smtp-control"]])):
            process = servers.run(name, ["/usr/bin/python3", PEERS / f"{name}.py", "--port-file", ports[name],
                                         "--ledger", servers.dir / f"{name}.jsonl", *options])
            self.processes[title] = process.pid
        if not wait_until(lambda: all(path.exists() for path in ports.values()), 20):
            raise StackError(f"the peers did not start\n{servers.log('whatsapp')}{servers.log('smtp')}")
        port = {name: path.read_text(encoding="ascii").strip() for name, path in ports.items()}
        self.controls = [f"http://127.0.0.1:{port[name]}/_control" for name in ("whatsapp", "smtp-control")]
        self.settings = {
            "ODYS_DELIVERY": "on", "EVOLUTION_API_URL": f"http://127.0.0.1:{port['whatsapp']}",
            "EVOLUTION_API_KEY": "key", "EVOLUTION_INSTANCE": "odys",
            "ODYS_SMTP_URL": f"smtp://127.0.0.1:{port['smtp']}", "ODYS_MAIL_FROM": "Odys <no-reply@odys.example>"}
        self.forget()

    def answer_after(self, milliseconds):
        for control in self.controls:
            body = json.dumps({"mode": "ok", "delay_ms": milliseconds}).encode()
            with urllib.request.urlopen(control, body, timeout=10):
                pass

    def forget(self):
        """What was accepted so far is not counted any more."""
        self.begun = {channel: path.stat().st_size for channel, path in self.ledgers.items()}

    def accepted(self, channel):
        """When, in seconds of the wall clock, and the id by which the outbox knows it."""
        with open(self.ledgers[channel], "rb") as file:
            file.seek(self.begun[channel])
            entries = [json.loads(line) for line in file if line.endswith(b"\n")]
        return [(datetime.datetime.fromisoformat(entry["at"]).timestamp(),
                 entry["id"] if channel == "whatsapp" else MESSAGE_ID.findall(entry["data"])[0]) for entry in entries]
