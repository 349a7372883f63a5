"""Keys for tests, and a server that publishes them, well-behaved or hostile."""

import base64
import contextlib
import http.server
import json
import socket
import ssl
import threading

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value, size=None):
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A key pair of a test."""

    def __init__(self, kid, algorithm, private):
        self.kid, self.algorithm, self.private = kid, algorithm, private

    @classmethod
    def es256(cls, kid):
        return cls(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def rs256(cls, kid, bits=2048):
        return cls(kid, "RS256", rsa.generate_private_key(65537, bits))

    def jwk(self, **changes):
        numbers = self.private.public_key().public_numbers()
        if self.algorithm == "ES256":
            parts = {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}
        else:
            parts = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        jwk = {**parts, "kid": self.kid, "use": "sig", "alg": self.algorithm, **changes}
        return {name: value for name, value in jwk.items() if value is not None}

    def public(self, encoding):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(getattr(serialization.Encoding, encoding), form)

    def sign(self, claims, **header):
        """A token made by PyJWT. None as a header leaves it out."""
        fields = {"kid": self.kid, **header}
        return jwt.encode(claims, self.private, self.algorithm,
                          headers={name: value for name, value in fields.items() if value is not None})


def key_set(*keys):
    return json.dumps({"keys": [key if isinstance(key, dict) else key.jwk() for key in keys]})


class Server:
    """Publishes `body` with `status` and `headers`; counts `requests`.

    `silent` accepts a request and never answers. `held` answers when `released` is set.
    """

    def __init__(self, body, certificate=None):
        self.body, self.status, self.silent, self.held = body, 200, False, False
        self.headers: dict = {}
        self.requests: list = []
        self.released = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests.append((self.path, dict(self.headers)))
                if owner.silent:
                    owner.released.wait(30)
                    return
                if owner.held:
                    owner.released.wait(30)
                content = owner.body.encode() if isinstance(owner.body, str) else owner.body
                self.send_response(owner.status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)),
                                    **owner.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}/jwks.json"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def publish(self, *keys):
        self.body, self.status, self.headers, self.silent = key_set(*keys), 200, {}, False

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def serving(*keys, **options):
    server = Server(key_set(*keys), **options)
    try:
        yield server
    finally:
        server.close()


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
