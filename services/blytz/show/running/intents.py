"""Carries out what decisions about shows have left to be done: in auctions, and in the log that viewers follow.

The decision and its intents are one transaction, so a process that dies at any point after it leaves intents, and
whoever carries them out next ends its work. Each can be carried out twice without a second effect.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from blytz.kit.problems import CorruptRecord, NotFound
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.events.log import Announced, Announcement, ShowLog
from blytz.show.model import Closing
from blytz.show.running.auctions import Auctions
from blytz.show.running.rooms import Rooms, VideoUnavailable
from blytz.show.running.standings import standings_of
from blytz.show.running.store import Acted, Intent, RunStore
from blytz.show.store import People

log = structlog.get_logger()

MAX_ROUNDS: Final = 20
"""One round may leave intents for the next: a lot that is cancelled closes, and then its show ends."""


class IntentRunner:
    """Several processes may carry out the intents of one show at the same time."""

    def __init__(
        self,
        runs: RunStore,
        auctions: Auctions,
        shows_log: ShowLog,
        people: People,
        metrics: Metrics,
        rooms: Rooms | None = None,
    ) -> None:
        """Without `rooms` there is no video."""
        self._runs = runs
        self._auctions = auctions
        self._log = shows_log
        self._people = people
        self._rooms = rooms
        self._busy: dict[str, asyncio.Lock] = {}
        self._closed = metrics.counter("blytz_lots_closed", "Lots closed by this process, by outcome", "outcome")

    async def carry_out(self, show_id: str) -> Collection[str]:
        """Everything that is left to be done for this show, but for orders to auctions and offers that are not
        valid in Redis: their ids are returned, and the orders stay until they can be carried out. Raises
        `StoreUnavailable` and `Overloaded`; the next call then does the rest."""
        damaged: set[str] = set()
        async with self._alone(show_id):
            for _ in range(MAX_ROUNDS):
                intents = await self._runs.intents(show_id)
                if all(intent.order and intent.order.auction_id in damaged for intent in intents):
                    break
                await self._carry_out(show_id, intents, damaged)
        return damaged

    async def close(self, closing: Closing) -> Acted | None:
        """Write how the auction or offer of a lot has ended. None when it is of no lot, or that was done before.
        What is left to be done then is not carried out yet."""
        closed = await self._runs.close(closing)
        if closed is not None:
            self._closed.add(closing.outcome)
        return closed

    async def _carry_out(self, show_id: str, intents: Sequence[Intent], damaged: set[str]) -> None:
        """Adds to `damaged` the auctions and offers that are not valid."""
        done: list[int] = []
        waiting: set[tuple[str, str]] = set()
        try:
            for intent in intents:
                if not await self._is_done(show_id, intent, damaged) and (order := intent.order):
                    # A seller may ask again and again: each end is kept once, so that what waits has a bound.
                    is_kept = (order.verb, order.auction_id) not in waiting or order.verb not in (
                        "close",
                        "cancel",
                    )
                    waiting.add((order.verb, order.auction_id))
                    if is_kept:
                        continue
                done.append(intent.intent_id)
        finally:
            if done:
                await self._runs.finish(done)

    async def _is_done(self, show_id: str, intent: Intent, damaged: set[str]) -> bool:
        """False for an order to a damaged auction or offer; further ones to it wait behind that one."""
        auction_id = intent.order.auction_id if intent.order else ""
        if auction_id in damaged:
            return False
        try:
            await self._do(show_id, intent)
        except CorruptRecord:
            if not auction_id:
                raise
            damaged.add(auction_id)
            return False
        return True

    async def _do(self, show_id: str, intent: Intent) -> None:
        if intent.announcement:
            await self._announce(show_id, intent.announcement)
            return
        order = intent.order
        assert order is not None, "an intent is an order or an announcement"
        operation_id = f"intent-{intent.intent_id}"
        match order.verb:
            case "open":
                assert intent.opening is not None, "an order to open has its opening"
                standings = await standings_of(self._people, show_id, intent.opening.seller.id)
                await self._auctions.open(intent.opening, standings)
            case "pause":
                await self._auctions.pause(order.auction_id, order.reason, operation_id)
            case "resume":
                await self._auctions.resume(order.auction_id, operation_id)
            case "close":
                await self._auctions.close(order.auction_id)
                await self._close_lot(order.auction_id)
            case "cancel":
                await self._auctions.cancel(order.auction_id)
                await self._close_lot(order.auction_id)
            case "open_room" | "close_room":
                await self._change_room(show_id, is_open=order.verb == "open_room")

    async def _change_room(self, show_id: str, *, is_open: bool) -> None:
        """Tried once: a show needs no video, and the video worker sees to its room again every few seconds."""
        if self._rooms is None:
            return
        try:
            await (self._rooms.ensure(show_id) if is_open else self._rooms.delete(show_id))
        except VideoUnavailable as problem:
            log.warning("room_not_changed", show_id=show_id, is_open=is_open, why=problem.detail)

    async def _close_lot(self, auction_id: str) -> None:
        """At once, so that whoever closed or cancelled it sees it closed."""
        with contextlib.suppress(NotFound):
            if closing := await self._auctions.closing(auction_id):
                await self.close(closing)

    async def _announce(self, show_id: str, announcement: Announcement) -> None:
        if announcement.kind == "show_started":
            # Before anybody may speak.
            blocked = await self._people.blocked(announcement.public["show"]["seller"]["id"])
            await self._log.set_blocked(show_id, blocked)
        if await self._log.announce(show_id, announcement) is Announced.GAP:
            # Redis has an older state of the show than the catalogue, perhaps out of a backup, or that of a draft.
            log.warning("show_log_replaced", show_id=show_id)
            if snapshot := await self._runs.snapshot(show_id):
                # From before this change, so that it is announced: those who watch learn by it of the new log.
                blocked = await self._people.blocked(snapshot.show["seller"]["id"])
                before = replace(snapshot, change=announcement.change - 1, blocked=blocked)
                await self._log.replace(show_id, before)
                await self._log.announce(show_id, announcement)

    @contextlib.asynccontextmanager
    async def _alone(self, show_id: str) -> AsyncIterator[None]:
        lock = self._busy.setdefault(show_id, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._busy.pop(show_id, None)
