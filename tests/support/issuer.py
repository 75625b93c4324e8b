"""An issuer of tokens for tests: a real HTTP server on loopback with discovery and keys that signs any claims."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "blytz-tests"
JWKS = "/keys"
DISCOVERY = "/.well-known/openid-configuration"


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class SigningKey:
    """A key pair and its public key as an entry of a JWK set."""

    def __init__(self, kid: str, algorithm: str = "RS256", bits: int = 2_048) -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any
        if algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
            public = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        elif algorithm.startswith("ES"):
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = rsa.generate_private_key(65_537, bits)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = {**public, "kid": kid, "use": "sig", "alg": algorithm}

    def public_pem(self) -> bytes:
        pem: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid, **headers})

    def sign_anything(self, header: bytes, payload: bytes) -> str:
        """Signs these parts unchanged, also such as no library would write. For RS256."""
        signed = f"{base64url(header)}.{base64url(payload)}"
        pen = RSAAlgorithm(RSAAlgorithm.SHA256)
        return f"{signed}.{base64url(pen.sign(signed.encode(), self.private))}"


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Ignores clients that closed early, to keep the output of tests clean."""


class FakeIssuer:
    """`url` is the issuer. `asked` counts the requests for its keys; `keys` and `cache_control` may be changed;
    `failing` makes it answer with 503."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.keys: Any = [key.jwk]
        self.cache_control = "public, max-age=3600"
        self.discovered: dict[str, Any] = {}
        """What its discovery document says otherwise."""
        self.redirect_to = ""
        self.padding = 0
        """So many bytes too much in the answer."""
        self.failing = False
        self.asked = 0
        self.let_go = threading.Event()
        """Cleared, requests for keys wait."""
        self.let_go.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer._answer(self)

            def log_message(self, *_: object) -> None:
                """No log, to keep the output of tests clean."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == DISCOVERY:
            self._send(request, {"issuer": self.url, "jwks_uri": self.url + JWKS, **self.discovered})
            return
        self.asked += 1
        self.let_go.wait(10)
        if self.redirect_to:
            request.send_response(302)
            request.send_header("Location", self.redirect_to)
            request.end_headers()
        elif self.failing or request.path != JWKS:
            request.send_error(503)
        else:
            self._send(request, {"keys": self.keys, "padding": " " * self.padding})

    def _send(self, request: BaseHTTPRequestHandler, content: Any) -> None:
        body = json.dumps(content).encode()
        request.send_response(200)
        if self.cache_control:
            request.send_header("Cache-Control", self.cache_control)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def claims(self, **other: Any) -> dict[str, Any]:
        """The claims of a valid token with these changes; a claim of None is left out."""
        now = int(time.time())
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "anna",
            "name": "Anna",
            "iat": now,
            "exp": now + 3_600,
            "auth_time": now,
        }
        return {name: value for name, value in {**good, **other}.items() if value is not None}

    def token(self, **claims: Any) -> str:
        return self.key.sign(self.claims(**claims))

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
