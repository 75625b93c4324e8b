"""Waiting for a condition, in a test and in the loop."""

import asyncio
import time
from collections.abc import Callable

CHECK_EVERY_S = 0.005


def wait_until(holds: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """Block until `holds()`; fail saying `what` when it never does."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s: {what}")
        time.sleep(CHECK_EVERY_S)


async def until(holds: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """The same for a coroutine; the loop goes on meanwhile."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s: {what}")
        await asyncio.sleep(CHECK_EVERY_S)
