"""Deletes closed auctions: those that ended long ago, and the oldest ones when there are too many."""

import asyncio
from typing import Final

import structlog

from blytz.auction.redis.index import Index
from blytz.auction.redis.keys import CLOSED, keys_of
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.kit.redis.scripts import load_script
from blytz.kit.telemetry.metrics import Metrics

log = structlog.get_logger()

MAX_DELETED_AT_ONCE: Final = 50
"""Auctions in one step, each with a call of its own, so that no bid waits for a deletion."""
STEP_PAUSE_S: Final = 0.1
IDLE_PAUSE_S: Final = 2.0


class RedisRetention:
    """Several may run side by side. A step that is interrupted is repeated by the next one: the entry that names
    an auction as closed is removed last."""

    def __init__(self, pipe: RedisPipe, keep_ms: int, keep: int, metrics: Metrics) -> None:
        """Closed auctions are deleted `keep_ms` after their end; of younger ones only the newest `keep` stay."""
        self._pipe = pipe
        self._index = Index(pipe)
        self._keep_ms = keep_ms
        self._keep = keep
        self._delete = load_script(__package__, "delete")
        self._kept = 0
        self._deleted = metrics.counter("blytz_auctions_deleted", "Closed auctions deleted by this process")
        metrics.gauge("blytz_auctions_closed_kept", "Closed auctions in Redis", lambda: self._kept)

    async def run(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            pause_s = IDLE_PAUSE_S
            try:
                if await self.delete_due() == MAX_DELETED_AT_ONCE:
                    pause_s = STEP_PAUSE_S
            except (StoreUnavailable, Overloaded):
                log.info("retention_waits_for_redis")
            await asyncio.sleep(pause_s)

    async def delete_due(self) -> int:
        """One step; how many auctions it found due. Raises `StoreUnavailable` and `Overloaded`."""
        before = await self._pipe.now() - self._keep_ms
        self._kept = await self._pipe.call("ZCARD", CLOSED)
        excess = min(self._kept - self._keep, MAX_DELETED_AT_ONCE)
        due = await self._pipe.call("ZRANGE", CLOSED, "-inf", before, "BYSCORE", "LIMIT", 0, MAX_DELETED_AT_ONCE)
        if excess > len(due):
            due = await self._pipe.call("ZRANGE", CLOSED, 0, excess - 1)
        for auction_id in due:
            await self._delete_whole(auction_id.decode())
        return len(due)

    async def _delete_whole(self, auction_id: str) -> None:
        try:
            is_deleted = await self._pipe.run(self._delete, keys_of(auction_id).stored, ())
        except RedisError as error:
            # A person has to find out what stands there. Its entry must not hold up the others.
            log.exception("retention_failed", auction_id=auction_id, error=str(error))
        else:
            if is_deleted:
                await self._index.remove(auction_id)
                self._deleted.add()
            else:
                log.error("retention_refused", auction_id=auction_id, why="the auction is not closed")
        await self._pipe.call("ZREM", CLOSED, auction_id)
