"""The purchases that are to be passed on to `sales`, in Redis."""

from collections.abc import Sequence
from typing import Final

from blytz.auction.redis.keys import SALES
from blytz.auction.redis.schedule import MAX_SALES
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script
from blytz.offer.redis.keys import OPEN_OFFERS, keys_of
from blytz.offer.sales import LoggedEvent

_RECORD: Final = load_script(__package__, "record_purchases")


class RedisSalesOutbox:
    """`sales.SalesOutbox` in Redis. Raises `StoreUnavailable` and `Overloaded`. An offer that has ended is deleted
    `keep_ms` later."""

    def __init__(self, pipe: RedisPipe, keep_ms: int, max_sales: int = MAX_SALES) -> None:
        self._pipe = pipe
        self._keep_ms = keep_ms
        self._max_sales = max_sales

    async def positions(self) -> dict[str, int]:
        found: list[bytes] = await self._pipe.call("HGETALL", OPEN_OFFERS)
        return {offer_id.decode(): int(seq) for offer_id, seq in zip(found[::2], found[1::2], strict=True)}

    async def events(self, offer_id: str, after: int, limit: int) -> Sequence[LoggedEvent]:
        key = keys_of(offer_id).events
        entries = await self._pipe.call("XRANGE", key, f"({after}-0", "+", "COUNT", limit)
        return [LoggedEvent(int(entry_id.split(b"-")[0]), fields[1]) for entry_id, fields in entries]

    async def record(
        self, offer_id: str, after: int, up_to: int, purchases: Sequence[bytes], *, ended: bool
    ) -> bool:
        # Before the entry is gone, or an offer could be left that nobody deletes.
        for key in keys_of(offer_id).stored if ended else ():
            await self._pipe.call("PEXPIRE", key, self._keep_ms)
        args = (offer_id, after, "" if ended else up_to, self._max_sales, *purchases)
        return bool(await self._pipe.run(_RECORD, (SALES, OPEN_OFFERS), args))
