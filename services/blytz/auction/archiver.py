"""Moves closed auctions from Redis to the archive, in steps that may be repeated.

The intent stands in Redis: `record_sale.lua` lists every closed auction as one to be archived, in the step that
takes it off the schedule. Each auction is then

1. read, replayed, added to the archive, read back from there and compared, then listed as archived;
2. some minutes later read again from both, compared, and deleted from Redis, its entry in the list last.

A process that dies between two steps leaves an entry, from which any hammer goes on. What differs is never
deleted.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from blytz.auction.archive import AuctionArchive, ClosedAuctions, HeldAuction
from blytz.auction.replay import Difference
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics

log = structlog.get_logger()

AT_ONCE: Final = 50
"""Auctions of one look at a list, one after the other."""
STEP_PAUSE_S: Final = 0.05
IDLE_PAUSE_S: Final = 1.0
AWAY_PAUSE_S: Final = 5.0


class Archiver:
    """Several may run side by side: each step finds that it has been done already."""

    def __init__(
        self,
        closed: ClosedAuctions,
        archive: AuctionArchive,
        metrics: Metrics,
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        """`prepare` returns when the archive can be used, and raises `StoreUnavailable` otherwise."""
        self._closed = closed
        self._archive = archive
        self._prepare = prepare
        self._kept, self._lag_ms = 0, 0
        self.is_away = False
        """While Redis or the archive does not answer."""
        self._archived = metrics.counter("blytz_auctions_archived", "Auctions copied to the archive and compared")
        self._deleted = metrics.counter("blytz_auctions_deleted", "Closed auctions deleted from Redis")
        self._refused = metrics.counter(
            "blytz_archive_refusals",
            "Auctions that were set aside, not archived or not deleted, because something differs or has failed",
        )
        metrics.gauge("blytz_auctions_closed_kept", "Closed auctions in Redis", lambda: self._kept)
        metrics.gauge(
            "blytz_archive_lag_seconds",
            "How long the oldest closed auction waits for the archive",
            lambda: self._lag_ms / 1000,
        )

    async def run(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            pause_s = IDLE_PAUSE_S
            try:
                # Redis is asked first: without work the database is left alone.
                if await self.step():
                    pause_s = STEP_PAUSE_S
                self.is_away = False
            except (StoreUnavailable, Overloaded) as problem:
                if not self.is_away:
                    log.warning("archive_waits", why=problem.code)
                self.is_away, pause_s = True, AWAY_PAUSE_S
            await asyncio.sleep(pause_s)

    async def step(self) -> bool:
        """Archive and release what is due, at most `AT_ONCE` of each. False when there was nothing."""
        self._kept, self._lag_ms = await self._closed.counts()
        archived = await self._each(await self._closed.to_archive(AT_ONCE), self._copy)
        released = await self._each(await self._closed.to_release(AT_ONCE), self._release)
        return bool(archived or released)

    async def _each(self, due: Sequence[str], work: Callable[[str], Awaitable[None]]) -> int:
        """In any order, so that archivers side by side seldom do the same work."""
        if due:
            await self._prepare()
        for auction_id in random.sample(due, len(due)):
            try:
                await work(auction_id)
            except (StoreUnavailable, Overloaded):
                raise
            except Difference as difference:
                # Not what differs, which may be a hidden maximum: `blytz verify` shows it.
                log.error("archive_refused", auction_id=auction_id, where=difference.where)  # noqa: TRY400
                await self._set_aside(auction_id)
            except Exception:
                # It must not hold up the others.
                log.exception("archive_failed", auction_id=auction_id)
                await self._set_aside(auction_id)
        return len(due)

    async def _set_aside(self, auction_id: str) -> None:
        self._refused.add()
        await self._closed.postpone(auction_id)

    async def _copy(self, auction_id: str) -> None:
        held = await self._closed.read(auction_id)
        if held is None:
            # Its creation was interrupted, or another hammer has done everything.
            await self._closed.release(auction_id)
            return
        made = await asyncio.to_thread(held.replayed)
        await self._archive.add(made)
        found = await self._archive.copy(auction_id)
        if found != made:
            raise Difference("the archive", "has another copy of this auction")
        await self._closed.set_archived(auction_id, made.auction.clock)
        self._archived.add()

    async def _release(self, auction_id: str) -> None:
        held = await self._closed.read(auction_id)
        if held is not None and not await self._is_archived(auction_id, held):
            await self._closed.set_unarchived(auction_id)
            return
        if not await self._closed.release(auction_id):
            raise Difference("the state", "is not that of a closed auction")
        self._deleted.add(by=int(held is not None))

    async def _is_archived(self, auction_id: str, held: HeldAuction) -> bool:
        """False when the archive does not have it, as after the return of an older backup. Raises `Difference`."""
        copy = await self._archive.copy(auction_id)
        if copy is None:
            return False
        await asyncio.to_thread(held.check_against, copy)
        return True
