"""Copies the events of shows, the chat among them, from Redis to the catalogue: Redis keeps only the newest.

Any number of archivers may run side by side, and each may be killed at any moment: an event is added once, under
its number in its history (`epoch`).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.events.log import CorruptShow

COPY_EVERY_S: Final = 2.0
BATCH: Final = 500
"""Events in one transaction, about 200 KB."""
MAX_BATCHES: Final = 10
"""Of one show in one round, so that no show keeps the others waiting."""
MAX_SHOWS: Final = 500
AFTER_END_MS: Final = 3_000_000
"""A show that has ended is looked at for so long: less than its events stay in Redis, which is an hour."""


class LoggedEvent(Struct, frozen=True):
    seq: int
    public: bytes
    private: bytes


class Position(Struct, frozen=True):
    epoch: str
    seq: int
    """Of the last event."""
    archived: int
    """Of the last one that is known to be in the archive."""


class EventLog(Protocol):
    """Raises `StoreUnavailable`, `Overloaded` and `CorruptShow`."""

    async def position(self, show_id: str) -> Position | None:
        """Of the history that Redis has now; None for a show without a state."""

    async def events_after(self, show_id: str, seq: int, limit: int) -> Sequence[LoggedEvent]:
        """The oldest ones first."""

    async def archived(self, show_id: str, epoch: str, seq: int) -> None:
        """Everything up to there is kept elsewhere: while too much is not, a chat has to wait."""


class EventArchive(Protocol):
    """Raises `StoreUnavailable` and `Overloaded`."""

    async def shows_to_copy(self, ended_after: int, limit: int) -> Sequence[str]:
        """Those that are live or paused, and those that ended after then (ms since the Unix epoch)."""

    async def last(self, show_id: str, epoch: str) -> int:
        """The number of the last event that is there; 0 without one."""

    async def add(self, show_id: str, epoch: str, events: Sequence[LoggedEvent]) -> None:
        """Those that are there already stay as they are."""


class ShowArchiver:
    def __init__(self, events: EventLog, archive: EventArchive, now: Callable[[], int], metrics: Metrics) -> None:
        self._events = events
        self._archive = archive
        self._now = now
        self._whole_at = time.monotonic()
        self._copied = metrics.counter("blytz_show_events_archived", "Events of shows copied to the catalogue")
        metrics.gauge(
            "blytz_show_archive_lag_seconds",
            "Since every event of every show was last known to be in the catalogue; normally 2 at most",
            lambda: time.monotonic() - self._whole_at,
        )

    async def run(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            # That Redis or the database is away, their connections say in the log.
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self.copy_all()
            await asyncio.sleep(COPY_EVERY_S)

    async def copy_all(self) -> None:
        """One round. Raises `StoreUnavailable` and `Overloaded`."""
        began, is_whole = time.monotonic(), True
        for show_id in await self._archive.shows_to_copy(self._now() - AFTER_END_MS, MAX_SHOWS):
            try:
                is_whole = await self._copy(show_id) and is_whole
            except CorruptShow:
                is_whole = False  # It was logged, and must not hold up the others.
        if is_whole:
            self._whole_at = began

    async def _copy(self, show_id: str) -> bool:
        """Whether nothing is left to be copied."""
        position = await self._events.position(show_id)
        # Most shows are quiet most of the time: they cost one command.
        if position is None or position.archived == position.seq:
            return True
        epoch = position.epoch
        last = await self._archive.last(show_id, epoch)
        is_whole = False
        for _ in range(MAX_BATCHES):
            events = await self._events.events_after(show_id, last, BATCH)
            if not events:
                is_whole = True
                break
            await self._archive.add(show_id, epoch, events)
            last = events[-1].seq
            self._copied.add(by=len(events))
        if last:
            await self._events.archived(show_id, epoch, last)
        return is_whole
