"""Ways in which Redis can be unavailable."""

import asyncio
from typing import Literal

from tests.support.hammer_harness import HammerHarness, now_ms
from tests.support.wait import until

How = Literal["killed", "stopped", "frozen"]
WAYS: tuple[How, ...] = ("killed", "stopped", "frozen")


async def until_time(at: int) -> None:
    """Waits until this time."""
    await until(lambda: now_ms() >= at, "the time has come", (at - now_ms()) / 1000 + 5)


async def leave(harness: HammerHarness, how: How) -> None:
    end = {"killed": harness.redis.kill, "stopped": harness.redis.stop, "frozen": harness.redis.freeze}[how]
    await asyncio.to_thread(end)


async def come_back(harness: HammerHarness, how: How) -> None:
    """Returns when Redis answers."""
    await asyncio.to_thread(harness.redis.thaw if how == "frozen" else harness.redis.start)
    await until(harness.pipe.up.is_set, "the test's own connection is back")


async def make_redis_unavailable(harness: HammerHarness, how: How, for_ms: int) -> int:
    """Makes Redis unavailable; returns for how long, in ms."""
    began = now_ms()
    await leave(harness, how)
    await until_time(began + for_ms)
    returned = now_ms()
    await come_back(harness, how)
    return returned - began
