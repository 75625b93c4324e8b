"""Wiring of the hammer, which also closes the lots of shows and opens the next ones."""

from blytz.apps import wiring
from blytz.apps.catalogue import Catalogue
from blytz.apps.shows import Shows
from blytz.auction.hammer import Hammer
from blytz.auction.redis.retention import RedisRetention
from blytz.auction.redis.schedule import RedisSchedule
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import State, operator_pages, serve_pages, task_state
from blytz.kit.redis.memory import RedisMemory
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics


async def main(settings: Settings) -> None:
    """Run the hammer until cancelled. What it has not finished then, the next hammer finds again."""
    metrics = Metrics()
    pipe = wiring.auction_pipe(settings, "hammer")
    clock = wiring.server_clock(pipe)
    store = wiring.auction_store(pipe, clock)
    lines.register_metrics(metrics)
    pipe.register_metrics(metrics)
    tasks = TaskSupervisor(metrics)
    hammer = Hammer(store, RedisSchedule(pipe), clock, metrics)
    retention = RedisRetention(pipe, settings.keep_closed_ms, settings.keep_closed, metrics)
    memory = RedisMemory(pipe, metrics)
    catalogue = Catalogue(settings)
    worker = Shows(catalogue.database, pipe, store, clock, metrics).worker()

    async def run_shows() -> None:
        # Without a database, auctions are closed all the same.
        await catalogue.until_ready()
        await worker.run()

    dependencies: dict[str, State] = {
        "redis": pipe.up.is_set,
        "clock": lambda: clock.is_steady,
        "tasks": task_state(tasks),
    }
    pages = await serve_pages(settings.host, settings.hammer_port, operator_pages(metrics, dependencies))
    await pipe.start(tasks)
    try:
        tasks.start("clock", clock.follow)
        await pipe.up.wait()
        tasks.start("retention", retention.run)
        tasks.start("memory", memory.follow)
        tasks.start("shows", run_shows)
        await tasks.start("hammer", hammer.run)
    finally:
        pages.close()
        await tasks.stop()
        await pipe.close()
        await catalogue.database.close()
