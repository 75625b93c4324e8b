"""Answers to reads of the catalogue, kept in the memory of the process as they were sent.

What the reads of thousands of viewers cost is the way from the cache's JSON to values and back: a page of twenty
shows took 700 us of CPU. A kept answer costs one HMGET, by which Redis says whether anything was written since.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from blytz.show.redis.cache import CatalogueCache
from blytz.show.store import ReadAnswer

KEPT_S: Final = 3
"""An answer is used so long at most: the viewers in it are as old. See also `cache.KEPT_S`."""
MAX_ANSWERS: Final = 2_000
MAX_BYTES: Final = 8_000_000
"""Of one process."""


class _Kept(Struct):
    scopes: tuple[str, ...]
    versions: list[object] | None = None
    """Read before the answer was made; None while only its scopes are known."""
    body: bytes = b""
    until: float = 0.0
    """By the monotonic clock."""


class AnswersInMemory:
    """`KeptAnswers`. Which scopes an answer has is known only once it was made. So the first one tells the scopes,
    and the second one, before which their versions were read, is kept."""

    def __init__(self, cache: CatalogueCache) -> None:
        self._cache = cache
        self._kept: dict[str, _Kept] = {}
        self._bytes = 0

    async def read(self, name: str, make: Callable[[], Awaitable[ReadAnswer]]) -> bytes:
        kept = self._kept.get(name)
        versions = await self._cache.versions(kept.scopes) if kept else None
        if kept and versions is not None and kept.versions == versions and time.monotonic() < kept.until:
            self._cache.reads.add("memory")
            return kept.body
        made = await make()
        self._forget(name)
        if made.scopes:
            is_known = kept is not None and versions is not None and made.scopes.issubset(kept.scopes)
            if kept and is_known:
                found = _Kept(kept.scopes, versions, made.body, time.monotonic() + KEPT_S)
            else:
                found = _Kept(tuple(sorted(made.scopes)))
            self._keep(name, found)
        return made.body

    def _keep(self, name: str, kept: _Kept) -> None:
        self._kept[name] = kept
        self._bytes += len(kept.body)
        # A dict has the order in which its keys were set, so these are the oldest.
        while self._bytes > MAX_BYTES or len(self._kept) > MAX_ANSWERS:
            self._forget(next(iter(self._kept)))

    def _forget(self, name: str) -> None:
        if (kept := self._kept.pop(name, None)) is not None:
            self._bytes -= len(kept.body)
