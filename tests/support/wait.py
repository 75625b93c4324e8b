"""Wait for a condition, blocking or in the event loop."""

import asyncio
import time
from collections.abc import Callable

CHECK_EVERY_S = 0.005


def wait_until(holds: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """Block until `holds()`. Raises TimeoutError that names `what`."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s: {what}")
        time.sleep(CHECK_EVERY_S)


async def until(holds: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """The same without blocking the event loop."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s: {what}")
        await asyncio.sleep(CHECK_EVERY_S)
