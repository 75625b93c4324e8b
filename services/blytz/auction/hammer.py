"""When to close what. Any number of hammers may run side by side, and each may be killed at any moment.

The schedule says when to look, the close script decides: a stale entry costs one question. An auction leaves
the schedule in the step in which its closing event reaches `sales`: none is forgotten, none passed on twice.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from time import monotonic
from typing import Any, Protocol

import structlog

from blytz.auction.model import Auction, Cause, Code, Event, NotYet, Outage, Refused
from blytz.auction.store import AuctionStore, Closed, CorruptAuction
from blytz.kit.clock import ServerClock
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics

log = structlog.get_logger()

CAUSE = Cause("hammer")
LOOK_EVERY_S = 0.2
HEARTBEAT_EVERY_S = 0.4
"""Felt with the first look after it, so about every half second: each pulse is a write that goes to the disk, on a
quiet night the only one. Well below `HEARTBEAT_VALID_S`, or hammers would wait for a heartbeat."""
LOOK_AHEAD_MS = 1_000
DUE_BATCH = 2_000
"""Auctions looked at in one turn; more wait for the next one."""
COMPENSATED_AT_ONCE = 250
COMPENSATED_MOST = 100_000
"""Auctions that get lost time back at once; more get it when their hammer falls."""
PAUSED_AGAIN_MS = 5_000
ORPHAN_AFTER_MS = 60_000
"""An entry whose auction has still not appeared this long after it was due belongs to an opening that failed."""
POSTPONE_MS = 60_000
HEARTBEAT_VALID_S = 1.0
"""A hammer falls only this soon after a pulse, and an order to close is void this long after it was given: Redis
may have stood still meanwhile, and then the lost time comes first."""


class Schedule(Protocol):
    """Who is due when (redis_schedule.py)."""

    @property
    def connection(self) -> int:
        """Changes with every new connection, which may be to another run of Redis."""

    async def due(self, until: int, limit: int) -> Sequence[tuple[str, int]]:
        """`(auction_id, at)` of what is due until then, the earliest first."""

    async def look_again(self, auction_id: str, at: int) -> None: ...

    async def drop(self, auction_id: str) -> None: ...

    async def settle(self, auction_id: str, event: Event) -> bool:
        """Pass the closing event on and take the auction off; False when another hammer did."""

    async def heartbeat(self, unanswered_ms: int) -> Outage | None:
        """Say that all is well, or how long it was not; the last outage, whoever noticed it."""


class Hammer:
    def __init__(self, store: AuctionStore, schedule: Schedule, clock: ServerClock, metrics: Metrics) -> None:
        self._store = store
        self._schedule = schedule
        self._clock = clock
        self._armed: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._outage: Outage | None = None
        self._compensated: Outage | None = None
        self._heartbeat_at = 0.0
        self._heartbeat_connection = 0
        self._unanswered_since: float | None = None
        self._lag_s = metrics.histogram("blytz_hammer_lag_seconds", "From the end of an auction to its hammer")
        self._closed = metrics.counter("blytz_auctions_closed", "Auctions closed by this hammer", "status")
        self._outages = metrics.counter("blytz_outages", "Outages whose lost time was given back")
        metrics.gauge("blytz_hammer_armed", "Auctions about to be closed", lambda: len(self._armed))

    async def run(self) -> None:
        """Until cancelled."""
        waits = False
        try:
            while True:
                try:
                    if self._heartbeat_is_due():
                        await self._send_heartbeat()
                    await self._look()
                    waits = False
                except (StoreUnavailable, Overloaded) as problem:
                    if not waits:
                        log.info("hammer_waits", why=problem.code)
                    waits = True
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for timer in self._armed.values():
                timer.cancel()
            for task in self._closing:
                task.cancel()

    def _heartbeat_is_due(self) -> bool:
        """At once after a failure and on a new connection, which may be to another run of Redis."""
        if self._unanswered_since is not None or self._heartbeat_connection != self._schedule.connection:
            return True
        return monotonic() - self._heartbeat_at >= HEARTBEAT_EVERY_S

    async def _send_heartbeat(self) -> None:
        began = monotonic()
        unanswered_s = began - self._unanswered_since if self._unanswered_since is not None else 0.0
        connection = self._schedule.connection
        try:
            outage = await self._schedule.heartbeat(int(unanswered_s * 1000))
        except (StoreUnavailable, Overloaded):
            if self._unanswered_since is None:
                self._unanswered_since = self._heartbeat_at or began
            raise
        self._heartbeat_at, self._heartbeat_connection, self._unanswered_since = monotonic(), connection, None
        self._outage = outage
        if outage and outage != self._compensated:
            await self._clock.sync()
            self._compensated = outage
            log.warning("outage", lost_ms=outage.ended_at - outage.began_at)
            self._outages.add()
            self._keep(self._compensate_outage())

    async def _compensate_outage(self) -> None:
        """Everybody gets the lost time back now, and not only when the hammer would have fallen: until then they
        would look as if they ended early, and another outage may come."""
        with contextlib.suppress(StoreUnavailable, Overloaded):
            alive = await self._schedule.due(self._clock.now() * 2, COMPENSATED_MOST)
            for first in range(0, len(alive), COMPENSATED_AT_ONCE):
                batch = alive[first : first + COMPENSATED_AT_ONCE]
                await asyncio.gather(*(self._close(auction_id, due_at) for auction_id, due_at in batch))

    async def _look(self) -> None:
        now = self._clock.now()
        for auction_id, at in await self._schedule.due(now + LOOK_AHEAD_MS, DUE_BATCH):
            if auction_id not in self._armed:
                self._arm(auction_id, at, at - now)

    def _arm(self, auction_id: str, due_at: int, in_ms: int) -> None:
        loop = asyncio.get_running_loop()
        self._armed[auction_id] = loop.call_later(max(0, in_ms) / 1000, self._start, auction_id, due_at)

    def _start(self, auction_id: str, due_at: int) -> None:
        self._armed.pop(auction_id, None)
        self._keep(self._close(auction_id, due_at))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, auction_id: str, due_at: int) -> None:
        if (
            self._heartbeat_connection != self._schedule.connection
            or monotonic() - self._heartbeat_at > HEARTBEAT_VALID_S
        ):
            return  # It stays on the schedule, and the next look finds it.
        not_after = self._clock.now() + int(HEARTBEAT_VALID_S * 1000)
        try:
            found = await self._store.close(auction_id, CAUSE, outage=self._outage, not_after=not_after)
            match found:
                case Closed(status, event):
                    if await self._schedule.settle(auction_id, event):
                        self._closed.add(status.value)
                        self._lag_s.add(max(0, event.public["at"] - event.public["ends_at"]) / 1000)
                        log.info("closed", auction_id=auction_id, status=status.value)
                case NotYet(remaining_ms):
                    await self._wait(auction_id, remaining_ms)
                case Refused(Code.AUCTION_NOT_OPEN):
                    await self._open(auction_id)
                case Refused():
                    if self._clock.now() - due_at > ORPHAN_AFTER_MS:
                        await self._schedule.drop(auction_id)
        except (StoreUnavailable, Overloaded):
            return  # Likewise.
        except CorruptAuction:
            await self._postpone(auction_id)
        except Exception:
            log.exception("hammer_failed", auction_id=auction_id)
            await self._postpone(auction_id)

    async def _postpone(self, auction_id: str) -> None:
        """It needs a person, who was told; asking five times a second would not help, and the others go on."""
        with contextlib.suppress(StoreUnavailable, Overloaded):
            await self._schedule.look_again(auction_id, self._clock.now() + POSTPONE_MS)

    async def _wait(self, auction_id: str, remaining_ms: int | None) -> None:
        if remaining_ms is None:
            await self._schedule.look_again(auction_id, self._clock.now() + PAUSED_AGAIN_MS)
            return
        due_at = self._clock.now() + remaining_ms
        if remaining_ms > LOOK_AHEAD_MS:
            await self._schedule.look_again(auction_id, due_at)
        elif auction_id not in self._armed:
            self._arm(auction_id, due_at, remaining_ms + 1)

    async def _open(self, auction_id: str) -> None:
        opened = await self._store.open(auction_id, CAUSE)
        if isinstance(opened, Auction):
            log.info("opened", auction_id=auction_id)
            await self._schedule.look_again(auction_id, opened.ends_at or self._clock.now())
        elif isinstance(opened, NotYet):
            await self._wait(auction_id, opened.remaining_ms)
