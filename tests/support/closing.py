"""Auctions that are opened, bid on and closed in a real Redis, and an archiver for them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from blytz.auction.archiver import Archiver
from blytz.auction.model import Standing
from blytz.auction.redis.closed import RedisClosed
from blytz.auction.redis.keys import ARCHIVED
from blytz.auction.redis.schedule import RedisSchedule
from blytz.auction.redis.store import RedisStore
from blytz.auction.sql.store import SqlArchive
from blytz.auction.store import Closed
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.sql.database import Database
from blytz.kit.telemetry.metrics import Metrics
from tests.support.auctions import ANNA, BEN, CAUSE, bid, listing
from tests.support.redis import RedisServer

DAY_MS = 86_400_000


async def is_prepared() -> None:
    """For a database that has its tables."""


class Closing:
    """A store, a schedule and the steps of a hammer, on one connection."""

    def __init__(self, redis: RedisServer, pipe: RedisPipe, database: Database) -> None:
        self.redis, self.pipe = redis, pipe
        self.store, self.schedule = RedisStore(pipe), RedisSchedule(pipe, max_sales=100)
        self.archive = SqlArchive(database)
        self.metrics = Metrics()

    def archiver(
        self,
        keep_ms: int = DAY_MS,
        keep: int = 1_000,
        *,
        closed: Any = None,
        archive: Any = None,
        prepare: Callable[[], Awaitable[None]] = is_prepared,
    ) -> Archiver:
        self.metrics = Metrics()
        closed = closed or RedisClosed(self.pipe, keep_ms, keep)
        return Archiver(closed, archive or self.archive, self.metrics, prepare)

    async def step_until_kept(self, archiver: Archiver, count: int) -> None:
        """Until so many are in Redis and in the archive: a new one stays for a second."""
        async with asyncio.timeout(10):
            while len(self.members(ARCHIVED)) != count:
                await archiver.step()
                await asyncio.sleep(0.05)

    async def open(self, auction_id: str) -> str:
        await self.store.create(listing(auction_id, duration_ms=60_000), CAUSE)
        return auction_id

    async def closed(self, auction_id: str, bids: int = 3) -> str:
        await self.open(auction_id)
        for number in range(bids):
            await self.store.place_bid(auction_id, bid((ANNA, BEN)[number % 2], 500 + 1_000 * number), CAUSE)
        await self.store.set_standing(auction_id, [BEN.id], Standing.BLOCKED)
        await self.close(auction_id)
        return auction_id

    async def close(self, auction_id: str) -> None:
        closed = await self.store.close(auction_id, CAUSE, force=True)
        assert isinstance(closed, Closed)
        assert await self.schedule.record_sale(auction_id, closed.event)

    def keys(self, auction_id: str) -> set[bytes]:
        return set(self.redis.ask("KEYS", f"*{auction_id}*"))

    def members(self, key: str) -> list[str]:
        return [member.decode() for member in self.redis.ask("ZRANGE", key, 0, -1)]

    def counted(self, name: str) -> float:
        """The value of a metric of the last archiver."""
        lines = self.metrics.render().decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])
