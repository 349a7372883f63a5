"""A small FastCGI client: what a web server sends to a responder, and what a broken one might send."""

import contextlib
import socket
import struct

BEGIN, PARAMS, STDIN, STDOUT, END = 1, 4, 5, 6, 3


def record(kind, content=b""):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def begin():
    return record(BEGIN, struct.pack("!HB5x", 1, 0))


def params(values):
    def length(size):
        return bytes([size]) if size < 128 else struct.pack("!I", size | 1 << 31)

    content = b"".join(length(len(name)) + length(len(value)) + name + value for name, value in values)
    return b"".join(record(PARAMS, content[at:at + 65000]) for at in range(0, len(content), 65000)) + record(PARAMS)


def stdin(body):
    return (record(STDIN, body) if body else b"") + record(STDIN)


def parameters(method, path, headers, body):
    """The CGI parameters of a request, as bytes."""
    values = {"REQUEST_METHOD": method, "REQUEST_URI": path, "SERVER_PROTOCOL": "HTTP/1.1"}
    if body is not None:
        values["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        cgi = name.upper().replace("-", "_")
        values[cgi if cgi == "CONTENT_TYPE" else f"HTTP_{cgi}"] = value
    return [(name.encode(), value.encode()) for name, value in values.items()]


def connect(address, seconds=15):
    """`address` is a path, or a host and a port."""
    connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    connection.settimeout(seconds)
    connection.connect(address)
    return connection


def exactly(connection, size):
    content = b""
    while len(content) < size:
        more = connection.recv(size - len(content))
        if not more:
            raise ConnectionError("the responder closed the connection")
        content += more
    return content


def answer(connection):
    """Everything that the responder writes until the end of the request."""
    output = b""
    while True:
        _, kind, _, size, padding, _ = struct.unpack("!BBHHBB", exactly(connection, 8))
        content = exactly(connection, size + padding)[:size]
        if kind == STDOUT:
            output += content
        elif kind == END:
            return output


def request(address, method, path, headers, body=None):
    """(status, [(header, value)], body)"""
    with contextlib.closing(connect(address)) as connection:
        connection.sendall(begin() + params(parameters(method, path, headers, body)) + stdin(body or b""))
        head, _, content = answer(connection).partition(b"\r\n\r\n")
    fields = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
    status = next(int(value.split()[0]) for name, value in fields if name == "Status")
    return status, [field for field in fields if field[0] != "Status"], content
