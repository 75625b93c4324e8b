"""Ways in which a Redis can be away."""

import asyncio
from typing import Literal

from tests.support.hall import Hall, now_ms
from tests.support.wait import until

How = Literal["killed", "stopped", "frozen"]
WAYS: tuple[How, ...] = ("killed", "stopped", "frozen")


async def until_time(at: int) -> None:
    """Until the clock shows it."""
    await until(lambda: now_ms() >= at, "the time has come", (at - now_ms()) / 1000 + 5)


async def leave(hall: Hall, how: How) -> None:
    end = {"killed": hall.redis.kill, "stopped": hall.redis.stop, "frozen": hall.redis.freeze}[how]
    await asyncio.to_thread(end)


async def come_back(hall: Hall, how: How) -> None:
    """Returns when Redis answers."""
    await asyncio.to_thread(hall.redis.thaw if how == "frozen" else hall.redis.start)
    await until(hall.pipe.up.is_set, "the test's own connection is back")


async def redis_away(hall: Hall, how: How, for_ms: int) -> int:
    """How long nobody could be answered, in ms."""
    began = now_ms()
    await leave(hall, how)
    await until_time(began + for_ms)
    returned = now_ms()
    await come_back(hall, how)
    return returned - began
