#!/usr/bin/python3
"""A proxy in front of MariaDB that breaks chosen statements: dbproxy.py LISTEN UPSTREAM (two Unix sockets).

It reads commands from its standard input, one JSON object a line, and answers each with one on its standard output.
It ends when its standard input does, so it cannot outlive whoever started it.

    {"rules": [{"match": TEXT, "mode": M, "times": N, "every": K, "code": E}, …]}   replaces all rules
    {"stats": true}

A rule meets every K-th statement, on average, whose SQL contains its text, N times at most:

    cut_before      the connection is cut; the server never gets the statement
    cut_after       the server has executed it and answered; the connection is cut, the answer lost
    freeze_before   the server never gets it, and nothing comes back until the client hangs up
    freeze_after    the server gets it, and nothing comes back until the client hangs up
    replace         the server never gets it; the client gets error E

After an error of ours the transaction on the server is still open. What a client sends next must therefore be a
ROLLBACK: anything else is counted as `careless`."""

import asyncio
import json
import random
import sys

QUERY, PREPARE, EXECUTE, CLOSE, RESET, QUIT = 0x03, 0x16, 0x17, 0x19, 0x1A, 0x01
STATES = {1213: "40001", 1062: "23000", 2013: "HY000"}
READY = {"ok": True}


class Rules:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.rules = []
        self.hits = {}
        self.careless = []

    def replace(self, rules):
        self.rules = [dict(rule) for rule in rules]

    def meeting(self, sql):
        """The rule that applies to this statement; its count is reduced by one."""
        for rule in self.rules:
            if rule["match"] in sql and rule["times"] > 0 and self.random.random() < 1 / rule.get("every", 1):
                rule["times"] -= 1
                name = rule["mode"] + (f" {rule['code']}" if "code" in rule else "")
                self.hits[name] = self.hits.get(name, 0) + 1
                return rule
        return None

    def stats(self):
        return {"hits": self.hits, "left": sum(rule["times"] for rule in self.rules), "careless": self.careless}


async def read_packet(reader):
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head[:3], "little"))


def error_packet(code):
    body = b"\xff" + code.to_bytes(2, "little") + b"#" + STATES.get(code, "HY000").encode() + b"broken by dbproxy"
    return len(body).to_bytes(3, "little") + b"\x01" + body


class Session:
    """One client's connection."""

    def __init__(self, rules, client, server):
        self.rules = rules
        self.client_reader, self.client_writer = client
        self.server_reader, self.server_writer = server
        self.statements = {}
        self.preparing = None  # the SQL whose statement id the server's next packet carries
        self.answers = "pass"
        self.must_roll_back = False

    async def run(self):
        tasks = [asyncio.create_task(self.from_client()), asyncio.create_task(self.from_server())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in (self.client_writer, self.server_writer):
                writer.transport.abort()

    async def from_client(self):
        while True:
            packet = await read_packet(self.client_reader)
            # Packets of the handshake have higher sequence numbers.
            is_command = packet[3] == 0
            sql = self.sql(packet) if is_command else None
            if is_command:
                self.check(packet[4], sql)
            rule = self.rules.meeting(sql) if sql else None
            if self.server_writer.transport.is_closing():
                return
            if rule is None:
                self.server_writer.write(packet)
            elif rule["mode"] == "cut_before":
                return
            elif rule["mode"] == "replace":
                self.must_roll_back = True
                self.client_writer.write(error_packet(rule["code"]))
            elif rule["mode"] == "freeze_before":
                await self.client_reader.read()
                return
            else:
                self.answers = "cut" if rule["mode"] == "cut_after" else "swallow"
                self.server_writer.write(packet)

    def sql(self, packet):
        """The SQL that the packet executes."""
        command = packet[4]
        if command == PREPARE:
            self.preparing = packet[5:].decode("utf-8", "replace")
        elif command == EXECUTE:
            return self.statements.get(packet[5:9])
        elif command == QUERY:
            return packet[5:].decode("utf-8", "replace")
        return None

    def check(self, command, sql):
        if not self.must_roll_back or command in (CLOSE, RESET):
            return
        self.must_roll_back = False
        if command != QUIT and (sql or "").upper() != "ROLLBACK":
            self.rules.careless.append((sql or f"command {command}")[:120])

    async def from_server(self):
        while True:
            packet = await read_packet(self.server_reader)
            if self.answers == "cut" or self.client_writer.transport.is_closing():
                return
            if self.answers == "swallow":
                continue
            if self.preparing is not None:
                if packet[4] == 0:
                    self.statements[packet[5:9]] = self.preparing
                self.preparing = None
            self.client_writer.write(packet)


async def serve(rules, upstream, reader, writer):
    try:
        server = await asyncio.open_unix_connection(upstream)
    except OSError:
        writer.transport.abort()
        return
    await Session(rules, (reader, writer), server).run()


async def obey(rules):
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print(json.dumps(READY), flush=True)
    while line := await commands.readline():
        command = json.loads(line)
        if "rules" in command:
            rules.replace(command["rules"])
        print(json.dumps(rules.stats()), flush=True)


async def main():
    listen, upstream, seed = sys.argv[1:4]
    rules = Rules(int(seed))
    server = await asyncio.start_unix_server(lambda *streams: serve(rules, upstream, *streams), listen, backlog=1024)
    async with server:
        await obey(rules)


if __name__ == "__main__":
    asyncio.run(main())
