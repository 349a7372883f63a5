"""Mutated FastCGI records: almost valid requests that a responder must survive.

Random, from a seed; no particular record is kept here."""

import struct

KINDS = (*range(13), 255)
LENGTHS = (0, 1, 7, 8, 9, 127, 128, 255, 256, 4095, 8191, 8192, 16_384, 32_767, 32_768, 65_535)
LONG_LENGTHS = (0, 1, 127, 128, 255, 65_535, 65_536, 0x7FFF_FFF0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF)


class Mutator:
    """`records(good)` makes a list of records from those of a valid request; joined, they are what a peer sends."""

    def __init__(self, random):
        self.random = random

    def pick(self, *values):
        return self.random.choice(values)

    def records(self, parameters, body):
        """`parameters` are pairs of bytes."""
        content = self.parameters(parameters)
        records = [[1, 1, 1, struct.pack("!HB5x", 1, 0), None, 0]]
        size = self.pick(65_535, 8_192, 100, max(1, len(content) // 3))
        records += [[1, 4, 1, content[at:at + size], None, 0] for at in range(0, len(content), size)]
        records += [[1, 4, 1, b"", None, 0], [1, 5, 1, body, None, 0], [1, 5, 1, b"", None, 0]]
        for _ in range(self.pick(0, 1, 1, 1, 2, 3, 8)):
            self.mutate(records)
        return [self.encoded(record) for record in records]

    def mutate(self, records):
        place = self.random.randrange(len(records))
        record = records[place]
        self.pick(self.version, self.kind, self.identifier, self.content, self.length, self.padding,
                  lambda _: records.insert(place, self.any_record()),
                  lambda _: records.insert(place, list(record)),
                  lambda _: len(records) > 1 and records.pop(place),
                  lambda _: self.random.shuffle(records),
                  lambda _: records.extend([list(each) for each in records[:40]]))(record)

    def version(self, record):
        record[0] = self.random.randrange(256)

    def kind(self, record):
        record[1] = self.random.choice(KINDS)

    def identifier(self, record):
        record[2] = self.pick(0, 2, 65_535, self.random.randrange(65_536))

    def content(self, record):
        content = bytearray(record[3])
        for _ in range(self.pick(1, 1, 4, 16)):
            way = self.random.randrange(5)
            if way == 0 and content:
                content[self.random.randrange(len(content))] = self.random.randrange(256)
            elif way == 1 and content:
                del content[self.random.randrange(len(content)):]
            elif way == 2:
                place = self.random.randint(0, len(content))
                content[place:place] = self.random.randbytes(self.pick(1, 4, 64))
            elif way == 3:
                place = self.random.randint(0, len(content))
                content[place:place + 8] = struct.pack(
                    "!II", self.random.choice(LONG_LENGTHS), self.random.choice(LONG_LENGTHS))
            else:
                content += self.random.randbytes(self.random.choice(LENGTHS) % 20_000)
        record[3] = bytes(content[:65_535])

    def length(self, record):
        """A header whose length differs from that of its content."""
        record[4] = self.random.choice(LENGTHS)

    def padding(self, record):
        record[5] = self.random.randrange(256)

    def any_record(self):
        return [1, self.random.choice(KINDS), self.pick(0, 1, 1, 2),
                self.random.randbytes(self.random.choice(LENGTHS) % 5_000), None, self.pick(0, 0, 5)]

    def parameters(self, parameters):
        """Names and values, some with wrong lengths."""
        wrong = self.random.randrange(len(parameters)) if self.random.random() < 0.4 else -1
        content = b""
        for place, (name, value) in enumerate(parameters):
            lengths = [len(name), len(value)]
            if place == wrong:
                lengths[self.random.randrange(2)] = self.random.choice(LONG_LENGTHS)
            content += b"".join(
                bytes([size]) if size < 128 else struct.pack("!I", (size | 1 << 31) & 0xFFFF_FFFF) for size in lengths)
            content += name + value
        return content

    def encoded(self, record):
        version, kind, identifier, content, announced, padding = record
        size = len(content) if announced is None else announced
        return struct.pack("!BBHHBx", version, kind, identifier, size, padding) + content + bytes(padding)
