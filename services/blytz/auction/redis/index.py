"""The lists of auctions in Redis: one of all, and one for each status, so that a page reads only what it returns.

They are in another slot than the auctions, so they are changed in steps of their own: the list of all before an
auction is stored, the list of a status after the status has changed. A process that dies in between leaves the
auction in its former list. A read of that page moves it, and so does the hammer, before the auction leaves the
schedule.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from blytz.auction.model import Status, is_rehearsal
from blytz.auction.redis.keys import INDEX
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.kit.redis.scripts import load_script

log = structlog.get_logger()

_STATUSES: Final = sorted(Status, key=lambda status: status.is_final)
STATUS_KEYS: Final = [f"{{{INDEX}}}:{status.value}" for status in _STATUSES]
_NUMBER: Final = {status: number for number, status in enumerate(_STATUSES, start=1)}
"""Position of the status's list in `_KEYS`, counted from 1 as Lua does."""
_NOT_FINAL: Final = sum(not status.is_final for status in _STATUSES)
"""How many of `_KEYS`, from the first, belong to statuses that are not final."""
_IN_NO_LIST: Final = "0"
_IN_ANY_LIST: Final = ""
_LIST_AS: Final = load_script(__package__, "list_as")


class Index:
    """The lists. Every call raises `StoreUnavailable` and `Overloaded`."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe

    async def add(self, auction_id: str, status: Status) -> None:
        """Before a new auction is stored. One that is listed already stays where it is, and a rehearsal is in no
        list."""
        if is_rehearsal(auction_id):
            return
        await self._pipe.call("ZADD", INDEX, 0, auction_id)
        await self._list_as(auction_id, status, _IN_NO_LIST)

    async def move(self, auction_id: str, status: Status, found_as: Status | None = None) -> None:
        """List it under `status`, which it has now; with `found_as` only while it is listed under that one."""
        await self._list_as(auction_id, status, str(_NUMBER[found_as]) if found_as else _IN_ANY_LIST)

    async def remove(self, auction_id: str) -> None:
        for key in (*STATUS_KEYS, INDEX):
            await self._pipe.call("ZREM", key, auction_id)

    async def page(self, status: Status | None, before: str | None, limit: int) -> Sequence[str]:
        """At most `limit` ids of those that were listed under this status (None: of all), the newest first.
        `before` is the last id of the page before."""
        # Ids are ordered by time, so a cursor stays valid while auctions are added.
        key, newest = STATUS_KEYS[_NUMBER[status] - 1] if status else INDEX, f"({before}" if before else "+"
        ids = await self._pipe.call("ZRANGE", key, newest, "-", "BYLEX", "REV", "LIMIT", 0, limit)
        return [auction_id.decode() for auction_id in ids]

    async def _list_as(self, auction_id: str, status: Status, only_from: str) -> None:
        if is_rehearsal(auction_id):
            return
        try:
            await self._pipe.run(_LIST_AS, STATUS_KEYS, (auction_id, _NUMBER[status], only_from, _NOT_FINAL))
        except RedisError as error:
            # A corrupt list must not keep an auction from being sold.
            log.exception("list_failed", auction_id=auction_id, status=status.value, error=str(error))
