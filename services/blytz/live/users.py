"""On how many connections each user is signed in: so many at most, over all gateways together.

A connection is counted here at once and shared a moment later, so that nobody waits for Redis to come in; who has
too many elsewhere is then turned away again, the newest first.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from itertools import islice
from time import monotonic
from typing import Final, Protocol

import structlog

from blytz.kit.ids import new_id
from blytz.kit.problems import Overloaded, StoreUnavailable

log = structlog.get_logger()

SAID_EVERY_S: Final = 3.0
"""A sign of life."""
DOUBTED_AFTER_S: Final = 2 * SAID_EVERY_S
"""Who was silent for so long says again who is there: after 9 to 10 s without a word `places.lua` takes a gateway
for dead, and the last word was heard somewhat before its answer came."""
SAID_AT_ONCE: Final = 128
"""Users in one call, so that no single one holds Redis up."""
MOST_UNSAID: Final = 100_000
"""While Redis is away. Those who left are forgotten then, and missed by nobody for longer than a day."""
AGAIN_AFTER_S: Final = 1.0


class Places(Protocol):
    """What all gateways have together."""

    async def share(self, gateway: str, most: int, counts: Sequence[tuple[str, int]]) -> Sequence[int]:
        """How many of those at this gateway may stay, for each user. Raises `StoreUnavailable`, `Overloaded`."""


class Guest(Protocol):
    """One connection of a user."""

    def crowd_out(self) -> None:
        """Turn it away; it leaves by itself."""


class Users:
    """Who is in must leave exactly once. Without `places`, or while they are away, each gateway counts alone."""

    def __init__(
        self,
        most: int,
        places: Places | None = None,
        *,
        again_after_s: float = AGAIN_AFTER_S,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._most = most
        self._again_after_s = again_after_s
        self._now = now
        self._said_at = now()
        self._places = places
        self._name = new_id("gw")
        self._here: dict[str, list[Guest]] = {}
        self._unsaid: dict[str, None] = {}
        """Users of whom the number changed, the one who waits longest first."""
        self._wake = asyncio.Event()

    def enter(self, user_id: str, guest: Guest) -> bool:
        """False when there are so many here already; nobody has entered then."""
        here = self._here.get(user_id, [])
        if len(here) >= self._most:
            return False
        here.append(guest)
        self._here[user_id] = here
        self._note(user_id)
        return True

    def leave(self, user_id: str, guest: Guest) -> None:
        here = self._here[user_id]
        here.remove(guest)
        if not here:
            del self._here[user_id]
        self._note(user_id)

    async def follow(self) -> None:
        """Run for as long as the process does."""
        while self._places is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SAID_EVERY_S)
            try:
                await self._share(self._places)
            except (StoreUnavailable, Overloaded):
                await asyncio.sleep(self._again_after_s)
            except Exception:
                log.exception("connections_not_shared")
                await asyncio.sleep(self._again_after_s)

    async def settle(self) -> None:
        """Say what is unsaid, once everybody has left and nobody follows. Gives up where Redis is away."""
        with contextlib.suppress(StoreUnavailable, Overloaded):
            while self._unsaid and self._places is not None:
                await self._share(self._places)

    async def _share(self, places: Places) -> None:
        self._wake.clear()
        if self._now() - self._said_at > DOUBTED_AFTER_S:
            self._unsaid |= dict.fromkeys(self._here)
        counts = [(user_id, len(self._here.get(user_id, ()))) for user_id in islice(self._unsaid, SAID_AT_ONCE)]
        for user_id, _ in counts:
            del self._unsaid[user_id]
        try:
            may_stay = await places.share(self._name, self._most, counts)
        except Exception:
            for user_id, _ in counts:
                self._note(user_id)
            raise
        self._said_at = self._now()
        if self._unsaid:
            self._wake.set()
        for (user_id, count), stay in zip(counts, may_stay, strict=True):
            for guest in self._here.get(user_id, [])[stay:count]:
                guest.crowd_out()

    def _note(self, user_id: str) -> None:
        if self._places is None:
            return
        if len(self._unsaid) >= MOST_UNSAID:
            self._unsaid = {each: None for each in self._unsaid if each in self._here}
        self._unsaid[user_id] = None
        self._wake.set()
