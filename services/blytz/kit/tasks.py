"""Background tasks that run as long as their process. One that fails is logged, counted and started again."""

import asyncio
from collections.abc import Awaitable, Callable
from random import uniform
from typing import Final

import structlog

from blytz.kit.telemetry.metrics import Metrics

log = structlog.get_logger()

FIRST_PAUSE_S: Final = 0.1
MAX_PAUSE_S: Final = 5.0
RECOVERED_AFTER_S: Final = 10.0
"""A task counts as failing until it has run for this long."""


class TaskSupervisor:
    """The background tasks of one process. Used from the event loop only.

    A task whose function raises, or returns, is started again after a pause with full jitter that doubles up to
    `MAX_PAUSE_S`. SystemExit and KeyboardInterrupt are not caught: they end the process.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._restarts = metrics.counter(
            "blytz_task_restarts", "Restarts of background tasks that had failed, by task", "task"
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._failing_until: dict[str, float] = {}

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run it until the returned task is cancelled. `name` is a metric's label: one of a few, without ids."""
        self._restarts.add(name, by=0)
        task = asyncio.create_task(self._run(name, run), name=name)
        self._tasks.append(task)
        return task

    def failing(self) -> list[str]:
        """Names of the tasks that have failed and have not yet run for `RECOVERED_AFTER_S` since."""
        now = asyncio.get_running_loop().time()
        return sorted(name for name, until in self._failing_until.items() if now < until)

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            started_at = loop.time()
            try:
                await run()
                log.error("task_ended", task=name)
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
                # Not this task was cancelled, but something that it waited for.
                log.exception("task_failed", task=name)
            except Exception:
                log.exception("task_failed", task=name)
            if loop.time() - started_at >= RECOVERED_AFTER_S:
                failures = 0
            pause_s = uniform(0, min(MAX_PAUSE_S, FIRST_PAUSE_S * 2**failures))
            failures = min(failures + 1, 16)
            self._restarts.add(name)
            self._failing_until[name] = loop.time() + pause_s + RECOVERED_AFTER_S
            await asyncio.sleep(pause_s)
