"""Connections of tests to Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from blytz.kit.redis.pipe import RedisPipe

CONNECTED_WITHIN_S = 10.0


class PatientPipe(RedisPipe):
    """Waits for an answer as long as it takes. Where what is decided is tested, and not how fast, a slow disk of
    the machine that tests is no finding."""

    def _look(self) -> None:
        self._watch = None


@asynccontextmanager
async def connected(
    url: str, *, replicas: int = 0, max_in_flight: int = 4_096, patient: bool = False
) -> AsyncIterator[RedisPipe]:
    """A pipe that is up, closed at the end."""
    made = PatientPipe if patient else RedisPipe
    pipe = made(url, "test", max_in_flight=max_in_flight, replicas=replicas)
    try:
        await pipe.start(timeout_s=CONNECTED_WITHIN_S)
        yield pipe
    finally:
        await pipe.close()


@asynccontextmanager
async def many_connected(url: str, count: int) -> AsyncIterator[list[RedisPipe]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(url, patient=True)) for _ in range(count)]
