"""Remembers verified tokens, so that a signature is checked once and not with every bid."""

import hashlib
import time
from collections import OrderedDict

from blytz.identity import Identity, Principal, TokenRefused

MOST_REMEMBERED = 20_000


class RememberedIdentity:
    """Keeps principals by the hash of their token until it expires, the least recently used go first. The token
    itself is not kept, so that no dump of this memory can be used to log in."""

    def __init__(self, identity: Identity, most: int = MOST_REMEMBERED) -> None:
        self._identity = identity
        self._most = most
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def verify(self, token: str) -> Principal:
        digest = hashlib.sha256(token.encode()).digest()
        principal = self._known.get(digest)
        if principal is None:
            principal = self._known[digest] = self._identity.verify(token)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        elif principal.expires_at <= time.time() * 1000:
            del self._known[digest]
            raise TokenRefused("the token has expired")
        else:
            self._known.move_to_end(digest)
        return principal
