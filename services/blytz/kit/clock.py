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
"""A reading that took longer says too little about the time."""


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
        """Milliseconds since the Unix epoch on the server, right to about half a round trip."""
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
        if self.is_known and after - before > MAX_ROUND_TRIP_S:
            return 0
        ahead_ms = reading.now - reading.stepped_ms - (before + after) * 500
        step_ms = round(ahead_ms - self._ahead_ms)
        self.is_steady = not self.is_known or reading.is_current or abs(step_ms) <= MAX_DEVIATION_MS
        if not self.is_steady:
            return step_ms
        self._ahead_ms, self.stepped_ms, self.is_known = ahead_ms, reading.stepped_ms, True
        return 0

    async def follow(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self.sync()
            await asyncio.sleep(SYNC_EVERY_S)

    def _steady_ms(self) -> float:
        return time.monotonic() * 1000 + self._ahead_ms
