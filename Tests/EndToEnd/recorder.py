"""A TCP proxy on loopback that records what the client sends."""

import contextlib
import socket
import threading


class Recorder:
    """Forwards connections to a port; `said` holds every byte from the clients, `connections` their number."""

    def __init__(self, target):
        self.target = target
        self.said, self.connections = b"", 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self.target))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self.copy, args=[source, sink, source is client], daemon=True).start()

    def copy(self, source, sink, is_client):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if is_client:
                    self.said += data
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
