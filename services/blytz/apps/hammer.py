"""Wiring of the hammer."""

import asyncio

from blytz.apps import wiring
from blytz.auction.hammer import Hammer
from blytz.auction.redis.schedule import RedisSchedule
from blytz.kit.clock import ServerClock
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import operator_pages, serve_pages
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics


async def main(settings: Settings) -> None:
    """Hammer until cancelled; what is on its way then is found again by the next hammer."""
    metrics = Metrics()
    pipe = wiring.auction_pipe(settings, "hammer")
    store = wiring.auction_store(pipe)
    clock = ServerClock(store.now)
    lines.count_in(metrics)
    pipe.count_in(metrics)
    pages = await serve_pages(
        settings.host, settings.hammer_port, operator_pages(metrics, {"redis": pipe.up.is_set})
    )
    await pipe.start()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(clock.follow(), name="clock")
            await pipe.up.wait()
            group.create_task(Hammer(store, RedisSchedule(pipe), clock, metrics).run(), name="hammer")
    finally:
        pages.close()
        await pipe.close()
