"""Wiring of the hammer, which also closes the lots of shows and opens the next ones."""

import sys
from collections.abc import Awaitable, Callable
from typing import Final

from blytz.apps import video, wiring
from blytz.apps.databases import NounDatabase
from blytz.apps.lot_offers import KEPT_MS
from blytz.apps.shows import Shows
from blytz.auction.archiver import Archiver
from blytz.auction.hammer import Hammer
from blytz.auction.redis.closed import RedisClosed
from blytz.auction.redis.schedule import RedisSchedule
from blytz.auction.sql.store import SqlArchive
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency, State, operator_pages, serve_pages, task_state
from blytz.kit.redis.memory import RedisMemory
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.redis.sales import RedisSalesOutbox
from blytz.offer.sales import PurchaseFeed

SWITCH_INTERVAL_S: Final = 0.001
"""How long a thread keeps the others waiting."""


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
    database = NounDatabase("auction", settings)
    closed = RedisClosed(pipe, settings.keep_closed_ms, settings.keep_closed)
    archive = SqlArchive(database.database)
    archiver = Archiver(closed, archive, metrics, database.prepare)
    purchases = PurchaseFeed(RedisSalesOutbox(pipe, KEPT_MS), metrics)
    memory = RedisMemory(pipe, metrics)
    catalogue = NounDatabase("show", settings)
    rooms = video.rooms_of(settings)
    shows = Shows(catalogue.database, archive, pipe, store, clock, metrics, rooms=rooms)
    worker, video_worker = shows.worker(), shows.video_worker()

    def with_catalogue(run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def run_when_ready() -> None:
            # Without a database, auctions are closed all the same.
            await catalogue.until_ready()
            await run()

        return run_when_ready

    dependencies: dict[str, State] = {
        "redis": pipe.up.is_set,
        "clock": lambda: clock.is_steady,
        "archive": lambda: Dependency("away" if archiver.is_away else "up", optional=True),
        "tasks": task_state(tasks),
        "video": lambda: video.state_of(rooms),
    }
    pages = await serve_pages(settings.host, settings.hammer_port, operator_pages(metrics, dependencies))
    await pipe.start(tasks)
    try:
        tasks.start("clock", clock.follow)
        await pipe.up.wait()
        tasks.start("archive", archiver.run)
        tasks.start("memory", memory.follow)
        tasks.start("shows", with_catalogue(worker.run))
        tasks.start("rehearsals", with_catalogue(shows.rehearsals.run))
        tasks.start("show_archive", with_catalogue(shows.archiver.run))
        tasks.start("purchases", purchases.run)
        if video_worker:
            tasks.start("video", with_catalogue(video_worker.run))
        await tasks.start("hammer", hammer.run)
    finally:
        pages.close()
        await tasks.stop()
        await pipe.close()
        if rooms:
            await rooms.close()
        await catalogue.database.close()
        await database.database.close()
