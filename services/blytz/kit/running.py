"""Runs the coroutine of a process or a command on uvloop. SIGINT and SIGTERM cancel it and let it clean up."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


class Interrupted(KeyboardInterrupt):
    """A signal ended `main`, which has cleaned up after itself."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Raises `Interrupted` once `main` was cancelled by a signal and has cleaned up after itself."""
    interrupted = False

    async def until_interrupted() -> T:
        task = asyncio.ensure_future(main)

        def interrupt() -> None:
            nonlocal interrupted
            interrupted = True
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
        return await task

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(until_interrupted())
    except asyncio.CancelledError:
        if not interrupted:
            raise
    raise Interrupted
