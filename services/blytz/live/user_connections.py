"""Limits the connections of each user, over all gateways together.

A connection is counted here at once and shared a moment later, so that signing in does not wait for Redis. A user
with too many elsewhere then loses the newest ones again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from itertools import islice
from time import monotonic
from typing import Final, Protocol

from blytz.kit.ids import new_id
from blytz.kit.problems import Overloaded, StoreUnavailable

REPORT_EVERY_S: Final = 3.0
"""At the latest: a report is also the heartbeat of this gateway."""
LEASE_DOUBTFUL_AFTER_S: Final = 2 * REPORT_EVERY_S
"""After a silence of this length a gateway reports all its counts again: `connection_counts.lua` lets a lease
expire after 9 to 10 s, and the last report was received somewhat before its answer came."""
MAX_REPORTED_AT_ONCE: Final = 128
"""Users in one call, so that no single one holds Redis up."""
MAX_UNREPORTED: Final = 100_000
"""While Redis is away. Those who left are forgotten then, and their counts expire within a day."""
AGAIN_AFTER_S: Final = 1.0


class SharedCounts(Protocol):
    """The counts of all gateways."""

    async def share(self, gateway: str, limit: int, counts: Sequence[tuple[str, int]]) -> Sequence[int]:
        """Report how many connections each user has at this gateway. Returns how many of those may stay, for each
        user. Raises `StoreUnavailable` and `Overloaded`."""


class UserConnection(Protocol):
    """One connection of a user."""

    def disconnect_excess(self) -> None:
        """Disconnect it; it calls `leave` by itself."""


class UserConnections:
    """Each `enter` needs exactly one `leave`. While Redis is away, or without it, a gateway counts alone."""

    def __init__(
        self,
        limit: int,
        shared_counts: SharedCounts | None = None,
        *,
        again_after_s: float = AGAIN_AFTER_S,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._limit = limit
        self._again_after_s = again_after_s
        self._now = now
        self._reported_at = now()
        self._shared_counts = shared_counts
        self._name = new_id("gw")
        self._here: dict[str, list[UserConnection]] = {}
        self._unreported: dict[str, None] = {}
        """Users whose number has changed since it was reported, in the order of the changes. A dict, because a set
        has no order."""
        self._wake = asyncio.Event()

    def enter(self, user_id: str, connection: UserConnection) -> bool:
        """False when the user has `limit` connections here already; then nothing is counted."""
        here = self._here.get(user_id, [])
        if len(here) >= self._limit:
            return False
        here.append(connection)
        self._here[user_id] = here
        self._note(user_id)
        return True

    def leave(self, user_id: str, connection: UserConnection) -> None:
        here = self._here[user_id]
        here.remove(connection)
        if not here:
            del self._here[user_id]
        self._note(user_id)

    async def follow(self) -> None:
        """Run under a `TaskSupervisor`."""
        while self._shared_counts is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), REPORT_EVERY_S)
            try:
                await self._share(self._shared_counts)
            except (StoreUnavailable, Overloaded):
                await asyncio.sleep(self._again_after_s)

    async def finish(self) -> None:
        """Report the last changes, once all connections are closed and `follow` ended. Gives up without Redis."""
        with contextlib.suppress(StoreUnavailable, Overloaded):
            while self._unreported and self._shared_counts is not None:
                await self._share(self._shared_counts)

    async def _share(self, shared_counts: SharedCounts) -> None:
        self._wake.clear()
        if self._now() - self._reported_at > LEASE_DOUBTFUL_AFTER_S:
            self._unreported |= dict.fromkeys(self._here)
        counts = [
            (user_id, len(self._here.get(user_id, ())))
            for user_id in islice(self._unreported, MAX_REPORTED_AT_ONCE)
        ]
        for user_id, _ in counts:
            del self._unreported[user_id]
        try:
            may_stay = await shared_counts.share(self._name, self._limit, counts)
        except Exception:
            for user_id, _ in counts:
                self._note(user_id)
            raise
        self._reported_at = self._now()
        if self._unreported:
            self._wake.set()
        for (user_id, count), stay in zip(counts, may_stay, strict=True):
            for connection in self._here.get(user_id, [])[stay:count]:
                connection.disconnect_excess()

    def _note(self, user_id: str) -> None:
        if self._shared_counts is None:
            return
        if len(self._unreported) >= MAX_UNREPORTED:
            self._unreported = {each: None for each in self._unreported if each in self._here}
        self._unreported[user_id] = None
        self._wake.set()
