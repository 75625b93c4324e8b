"""The issuer of a developer's machine: an Ed25519 key in the data folder, a token for anybody who asks.

Only `BLYTZ_ENV=dev` wires it (apps/wiring.py); anywhere else its key is neither made nor accepted.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from blytz.identity import Principal, Role, TokenRefused
from blytz.identity.claims import MAX_NAME_LENGTH, ROLES
from blytz.kit.files import write_file

KEY_FILE = "dev-key.pem"
ISSUER = "blytz-dev"
TOKEN_LASTS_S = 12 * 60 * 60


class DevIssuer:
    """Issues and verifies. The same name is the same person, so that a seller can come back to her auctions."""

    def __init__(self, data: Path) -> None:
        """Reads the key in `data`, and makes it first where there is none. Raises OSError."""
        self._private = _load_or_make_key(data / KEY_FILE)
        self._public = self._private.public_key()

    def issue(self, name: str, roles: tuple[Role, ...] = ("bidder",), lasts_s: int = TOKEN_LASTS_S) -> str:
        claims = {
            "iss": ISSUER,
            "sub": "usr_" + hashlib.sha256(name.encode()).hexdigest()[:20],
            "name": name[:MAX_NAME_LENGTH],
            "roles": list(roles),
            "iat": int(time.time()),
            "exp": int(time.time()) + lasts_s,
        }
        return jwt.encode(claims, self._private, algorithm="EdDSA")

    def verify(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["EdDSA"],
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused("the token has expired") from None
        except jwt.InvalidTokenError:
            raise TokenRefused("the token is not valid") from None
        return _principal(claims)

    async def admit(self, token: str) -> Principal:
        return self.verify(token)


def _principal(claims: dict[str, Any]) -> Principal:
    roles, name = claims.get("roles", ["bidder"]), claims.get("name", "")
    if not isinstance(roles, list) or not isinstance(name, str):
        raise TokenRefused("the token's claims are malformed")
    known = tuple(role for role in ROLES if role in roles)
    expires_at, issued_at = int(claims["exp"]) * 1000, int(claims["iat"]) * 1000
    return Principal(claims["sub"], name[:MAX_NAME_LENGTH] or claims["sub"], known, expires_at, issued_at)


def _load_or_make_key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        # Several processes may start at once: all of them use the key that was written first.
        write_file(path, pem, 0o600, replace=False)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise OSError(f"{path} does not hold an Ed25519 key")
    return key
