"""Remembers verified tokens, so that a signature is checked once and not with every bid."""

import hashlib
import time
from collections import OrderedDict

from blytz.identity import Identity, Principal
from blytz.identity.bans import Bans

MAX_REMEMBERED = 20_000


class RememberedIdentity:
    """Keeps principals by the hash of their token until it expires; past `MAX_REMEMBERED` the least recently used
    are forgotten. The token itself is not kept, so that no dump of this memory can be used to sign in. Bans are
    checked each time."""

    def __init__(self, identity: Identity, bans: Bans) -> None:
        self._identity = identity
        self._bans = bans
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
            # The issuer may allow it a moment of grace, so it is asked again.
            del self._known[digest]
            return None
        self._bans.check(principal)
        self._known.move_to_end(digest)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> Principal:
        self._bans.check(principal)
        self._known[digest] = principal
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return principal


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
