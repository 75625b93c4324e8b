"""Verified tokens that all processes remember together, so that one verification serves all of them.

Kept by a keyed hash: nothing in Redis can be used to sign in. Bans and revocations are checked each time by
whoever asks, because a remembered token may have been revoked since.
"""

import contextlib
import hashlib
import time
from typing import Final

import msgspec

from blytz.identity import Identity, KeysWanted, Principal
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.redis.pipe import RedisPipe

KEY: Final = "{tokens}:"
MAX_KEPT_MS: Final = 3_600_000
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Principal).decode


class SharedIdentity:
    """Without Redis every token is verified here."""

    def __init__(self, identity: Identity, pipe: RedisPipe, accepted: str) -> None:
        """`accepted` names whose tokens are accepted: with other issuers, nothing is known of any token."""
        self._identity = identity
        self._pipe = pipe
        self._hash = hashlib.blake2b(accepted.encode(), key=b"blytz tokens", digest_size=24)

    def verify(self, token: str) -> Principal:  # noqa: ARG002 - the port's
        """Only `admit` can ask Redis. Each process asks once: it remembers what it was told."""
        raise KeysWanted

    async def admit(self, token: str) -> Principal:
        key = self._key_of(token)
        if known := await self._known(key):
            return known
        principal = await self._identity.admit(token)
        kept_ms = min(MAX_KEPT_MS, principal.expires_at - _now_ms())
        if kept_ms > 0:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                # Nobody waits for the disk: without it, the next process verifies the token itself.
                self._pipe.call("SET", key, _encode(principal), "PX", kept_ms)
        return principal

    async def _known(self, key: str) -> Principal | None:
        with contextlib.suppress(StoreUnavailable, Overloaded):
            kept = await self._pipe.call("GET", key)
            principal = _decode(kept) if kept else None
            if principal and principal.expires_at > _now_ms():
                return principal
        return None

    def _key_of(self, token: str) -> str:
        digest = self._hash.copy()
        digest.update(b"\n" + token.encode())
        return KEY + digest.hexdigest()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
