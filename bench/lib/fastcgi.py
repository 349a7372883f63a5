"""One request to a responder without a web server between."""

import socket
import struct

BEGIN, PARAMS, STDIN, STDOUT, END = 1, 4, 5, 6, 3
RESPONDER = struct.pack("!HB5x", 1, 0)


def record(kind, content=b""):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def get(path, token):
    """The bytes of a GET."""
    values = {"REQUEST_METHOD": "GET", "REQUEST_URI": path, "SERVER_PROTOCOL": "HTTP/1.1",
              "HTTP_AUTHORIZATION": f"Bearer {token}"}
    # A length below 128 is one byte, any other is four with the highest bit set.
    pairs = b"".join(struct.pack("!BI", len(name), len(value) | 1 << 31) + name.encode() + value.encode()
                     for name, value in values.items())
    return record(BEGIN, RESPONDER) + record(PARAMS, pairs) + record(PARAMS) + record(STDIN)


def answer(connection):
    """What the responder writes until the end of the request."""
    output = b""
    with connection.makefile("rb") as stream:
        while head := stream.read(8):
            _, kind, _, size, padding = struct.unpack("!BBHHBx", head)
            content = stream.read(size + padding)[:size]
            if kind == END:
                return output
            if kind == STDOUT:
                output += content
    raise ConnectionError("the responder closed the connection")


def connect(path, seconds=20):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    connection.connect(str(path))
    return connection
