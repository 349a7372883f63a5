#!/usr/bin/python3
"""A stand-in mail server (aiosmtpd), with a small HTTP port to make it misbehave:

    POST /_control {"mode": M, "recipient": "ana@example.com", "times": 3, "delay_ms": 200}
    POST /_control {"reset": true}
    GET  /_ledger      accepted messages
    GET  /_requests    RCPT commands for each recipient, accepted or not

Without `recipient` the mode holds for everybody, without `times` until the next control message.

    ok                                      drop_after_accept    connection lost, message in the ledger
    greeting_4xx, greeting_5xx              drop_before_reply    connection lost, message not accepted
    reject_mail_4xx, reject_mail_5xx        hang_at_rcpt         no answer to RCPT
    reject_rcpt_4xx, reject_rcpt_5xx        hang_after_dot       no answer to the message, not accepted
    reject_data_4xx, reject_data_5xx        (the reply to the message itself)
    relay_denied, client_rejected           refusals at RCPT that may be about us; exim_relay has no enhanced code

As Postfix with reject_non_fqdn_helo_hostname it refuses every recipient from a client whose EHLO has a bare host name.

Greeting and MAIL come before any recipient is known: their modes hold for everybody only.
"""

import argparse
import asyncio
import ssl
import threading

import peer
from aiosmtpd.smtp import SMTP, AuthResult

GREETING = {"greeting_4xx": "421 4.3.2 Service not available", "greeting_5xx": "554 5.3.2 No service here"}
MAIL = {"reject_mail_4xx": "451 4.7.1 Try again later", "reject_mail_5xx": "550 5.7.1 Sender refused"}
RCPT = {"reject_rcpt_4xx": "450 4.2.1 Mailbox busy", "reject_rcpt_5xx": "550 5.1.1 No such user",
        "hang_at_rcpt": None, "relay_denied": "554 5.7.1 <{address}>: Relay access denied",
        "client_rejected": "550-5.7.1 <vm.example[192.0.2.1]>: Client host rejected\r\n550 5.7.1 for <{address}>",
        "exim_relay": "550 relay not permitted"}
DATA = {"reject_data_4xx": "451 4.3.0 Try again later", "reject_data_5xx": "554 5.6.0 Message refused",
        "hang_after_dot": None, "drop_before_reply": None, "drop_after_accept": None, "ok": None}

HANG_SECONDS = 600


class MailServer(SMTP):
    """Adds what the library does not offer: the exact commands, and a greeting that refuses."""

    def __init__(self, rules, *args, **options):
        super().__init__(*args, **options)
        self.rules = rules
        self.commands = []

    def _client_connected_cb(self, reader, writer):
        original = reader.readuntil

        async def recorded(*separator):
            line = await original(*separator)
            # The library asks for a command without naming a separator, and for message data with one.
            if not separator:
                self.commands.append(line.decode("utf-8", "surrogateescape").rstrip("\r\n"))
            return line

        reader.readuntil = recorded
        super()._client_connected_cb(reader, writer)

    async def _handle_client(self):
        rule = self.rules.take(only=GREETING)
        if rule["mode"] in GREETING:
            await self.push(GREETING[rule["mode"]])
            self.transport.close()
            return
        await super()._handle_client()


class Mailbox:
    """The answers to MAIL, RCPT and the message."""

    def __init__(self, rules, ledger, requests):
        self.rules, self.ledger, self.requests = rules, ledger, requests

    async def handle_MAIL(self, server, session, envelope, address, options):
        rule = self.rules.take(only=MAIL)
        if rule["mode"] in MAIL:
            return MAIL[rule["mode"]]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.requests.note(address)
        rule = self.rules.take(address.lower(), only=RCPT)
        if rule["mode"] == "hang_at_rcpt":
            await asyncio.sleep(HANG_SECONDS)
        if rule["mode"] in RCPT:
            return (RCPT[rule["mode"]] or "").format(address=address)
        if "." not in session.host_name:
            return f"504 5.5.2 <{session.host_name}>: Helo command rejected: need fully-qualified hostname"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        rule = self.rules.take(envelope.rcpt_tos[0].lower(), only=DATA)
        mode = rule["mode"]
        await asyncio.sleep(rule.get("delay_ms", 0) / 1000)
        if mode == "hang_after_dot":
            await asyncio.sleep(HANG_SECONDS)
        if mode in ("ok", "drop_after_accept"):
            self.ledger.append({
                "at": peer.now(), "mail_from": envelope.mail_from, "rcpt_to": envelope.rcpt_tos,
                "data": envelope.content.decode("utf-8", "surrogateescape"),
                "commands": list(server.commands)})
        if mode in ("drop_before_reply", "drop_after_accept"):
            server.transport.abort()
        # The reply to a dropped connection goes nowhere.
        return DATA[mode] or "250 2.0.0 Accepted"


class Control(peer.Handler):
    def control(self, message):
        recipient = message.get("recipient") if isinstance(message, dict) else None
        self.rules.control(message, recipient.lower() if recipient else None)

    def do_GET(self):
        if not self.serve_control():
            self.answer(404, {"error": "not found"})

    do_POST = do_GET


def session_options(options):
    result = {"hostname": "peer.example", "enable_SMTPUTF8": True}
    if options.starttls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.starttls)
        result.update(tls_context=context, require_starttls=True)
    if options.require_auth:
        expected = tuple(text.encode() for text in options.require_auth)

        def authenticate(server, session, envelope, mechanism, data):
            return AuthResult(success=(data.login, data.password) == expected, handled=False)

        result.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(options.starttls))
    return result


async def serve(options, mailbox, rules):
    settings = session_options(options)
    server = await asyncio.get_running_loop().create_server(
        lambda: MailServer(rules, mailbox, **settings), "127.0.0.1", options.port, backlog=1024)
    peer.write_port(options.port_file, server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description="Stand-in mail server.")
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--control-port-file", required=True)
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--require-auth", nargs=2, metavar=("USER", "PASS"))
    options = parser.parse_args()

    rules = peer.Rules(tuple(GREETING) + tuple(MAIL) + tuple(RCPT) + tuple(DATA))
    Control.rules = rules
    Control.ledger = peer.Ledger(options.ledger)
    Control.requests = peer.Requests()
    control = peer.Server(("127.0.0.1", 0), Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    peer.write_port(options.control_port_file, control.server_port)
    asyncio.run(serve(options, Mailbox(rules, Control.ledger, Control.requests), rules))


if __name__ == "__main__":
    main()
