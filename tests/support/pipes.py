"""Connections of tests to Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from typing_extensions import override

from blytz.kit.redis.pipe import RedisPipe

CONNECTED_WITHIN_S = 10.0


class NoTimeoutPipe(RedisPipe):
    """Waits for each answer without a timeout, for tests of what is decided and not of how fast: there a slow disk
    must not fail the test."""

    @override
    def _check_due(self) -> None:
        self._due_timer = None


@asynccontextmanager
async def connected(
    url: str, *, replicas: int = 0, max_in_flight: int = 4_096, no_timeout: bool = False
) -> AsyncIterator[RedisPipe]:
    """A connected pipe, closed at the end."""
    made = NoTimeoutPipe if no_timeout else RedisPipe
    pipe = made(url, "test", max_in_flight=max_in_flight, replicas=replicas)
    try:
        await pipe.start(timeout_s=CONNECTED_WITHIN_S)
        yield pipe
    finally:
        await pipe.close()


@asynccontextmanager
async def many_connected(url: str, count: int) -> AsyncIterator[list[RedisPipe]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(url, no_timeout=True)) for _ in range(count)]
