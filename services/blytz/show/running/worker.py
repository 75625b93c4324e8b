"""Closes the lots of auctions and offers that have ended, tells what open offers have left, opens the next lots,
and carries out what a crash has left undone.

Any number of workers may run side by side, and each may be killed at any moment: what is to be done stands in the
catalogue, and doing it twice is doing it once.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog

from blytz.kit.ids import new_id
from blytz.kit.problems import CorruptRecord, NotFound, Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.model import OFFER_PREFIX, Closing, ShowCode
from blytz.show.running import rules
from blytz.show.running.auctions import Auctions
from blytz.show.running.intents import IntentRunner
from blytz.show.running.postponed import Postponed
from blytz.show.running.store import OpenRun, RunStore, Which

log = structlog.get_logger()

POLL_EVERY_S: Final = 0.1
"""A lot shows its end at most this much later than its auction."""
DUE_EVERY: Final = 2
"""Polls from one look for shows whose next lot is due to the next."""
OFFERS_EVERY: Final = 10
"""Polls from one look at the open offers to the next: how often one tells what is left of it, at most."""
RECONCILE_EVERY: Final = 20
"""Polls from one look for what was left undone to the next."""
LEFT_AFTER_MS: Final = 1_500
"""An intent this old was left by a process that has died or lost Redis; younger ones are being carried out."""
GONE_AFTER_MS: Final = 60_000
"""An auction that does not exist this long after its lot was opened is lost."""
FORGET_EVERY: Final = 6_000
OPERATION_KEPT_MS: Final = 24 * 3_600_000
LOOK_EVERY: Final = 10
"""Polls from one look for whether any show is on to the next."""
IDLE_PAUSE_S: Final = 1.0
BATCH: Final = 200


class ShowWorker:
    def __init__(
        self,
        runs: RunStore,
        auctions: Auctions,
        intents: IntentRunner,
        now: Callable[[], int],
        metrics: Metrics,
        batch: int = BATCH,
    ) -> None:
        """`now` is the time in ms since the Unix epoch. `batch` bounds what one query of the catalogue answers."""
        self._batch = batch
        self._runs = runs
        self._auctions = auctions
        self._intents = intents
        self._now = now
        self._after = ""
        self._left = 0
        self._round_at = time.monotonic()
        self._told: dict[str, int] = {}
        """What this process has told open offers to have left."""
        self._damaged = Postponed("run_not_followed", now)
        """Auctions and offers that cannot be read."""
        self._stuck = Postponed("intents_wait_for_damaged_runs", now)
        """Shows with orders to such."""
        metrics.gauge(
            "blytz_runs_damaged",
            "Auctions and offers of open lots that cannot be read",
            lambda: len(self._damaged),
        )
        self._opened = metrics.counter("blytz_lots_opened", "Lots that were opened by the plan of their show")
        self._lag_s = metrics.histogram(
            "blytz_show_lag_seconds", "From when a lot had ended or was due to open until its show has it so"
        )
        metrics.gauge("blytz_shows_behind", "Shows with something left undone for 1.5 s", lambda: self._left)
        metrics.gauge(
            "blytz_show_worker_stalled_seconds",
            "Since the worker of shows finished a round, of which it makes one a second or more",
            self.stalled_s,
        )

    def stalled_s(self) -> float:
        """How long ago the last round ended in which Redis and the catalogue answered."""
        return time.monotonic() - self._round_at

    async def run(self) -> None:
        """Run under a `TaskSupervisor`."""
        polls = 0
        while True:
            is_quiet = False
            # That Redis or the database is away, their connections say in the log.
            with contextlib.suppress(StoreUnavailable, Overloaded):
                is_quiet = polls % LOOK_EVERY == 0 and not await self._runs.is_anything_on()
                if is_quiet:
                    # What ends meanwhile is of no lot.
                    self._after, self._left = "", 0
                    self._damaged.keep(())
                    self._stuck.keep(())
                else:
                    await self._round(polls)
                self._round_at = time.monotonic()
            # On a quiet night this worker costs one query a second.
            polls = polls if is_quiet else polls + 1
            await asyncio.sleep(IDLE_PAUSE_S if is_quiet else POLL_EVERY_S)

    async def _round(self, polls: int) -> None:
        await self.close_ended()
        if polls % DUE_EVERY == 0:
            await self.open_due()
        if polls % OFFERS_EVERY == 0:
            await self.follow_offers()
        if polls % RECONCILE_EVERY == 0:
            await self.reconcile()
        if polls % FORGET_EVERY == 0:
            await self._runs.forget_operations(self._now() - OPERATION_KEPT_MS)

    async def reconcile(self) -> None:
        """What earlier processes left. Raises `StoreUnavailable` and `Overloaded`."""
        shows = await self._runs.shows_with_intents(self._now() - LEFT_AFTER_MS, self._batch)
        self._left = len(shows)
        for show_id in shows:
            if not self._stuck.is_postponed(show_id):
                await self._carry_out(show_id)
        self._stuck.keep(shows)
        seen = []
        async for run in self._open_runs():
            seen.append(run.auction_id)
            await self._unless_damaged(run, self._close_if_ended)
        self._damaged.keep(seen)

    async def close_ended(self) -> None:
        closings, self._after = await self._auctions.closings(self._after)
        if closings:
            # One query for all: most auctions may be of no show.
            of_lots = await self._runs.open_among([closing.auction_id for closing in closings])
            for closing in closings:
                if closing.auction_id in of_lots:
                    await self._close(closing)

    async def follow_offers(self) -> None:
        """A purchase does not wait for the catalogue: what is left is told here, a moment later."""
        told: dict[str, int] = {}
        async for run in self._open_runs(prefix=OFFER_PREFIX):
            await self._unless_damaged(run, lambda run: self._follow(run, told))
        self._told = told

    async def _follow(self, run: OpenRun, told: dict[str, int]) -> None:
        offer_id = run.auction_id
        left = await self._auctions.left(offer_id)
        if left is None:
            await self._close_if_ended(run)
            return
        told[offer_id] = left
        if self._told.get(offer_id) != left and (acted := await self._runs.record_left(offer_id, left)):
            await self._carry_out(acted.show.show_id)

    async def _unless_damaged(self, run: OpenRun, work: Callable[[OpenRun], Awaitable[None]]) -> None:
        """A run that is not valid in Redis must not hold up the others: it is tried again later."""
        if self._damaged.is_postponed(run.auction_id):
            return
        try:
            await work(run)
        except CorruptRecord as problem:
            self._damaged.postpone(run.auction_id, problem.detail)
        else:
            self._damaged.forget(run.auction_id)

    async def _open_runs(self, prefix: str = "") -> AsyncIterator[OpenRun]:
        """All of them, a batch at a time: an offer may stay open for longer than any auction."""
        after, is_last = 0, False
        while not is_last:
            found = await self._runs.open_runs(self._batch, prefix=prefix, after=after)
            for run in found:
                yield run
                after = run.number
            is_last = len(found) < self._batch

    async def _close_if_ended(self, run: OpenRun) -> None:
        if closing := await self._closing(run):
            await self._close(closing)

    async def _closing(self, run: OpenRun) -> Closing | None:
        try:
            return await self._auctions.closing(run.auction_id)
        except NotFound:
            now = self._now()
            if now - run.opened_at < GONE_AFTER_MS:
                return None
            log.warning("auction_lost", auction_id=run.auction_id)
            return Closing(run.auction_id, "cancelled", 0, None, now)

    async def _close(self, closing: Closing) -> None:
        closed = await self._intents.close(closing)
        if closed is not None:
            self._measure(closing.closed_at)
            await self._carry_out(closed.show.show_id)

    async def open_due(self) -> None:
        for show_id, due_at in await self._runs.shows_due(self._now(), self._batch):
            opened = await self._runs.act(show_id, rules.open_due(new_id("auc")), Which.NEXT)
            if not isinstance(opened, ShowCode):
                self._opened.add()
                self._measure(due_at)
                await self._carry_out(show_id)

    def _measure(self, since: int) -> None:
        self._lag_s.add(max(0, self._now() - since) / 1_000)

    async def _carry_out(self, show_id: str) -> None:
        """A show whose intents cannot be carried out must not hold up the others."""
        try:
            if damaged := await self._intents.carry_out(show_id):
                self._stuck.postpone(show_id, ", ".join(sorted(damaged)))
            else:
                self._stuck.forget(show_id)
        except (StoreUnavailable, Overloaded):
            raise
        except Exception:
            log.exception("intents_failed", show_id=show_id)
