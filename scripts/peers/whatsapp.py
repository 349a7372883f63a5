#!/usr/bin/python3
"""A stand-in for the Evolution API (WhatsApp), version 1.8 or 2.

It accepts messages as the real server does, writes each accepted one to a ledger, and misbehaves on demand:

    POST /_control {"mode": M, "number": "5511900000001", "times": 3, "delay_ms": 200}
    POST /_control {"reset": true}
    GET  /_ledger      accepted messages
    GET  /_requests    requests for each number, accepted or not

Without `number` the mode holds for everybody, without `times` until the next control message.

    accepted, then     ok 201 · ok_200 · accepted_then_400 · reset_after_accept · slow 201, a byte a second
                       · huge 201 of `bytes` (32 MiB)
    not accepted       exists_false · connection_closed · bad_request 400 · unauthorized 401
                       · forbidden 403 · instance_missing 404 · rate_limited 429 with `retry_after` (1)
                       · error_500 · bad_gateway 502 · unavailable 503 · gateway_timeout_504
                       · no_key 201 without key · no_key_200 · redirect 302 · hang
                       · proxy_error with `status`, as a proxy's page in HTML · unlicensed 503, as version 2.4
                       · reset_before_read (before the body, when for everybody)
"""

import argparse
import json
import re
import time
import uuid
from typing import Any
from urllib.parse import unquote

import peer

ACCEPTING = ("ok", "ok_200", "accepted_then_400", "reset_after_accept", "slow", "huge")
REFUSING = ("exists_false", "connection_closed", "bad_request", "unauthorized", "forbidden",
            "instance_missing", "rate_limited", "error_500", "bad_gateway", "unavailable",
            "gateway_timeout_504", "no_key", "no_key_200", "redirect", "hang", "reset_before_read", "proxy_error",
            "unlicensed")

REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           429: "Too Many Requests", 500: "Internal Server Error"}
PROXY_ERRORS = {"bad_gateway": (502, "Bad Gateway"), "unavailable": (503, "Service Temporarily Unavailable"),
                "gateway_timeout_504": (504, "Gateway Time-out")}


def digits(text):
    return re.sub(r"\D", "", str(text))


class Evolution(peer.Handler):
    options: Any = None

    def control(self, message):
        number = message.get("number") if isinstance(message, dict) else None
        self.rules.control(message, digits(number) if number else None)

    def do_GET(self):
        if self.serve_control():
            return
        if self.path == "/" and not self.options.silent:
            self.answer(200, {"status": 200, "message": "Welcome to the Evolution API, it is working!",
                              "version": "1.8.6" if self.options.version == 1 else "2.3.6"})
        elif self.path.startswith("/instance/connectionState/"):
            if self.admitted():
                # The link to WhatsApp is what a closed connection is about.
                state = "close" if self.rules.peek()["mode"] == "connection_closed" else "open"
                self.answer(200, {"instance": {"instanceName": self.instance(), "state": state}})
        else:
            self.no_route()

    def do_POST(self):
        if self.serve_control():
            return
        if not self.path.startswith("/message/sendText/"):
            self.body()
            self.no_route()
            return
        if self.rules.peek()["mode"] == "reset_before_read":
            self.rules.take()
            self.requests.note("")
            self.hang_up(peer.reset)
            return
        self.send_text(self.body())

    def send_text(self, raw):
        message = parse(raw, self.options.version)
        number = message[0] if isinstance(message, tuple) else ""
        self.requests.note(number)
        if not self.admitted():
            return
        if not isinstance(message, tuple):
            self.error(400, message)
            return

        rule = self.rules.take(number)
        self.delay(rule)
        if rule["mode"] in ACCEPTING:
            self.accept(rule, *message)
        else:
            self.refuse(rule, number)

    def instance(self):
        return unquote(self.path.rsplit("/", 1)[-1])

    def admitted(self):
        """The instance is checked before the key, as the real server does."""
        if self.options.instance not in (None, self.instance()):
            self.error(404, [f'The "{self.instance()}" instance does not exist'])
        elif self.options.api_key not in (None, self.headers.get("apikey")):
            self.error(401, "Unauthorized")
        else:
            return True
        return False

    def accept(self, rule, number, text, link_preview):
        mode = rule["mode"]
        identifier = "3EB0" + uuid.uuid4().hex[:18].upper()
        self.ledger.append({"at": peer.now(), "id": identifier, "number": number, "text": text,
                            "link_preview": link_preview, "version": self.options.version, "mode": mode})
        if mode == "accepted_then_400":
            self.error(400, ["Error: Cannot read properties of undefined (reading 'id')"])
            return
        if mode == "reset_after_accept":
            self.hang_up(peer.reset)
            return

        answer = {"key": {"remoteJid": f"{number}@s.whatsapp.net", "fromMe": True, "id": identifier},
                  "message": {"conversation": text}, "messageTimestamp": int(time.time()),
                  "status": "PENDING"}
        if self.options.version == 2:
            answer.update({"messageType": "conversation", "source": "web", "pushName": "",
                           "instanceId": "5f2c0a0e-0000-4000-8000-000000000001"})
        if mode == "huge":
            answer["padding"] = "x" * rule.get("bytes", 32 << 20)
        if mode == "slow":
            self.trickle(json.dumps(answer).encode())
        else:
            self.answer(200 if mode == "ok_200" else 201, answer)

    def refuse(self, rule, number):
        mode = rule["mode"]
        if mode == "exists_false":
            self.error(400, [{"jid": f"{number}@s.whatsapp.net", "exists": False, "number": number}])
        elif mode == "connection_closed":
            self.error(400, ["Error: Connection Closed"])
        elif mode == "bad_request":
            self.error(400, [['instance requires property "text"']])
        elif mode == "unauthorized":
            self.error(401, "Unauthorized")
        elif mode == "forbidden":
            self.error(403, ["Missing global api key", "The global api key must be set"])
        elif mode == "instance_missing":
            self.error(404, [f'The "{self.instance()}" instance does not exist'])
        elif mode == "rate_limited":
            self.error(429, ["Too many requests"], [("Retry-After", rule.get("retry_after", 1))])
        elif mode == "error_500":
            self.error(500, "Internal server error")
        elif mode in PROXY_ERRORS:
            status, title = PROXY_ERRORS[mode]
            page = f"<html><head><title>{status} {title}</title></head></html>\r\n"
            self.answer(status, page.encode(), media_type="text/html")
        elif mode == "proxy_error":
            self.answer(rule["status"], b"<html><h1>Error</h1></html>\r\n", media_type="text/html")
        elif mode == "unlicensed":
            self.answer(503, {"error": "service not activated", "code": "LICENSE_REQUIRED",
                              "register_url": "https://licence.example"})
        elif mode in ("no_key", "no_key_200"):
            self.answer(200 if mode == "no_key_200" else 201,
                        {"error": {"message": "(#131000) Something went wrong", "code": 131000}})
        elif mode == "redirect":
            self.answer(302, b"", [("Location", f"http://{self.headers['Host']}/_redirected")])
        elif mode == "hang":
            self.hang_up(peer.wait_for_close)
        else:
            self.hang_up(peer.reset)

    def error(self, status, message, headers=()):
        self.answer(status, {"status": status, "error": REASONS[status], "response": {"message": message}},
                    headers)

    def no_route(self):
        self.error(404, [f"Cannot {self.command} {self.path}"])

    def hang_up(self, how):
        self.close_connection = True
        how(self.connection)

    def trickle(self, payload):
        self.close_connection = True
        for byte in self.head(201, len(payload)) + payload:
            self.wfile.write(bytes([byte]))
            time.sleep(1)


def parse(raw, version):
    """(number, text, link preview), or what the real server says about a body that is wrong."""
    try:
        body = json.loads(raw)
    except ValueError as problem:
        return [str(problem)]
    if not isinstance(body, dict):
        return [["instance is not of a type(s) object"]]
    if not isinstance(body.get("number"), str):
        return [['instance requires property "number"']]
    if version == 1:
        content, options = body.get("textMessage"), body.get("options", {})
        if not isinstance(content, dict):
            return [['instance requires property "textMessage"']]
    else:
        content, options = body, body
    if not isinstance(content.get("text"), str) or not content["text"]:
        return [['instance requires property "text"']]
    return digits(body["number"]), content["text"], options.get("linkPreview")


def main():
    parser = argparse.ArgumentParser(description="Stand-in for the Evolution API.")
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", type=int, choices=(1, 2), default=2)
    parser.add_argument("--silent", action="store_true", help="does not tell its version, as behind some proxies")
    parser.add_argument("--api-key")
    parser.add_argument("--instance")

    Evolution.options = parser.parse_args()
    Evolution.rules = peer.Rules(ACCEPTING + REFUSING)
    Evolution.ledger = peer.Ledger(Evolution.options.ledger)
    Evolution.requests = peer.Requests()
    server = peer.Server(("127.0.0.1", Evolution.options.port), Evolution)
    peer.write_port(Evolution.options.port_file, server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
