"""What time it is on the Redis clock, without asking Redis each time.

Good for showing (`server_at`) and for planning when to check; what decides is the clock inside the script.

The clock of Redis may step: a time daemon sets it, a machine resumes from suspension. The monotonic clock of this
process does not, so a reading that deviates from it by more than `MAX_DEVIATION_MS` is a step (decision 0016).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from blytz.kit.problems import Overloaded, StoreUnavailable

SYNC_EVERY_S = 0.5
MAX_DEVIATION_MS = 1_000
"""A smaller step is followed. `common.lua` has the same number."""
MAX_ROUND_TRIP_S = 0.5
"""A reading that took longer shows a step of the clock, but not how large it is."""


class ClockReading(NamedTuple):
    now: int
    """Milliseconds since the Unix epoch, on the server."""
    stepped_ms: int
    """The sum of all steps of that clock that have been recorded."""
    is_current: bool
    """Whether a step until now would have been recorded."""


class ServerClock:
    """Follows a server's clock. Until the first answer it is this machine's own."""

    def __init__(self, ask: Callable[[], Awaitable[ClockReading]]) -> None:
        self._ask = ask
        self._ahead_ms = time.time() * 1000 - time.monotonic() * 1000
        self.stepped_ms = 0
        """The recorded steps of the server's clock that `now` includes."""
        self.is_known = False
        self.is_steady = True
        """False from a step of the server's clock until it has been recorded."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch on the server, right to about the quickest round trip so far."""
        return int(self._steady_ms()) + self.stepped_ms

    def steady(self) -> int | None:
        """`now` without the steps of the server's clock: it never jumps. None before the first answer."""
        return int(self._steady_ms()) if self.is_known else None

    def has_come(self, at: int) -> bool:
        """Whether it is `at` (ms since the Unix epoch) or later."""
        return self._steady_ms() + self.stepped_ms >= at

    async def sync(self) -> int:
        """Returns the step of the server's clock that nothing has recorded yet, in ms; 0 when there is none."""
        before = time.monotonic()
        reading = await self._ask()
        after = time.monotonic()
        steady = reading.now - reading.stepped_ms
        earliest, latest = steady - after * 1000, steady - before * 1000
        # Redis read its clock at an unknown moment of the round trip. So an answer that was slow, perhaps because
        # Redis stood still, moves the estimate only when it contradicts it, and no further than needed.
        ahead_ms = min(max(self._ahead_ms, earliest), latest) if self.is_known else (earliest + latest) / 2
        if self.is_known and not reading.is_current and abs(ahead_ms - self._ahead_ms) > MAX_DEVIATION_MS:
            self.is_steady = False
            return round((earliest + latest) / 2 - self._ahead_ms) if after - before < MAX_ROUND_TRIP_S else 0
        self._ahead_ms, self.stepped_ms = ahead_ms, reading.stepped_ms
        self.is_known = self.is_steady = True
        return 0

    async def follow(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self.sync()
            await asyncio.sleep(SYNC_EVERY_S)

    def _steady_ms(self) -> float:
        return time.monotonic() * 1000 + self._ahead_ms
