"""Closes the lots of auctions and offers that have ended, tells what open offers have left, opens the next lots,
and carries out what a crash has left undone.

Any number of workers may run side by side, and each may be killed at any moment: what is to be done stands in the
catalogue, and doing it twice is doing it once.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import structlog

from blytz.kit.ids import new_id
from blytz.kit.problems import NotFound, Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.model import OFFER_PREFIX, Closing, ShowCode
from blytz.show.running import rules
from blytz.show.running.auctions import Auctions
from blytz.show.running.intents import IntentRunner
from blytz.show.running.store import RunStore, Which

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
    ) -> None:
        """`now` is the time in ms since the Unix epoch."""
        self._runs = runs
        self._auctions = auctions
        self._intents = intents
        self._now = now
        self._after = ""
        self._left = 0
        self._round_at = time.monotonic()
        self._told: dict[str, int] = {}
        """What this process has told open offers to have left."""
        self._opened = metrics.counter("blytz_lots_opened", "Lots that were opened by the plan of their show")
        self._closed = metrics.counter("blytz_lots_closed", "Lots closed by this process, by outcome", "outcome")
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
                else:
                    await self._round(polls)
                self._round_at = time.monotonic()
            # On a quiet night one query a second is all that shows cost.
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
        shows = await self._runs.shows_with_intents(self._now() - LEFT_AFTER_MS, BATCH)
        self._left = len(shows)
        for show_id in shows:
            await self._carry_out(show_id)
        for auction_id, opened_at in await self._runs.open_runs(BATCH):
            closing = await self._closing(auction_id, opened_at)
            if closing:
                await self._close(closing)

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
        for offer_id, opened_at in await self._runs.open_runs(BATCH, prefix=OFFER_PREFIX):
            left = await self._auctions.left(offer_id)
            if left is None:
                if closing := await self._closing(offer_id, opened_at):
                    await self._close(closing)
                continue
            told[offer_id] = left
            if self._told.get(offer_id) != left and (acted := await self._runs.record_left(offer_id, left)):
                await self._carry_out(acted.show.show_id)
        self._told = told

    async def _closing(self, auction_id: str, opened_at: int) -> Closing | None:
        try:
            return await self._auctions.closing(auction_id)
        except NotFound:
            now = self._now()
            if now - opened_at < GONE_AFTER_MS:
                return None
            log.warning("auction_lost", auction_id=auction_id)
            return Closing(auction_id, "cancelled", 0, None, now)

    async def _close(self, closing: Closing) -> None:
        closed = await self._runs.close(closing)
        if closed is not None:
            self._closed.add(closing.outcome)
            self._measure(closing.closed_at)
            await self._carry_out(closed.show.show_id)

    async def open_due(self) -> None:
        for show_id, due_at in await self._runs.shows_due(self._now(), BATCH):
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
            await self._intents.carry_out(show_id)
        except (StoreUnavailable, Overloaded):
            raise
        except Exception:
            log.exception("intents_failed", show_id=show_id)
