"""Wiring of the live gateway."""

import asyncio

from blytz.apps import signing_in, wiring
from blytz.auction.redis_events import RedisEvents
from blytz.auction.redis_places import RedisPlaces
from blytz.auction.service import AuctionService
from blytz.identity.redis_bans import RedisBans
from blytz.kit.clock import ServerClock
from blytz.kit.logs import lines
from blytz.kit.metrics import Metrics
from blytz.kit.pages import operator_pages
from blytz.kit.settings import Settings
from blytz.live.hub import Hub
from blytz.live.office import Office
from blytz.live.server import Gateway


async def main(settings: Settings) -> None:
    """Serve until cancelled, then drain. Raises OSError when the port is taken."""
    metrics = Metrics()
    pipe = wiring.auction_pipe(settings, "live")
    store, bans = wiring.auction_store(pipe), RedisBans(pipe)
    issuers = signing_in.issuers(settings)
    identity = signing_in.identity(issuers, bans.bans)
    clock = ServerClock(store.now)
    events = RedisEvents(settings.redis_url, pipe, store)
    hub = Hub(events, clock, metrics)
    events.listener = hub
    service = AuctionService(store, wiring.bids_of_user(settings, pipe))
    office = Office(settings, identity, service, clock, hub, metrics, bans.bans, RedisPlaces(pipe))
    store_is_there = {"redis": pipe.up.is_set, "feed": events.feed.up.is_set}
    pages = operator_pages(metrics, {**store_is_there, **signing_in.states(issuers)})
    gateway = Gateway(office, pages, events.tell_viewers, lambda: pipe.up.is_set() and events.feed.up.is_set())
    lines.count_in(metrics)
    pipe.count_in(metrics)
    store.count_in(metrics)
    metrics.gauge("blytz_feed_up", "1 while published events come in", events.feed.up.is_set)

    await pipe.start()
    await events.feed.start()
    following = [
        asyncio.create_task(clock.follow(), name="clock"),
        asyncio.create_task(bans.follow(gateway.look_at_callers), name="bans"),
    ]
    sharing = asyncio.create_task(office.users.follow(), name="users")
    await gateway.start()
    try:
        await asyncio.Event().wait()
    finally:
        for task in following:
            task.cancel()
        await gateway.drain()
        sharing.cancel()
        # Those who were sent away have places elsewhere only once it is said that they left.
        await office.users.settle()
        await events.feed.close()
        await pipe.close()
        await asyncio.gather(*following, sharing, return_exceptions=True)
