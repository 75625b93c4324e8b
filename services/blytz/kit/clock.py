"""What time it is on the Redis clock, without asking Redis each time.

Good for showing (`server_at`) and for planning when to look; what decides is the clock inside the script.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from blytz.kit.problems import Overloaded, StoreUnavailable

SYNC_EVERY_S = 10.0


class ServerClock:
    """Follows a server's clock. Until the first answer it is this machine's own."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._ahead_ms = time.time() * 1000 - time.monotonic() * 1000

    def now(self) -> int:
        """Milliseconds since the Unix epoch on the server, right to about half a round trip."""
        return int(time.monotonic() * 1000 + self._ahead_ms)

    def has_come(self, at: int) -> bool:
        """Whether it is `at` (ms since the Unix epoch) or later."""
        return time.monotonic() * 1000 + self._ahead_ms >= at

    async def sync(self) -> None:
        before = time.monotonic()
        server_now = await self._ask()
        self._ahead_ms = server_now - (before + time.monotonic()) * 500

    async def follow(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self.sync()
            await asyncio.sleep(SYNC_EVERY_S)
