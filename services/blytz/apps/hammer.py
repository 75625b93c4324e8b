"""Wiring of the hammer."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from blytz.apps import wiring
from blytz.auction.hammer import Hammer
from blytz.auction.redis.schedule import RedisSchedule
from blytz.kit.background_import import import_in_background
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency, State, operator_pages, serve_pages, task_state
from blytz.kit.redis.memory import RedisMemory
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from blytz.apps.beside_hammer import BesideHammer

SWITCH_INTERVAL_S: Final = 0.001
"""How long a thread keeps the others waiting."""
LOADING: Final = Dependency("unasked", optional=True)


async def main(settings: Settings) -> None:
    """Run the hammer until cancelled. What it has not finished then, the next hammer finds again."""
    # A thread that replays a long log must not hold up the hammer: the default is 5 ms.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    metrics = Metrics()
    pipe = wiring.auction_pipe(settings, "hammer")
    clock = wiring.server_clock(pipe)
    store = wiring.auction_store(pipe, clock)
    lines.register_metrics(metrics)
    pipe.register_metrics(metrics)
    tasks = TaskSupervisor(metrics)
    hammer = Hammer(store, RedisSchedule(pipe), clock, metrics)
    memory = RedisMemory(pipe, metrics)
    beside: BesideHammer | None = None

    def state_beside(name: str) -> Dependency:
        return beside.states()[name] if beside else LOADING

    dependencies: dict[str, State] = {
        "redis": pipe.up.is_set,
        "clock": lambda: clock.is_steady,
        "archive": partial(state_beside, "archive"),
        "tasks": task_state(tasks),
        "video": partial(state_beside, "video"),
        "shows": partial(state_beside, "shows"),
    }
    pages = await serve_pages(settings.host, settings.hammer_port, operator_pages(metrics, dependencies))
    await pipe.start(tasks)
    try:
        tasks.start("clock", clock.follow)
        await pipe.up.wait()
        tasks.start("memory", memory.follow)
        running = tasks.start("hammer", hammer.run)
        loaded = await import_in_background("blytz.apps.beside_hammer")
        beside = loaded.BesideHammer(settings, pipe, store, clock, metrics)
        assert beside is not None
        beside.start(tasks)
        await running
    finally:
        pages.close()
        await tasks.stop()
        await pipe.close()
        if beside:
            await beside.close()
