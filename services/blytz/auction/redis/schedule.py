"""When the hammer checks which auction, and the heartbeat that shows outages: in Redis."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from blytz.auction.model import Event, Outage
from blytz.auction.redis.keys import CLOSED, HEARTBEAT, SALES, SCHEDULE
from blytz.auction.redis.state import text
from blytz.kit.clock import MAX_DEVIATION_MS, ClockReading
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script

RESCHEDULE: Final = load_script(__package__, "reschedule")

MIN_OUTAGE_MS: Final = 1_500
COMPENSATION_MS: Final = 5_000
"""By then every auction has an outage's time back, even when the hammer that noticed it was killed."""

MAX_SALES: Final = 50_000
"""Entries that `sales` keeps, about 30 MB. No service consumes it yet; one that does must be faster than this."""


async def read_clock(pipe: RedisPipe) -> ClockReading:
    """For `ServerClock`. Both commands leave in one write."""
    time, heartbeat = pipe.now(), pipe.call("HMGET", HEARTBEAT, "at", "stepped_ms")
    now, (at, stepped_ms) = await time, await heartbeat
    is_current = at is not None and 0 <= now - int(at) <= MAX_DEVIATION_MS
    return ClockReading(now, int(stepped_ms or 0), is_current)


class RedisSchedule:
    """`hammer.Schedule` in Redis. Raises `StoreUnavailable` and `Overloaded`."""

    def __init__(self, pipe: RedisPipe, min_outage_ms: int = MIN_OUTAGE_MS, max_sales: int = MAX_SALES) -> None:
        self._pipe = pipe
        self._max_sales = max_sales
        self._min_outage_ms = min_outage_ms
        self._record_sale_script = load_script(__package__, "record_sale")
        self._heartbeat = load_script(__package__, "heartbeat")
        self._run_id = ""
        self._run_id_of = 0

    @property
    def connection(self) -> int:
        return self._pipe.times_connected

    async def due(self, until: int, limit: int) -> Sequence[tuple[str, float]]:
        found: list[bytes] = await self._pipe.call(
            "ZRANGE", SCHEDULE, 0, until, "BYSCORE", "LIMIT", 0, limit, "WITHSCORES"
        )
        pairs = zip(found[::2], found[1::2], strict=True)
        return [(auction_id.decode(), float(at)) for auction_id, at in pairs]

    async def move(self, auction_id: str, read: float, to: int) -> None:
        await self._pipe.run(RESCHEDULE, (SCHEDULE,), (auction_id, to, f"{read:.3f}"))

    async def drop(self, auction_id: str) -> None:
        # Its creation was interrupted. Retention removes what there is of it.
        await self._pipe.call("ZADD", CLOSED, 0, auction_id)
        await self._pipe.call("ZREM", SCHEDULE, auction_id)

    async def record_sale(self, auction_id: str, event: Event) -> bool:
        closing = msgspec.json.encode(event.public)
        keys, args = (SALES, SCHEDULE, CLOSED), (auction_id, closing, self._max_sales)
        return bool(await self._pipe.run(self._record_sale_script, keys, args))

    async def heartbeat(self, unanswered_ms: int, step_ms: int = 0, expected: int | None = None) -> Outage | None:
        if self._run_id_of != self.connection:
            connection = self.connection
            info: bytes = await self._pipe.call("INFO", "server")
            match = re.search(rb"run_id:(\w+)", info)
            self._run_id, self._run_id_of = (match[1].decode() if match else ""), connection
        limits = (self._min_outage_ms, COMPENSATION_MS)
        args = (self._run_id, unanswered_ms, *limits, step_ms, text(expected))
        reply: Any = await self._pipe.run(self._heartbeat, (HEARTBEAT,), args)
        _, began_at, ended_at = reply
        return Outage(began_at, ended_at) if ended_at else None
