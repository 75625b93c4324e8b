"""Opens and closes auctions on time. Any number of hammers may run side by side; each may be killed at any moment.

The schedule says when to check, the close script decides: a stale entry costs one call. An auction leaves
the schedule in the step in which its closing event reaches `sales`: none is forgotten, none passed on twice.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
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
POLL_EVERY_S = 0.03
"""How often the schedule is read: below the 50 ms that a lot may close late, because a resume may leave a lot less
time than that. One poll costs about 0.1 ms of CPU."""
HEARTBEAT_EVERY_S = 0.45
"""Each heartbeat is a write that goes to the disk, on a quiet night the only one. Well below `HEARTBEAT_VALID_S`,
or hammers would wait for a heartbeat."""
LOOK_AHEAD_MS = 300
"""Auctions that end this soon get a timer."""
DUE_BATCH = 2_000
"""Auctions taken from the schedule in one poll; more wait for the next one."""
MAX_COMPENSATED_AT_ONCE = 250
MAX_COMPENSATED = 100_000
"""Auctions that get lost time back at once; more get it when their hammer falls."""
RECHECK_PAUSED_MS = 5_000
ORPHAN_AFTER_MS = 60_000
"""An entry whose auction has still not appeared this long after it was due belongs to an opening that failed."""
POSTPONE_MS = 60_000
NEW_OUTAGE_MS = 1_000
"""An outage that ended this recently was noticed by this heartbeat."""
HEARTBEAT_VALID_S = 1.0
"""A hammer falls only this soon after a heartbeat: Redis may have stood still since, and then the lost time comes
first. A call that Redis executes more than a second late is refused by the script itself (decision 16)."""


class Schedule(Protocol):
    """When to check which auction (adapter: `auction/redis/schedule.py`)."""

    @property
    def connection(self) -> int:
        """Changes with every new connection, which may be to another run of Redis."""

    async def due(self, until: int, limit: int) -> Sequence[tuple[str, float]]:
        """`(auction_id, time)` of the entries that are due until then, the earliest first."""

    async def move(self, auction_id: str, read: float, to: int) -> None:
        """Change the entry's time if it still is the one that was read: a resume may have written another."""

    async def drop(self, auction_id: str) -> None: ...

    async def record_sale(self, auction_id: str, event: Event) -> bool:
        """Pass the closing event on and take the auction off; False when another hammer did."""

    async def heartbeat(self, unanswered_ms: int, step_ms: int, expected: int | None) -> Outage | None:
        """Report that this hammer runs, for how long Redis did not answer, and by how much its clock has stepped
        (0: not) from the time that was `expected`. Returns the last outage."""


class Hammer:
    def __init__(self, store: AuctionStore, schedule: Schedule, clock: ServerClock, metrics: Metrics) -> None:
        self._store = store
        self._schedule = schedule
        self._clock = clock
        self._armed: dict[str, _Armed] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._outage: Outage | None = None
        self._stepped_ms: int | None = None
        self._corrected: tuple[Outage | None, int] | None = (None, 0)
        """The outage and the steps of the clock that every auction has been corrected for."""
        self._heartbeat_at = 0.0
        self._heartbeat_connection = 0
        self._unanswered_since: float | None = None
        self._lag_s = metrics.histogram("blytz_hammer_lag_seconds", "From the end of an auction to its hammer")
        self._closed = metrics.counter("blytz_auctions_closed", "Auctions closed by this hammer", "status")
        self._outages = metrics.counter("blytz_outages", "Outages whose lost time was given back")
        self._steps = metrics.counter("blytz_clock_steps", "Steps of the clock of Redis")
        metrics.gauge("blytz_hammer_armed", "Auctions about to be closed", lambda: len(self._armed))

    async def run(self) -> None:
        """Until cancelled."""
        waits = False
        try:
            while True:
                try:
                    if self._heartbeat_is_due():
                        await self._send_heartbeat()
                    await self._poll()
                    waits = False
                except (StoreUnavailable, Overloaded) as problem:
                    if not waits:
                        log.info("hammer_waits", why=problem.code)
                    waits = True
                await asyncio.sleep(POLL_EVERY_S)
        finally:
            for armed in self._armed.values():
                armed.timer.cancel()
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
            step_ms = await self._clock.sync()
            outage = await self._schedule.heartbeat(int(unanswered_s * 1000), step_ms, self._clock.steady())
            if step_ms:
                await self._clock.sync()
        except (StoreUnavailable, Overloaded):
            if self._unanswered_since is None:
                self._unanswered_since = self._heartbeat_at or began
            raise
        self._heartbeat_at, self._heartbeat_connection, self._unanswered_since = monotonic(), connection, None
        self._report(outage)
        if (outage, self._clock.stepped_ms) != self._corrected:
            self._corrected = (outage, self._clock.stepped_ms)
            self._start_task(self._correct_all())

    def _report(self, outage: Outage | None) -> None:
        """Log and count a step of the clock and an outage since the last heartbeat. The clock's step has moved the
        outage that was known."""
        stepped_ms, known, is_first = self._clock.stepped_ms, self._outage, self._stepped_ms is None
        step_ms = stepped_ms - (stepped_ms if self._stepped_ms is None else self._stepped_ms)
        self._stepped_ms, self._outage = stepped_ms, outage
        if step_ms:
            log.warning("clock_step", step_ms=step_ms)
            self._steps.add()
            known = Outage(known.began_at + step_ms, known.ended_at + step_ms) if known else None
        # The first heartbeat of a hammer also returns an outage that other hammers have reported.
        if outage and outage != known and (not is_first or self._clock.now() - outage.ended_at < NEW_OUTAGE_MS):
            log.warning("outage", lost_ms=outage.ended_at - outage.began_at)
            self._outages.add()

    async def _correct_all(self) -> None:
        """Every auction gets the time of an outage back now, and the times of a clock that stepped, not only when
        its hammer falls: until then it would show a wrong end, and another outage may come. A clock that was set
        back leaves entries in the schedule that are due much too late, so after a failure all are tried again."""
        try:
            alive = await self._schedule.due(self._clock.now() * 2, MAX_COMPENSATED)
            for first in range(0, len(alive), MAX_COMPENSATED_AT_ONCE):
                batch = alive[first : first + MAX_COMPENSATED_AT_ONCE]
                answered = await asyncio.gather(*(self._close(auction_id, entry) for auction_id, entry in batch))
                if not all(answered):
                    raise StoreUnavailable
        except (StoreUnavailable, Overloaded):
            self._corrected = None  # The next heartbeat starts again.

    async def _poll(self) -> None:
        now = self._clock.now()
        for auction_id, entry in await self._schedule.due(now + LOOK_AHEAD_MS, DUE_BATCH):
            armed = self._armed.get(auction_id)
            if armed is None or armed.entry != entry:
                self._arm(auction_id, entry, entry - now)

    def _arm(self, auction_id: str, entry: float, in_ms: float) -> None:
        """Set a timer that closes the auction, for this entry of the schedule. It counts as armed until the
        attempt has ended, so that no poll starts a second one; only an entry with another time replaces it."""
        if before := self._armed.get(auction_id):
            before.timer.cancel()
        timer = asyncio.get_running_loop().call_later(max(0, in_ms) / 1000, self._start_closing, auction_id)
        self._armed[auction_id] = _Armed(entry, timer)

    def _start_closing(self, auction_id: str) -> None:
        self._start_task(self._close_armed(auction_id, self._armed[auction_id]))

    async def _close_armed(self, auction_id: str, armed: "_Armed") -> None:
        try:
            await self._close(auction_id, armed.entry)
        finally:
            if self._armed.get(auction_id) is armed:
                del self._armed[auction_id]

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, auction_id: str, entry: float) -> bool:
        """False when Redis did not answer: the auction stays on the schedule, and the next poll finds it."""
        if (
            self._heartbeat_connection != self._schedule.connection
            or monotonic() - self._heartbeat_at > HEARTBEAT_VALID_S
        ):
            return False
        try:
            found = await self._store.close(auction_id, CAUSE, outage=self._outage)
            match found:
                case Closed(status, event):
                    if await self._schedule.record_sale(auction_id, event):
                        self._closed.add(status.value)
                        self._measure_lag(event)
                        log.info("closed", auction_id=auction_id, status=status.value)
                case NotYet(remaining_ms):
                    await self._wait(auction_id, entry, remaining_ms)
                case Refused(Code.AUCTION_NOT_OPEN):
                    await self._open(auction_id, entry)
                case Refused():
                    if self._clock.now() - entry > ORPHAN_AFTER_MS:
                        await self._schedule.drop(auction_id)
        except (StoreUnavailable, Overloaded):
            return False
        except CorruptAuction:
            await self._postpone(auction_id, entry)
        except Exception:
            log.exception("hammer_failed", auction_id=auction_id)
            await self._postpone(auction_id, entry)
        return True

    def _measure_lag(self, event: Event) -> None:
        # One that was cancelled before it opened had no end.
        if event.public["ends_at"] is not None:
            self._lag_s.add(max(0, event.public["at"] - event.public["ends_at"]) / 1000)

    async def _postpone(self, auction_id: str, entry: float) -> None:
        """Check again in a minute: only a person, who finds it in the log, can help, and other auctions go on."""
        with contextlib.suppress(StoreUnavailable, Overloaded):
            await self._schedule.move(auction_id, entry, self._clock.now() + POSTPONE_MS)

    async def _wait(self, auction_id: str, entry: float, remaining_ms: int | None) -> None:
        if remaining_ms is None:
            await self._schedule.move(auction_id, entry, self._clock.now() + RECHECK_PAUSED_MS)
        elif remaining_ms > LOOK_AHEAD_MS:
            await self._schedule.move(auction_id, entry, self._clock.now() + remaining_ms)
        else:
            self._arm(auction_id, entry, remaining_ms + 1)

    async def _open(self, auction_id: str, entry: float) -> None:
        opened = await self._store.open(auction_id, CAUSE)
        if isinstance(opened, Auction):
            log.info("opened", auction_id=auction_id)
            await self._schedule.move(auction_id, entry, opened.ends_at or self._clock.now())
        elif isinstance(opened, NotYet):
            await self._wait(auction_id, entry, opened.remaining_ms)


@dataclass(slots=True, frozen=True)
class _Armed:
    entry: float
    """The time of the schedule's entry that it was armed for."""
    timer: asyncio.TimerHandle
