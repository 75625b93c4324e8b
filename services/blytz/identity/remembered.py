"""Remembers verified tokens, so that a signature is checked once and not with every bid."""

import hashlib
import time
from collections import OrderedDict

from blytz.identity import Identity, Principal
from blytz.identity.bans import Bans

MAX_REMEMBERED = 20_000


class RememberedIdentity:
    """Keeps principals by the hash of their token until it expires, the least recently used go first. The token
    itself is not kept, so that no dump of this memory can be used to log in. Who is banned is looked up each time.
    """

    def __init__(self, identity: Identity, bans: Bans, limit: int = MAX_REMEMBERED) -> None:
        self._identity = identity
        self._bans = bans
        self._limit = limit
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def verify(self, token: str) -> Principal:
        digest = _digest(token)
        return self._known_to_be_good(digest) or self._remember(digest, self._identity.verify(token))

    async def admit(self, token: str) -> Principal:
        digest = _digest(token)
        return self._known_to_be_good(digest) or self._remember(digest, await self._identity.admit(token))

    def _known_to_be_good(self, digest: bytes) -> Principal | None:
        principal = self._known.get(digest)
        if principal is None:
            return None
        if principal.expires_at <= time.time() * 1000:
            # Whether it has a moment of grace is for its issuer to say.
            del self._known[digest]
            return None
        self._bans.check(principal)
        self._known.move_to_end(digest)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> Principal:
        self._bans.check(principal)
        self._known[digest] = principal
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return principal


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
