"""Wiring of the live gateway."""

import asyncio
from functools import partial

from blytz.apps import signing_in, wiring
from blytz.apps.on_demand import ArchiveOnDemand, CatalogueOnDemand
from blytz.auction.service import AuctionService
from blytz.identity.redis.bans import RedisBans
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import State, operator_pages, task_state
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics
from blytz.kit.topics import TopicLog
from blytz.live.context import GatewayContext
from blytz.live.redis.auction_topics import AuctionTopics
from blytz.live.redis.connection_counts import RedisConnectionCounts
from blytz.live.redis.events import RedisEvents
from blytz.live.redis.presence import RedisPresence
from blytz.live.server import Gateway
from blytz.live.topics.hub import Hub
from blytz.show.chat.service import ShowChat
from blytz.show.redis.chat import RedisChat
from blytz.show.redis.log import RedisShowLog, ShowTopics


async def main(settings: Settings) -> None:
    """Serve until cancelled, then drain. Raises OSError when the port is taken."""
    metrics = Metrics()
    pipe = wiring.auction_pipe(settings, "live")
    clock = wiring.server_clock(pipe)
    store, bans = wiring.auction_store(pipe, clock), RedisBans(pipe)
    issuers = signing_in.issuers(settings)
    identity = signing_in.identity(issuers, bans.bans, pipe, settings)
    catalogue, archive = CatalogueOnDemand(settings), ArchiveOnDemand(settings)
    shows = ShowTopics(RedisShowLog(pipe), catalogue.snapshot)
    auctions = AuctionTopics(store, archive.get, catalogue.moderators_of)
    logs: dict[str, TopicLog] = {"auction": auctions, "show": shows}
    events = RedisEvents(settings.redis_url, pipe, logs)
    hub = Hub(events, clock, metrics)
    events.listener = hub
    service = AuctionService(
        store,
        wiring.bids_of_user(settings, pipe),
        wiring.stored_bytes_of_user(settings, pipe),
        moderators_of=catalogue.moderators_of,
    )
    chat = ShowChat(RedisChat(pipe), shows.fill, wiring.chat_of_user(settings, pipe))
    context = GatewayContext(
        settings, identity, service, clock, hub, metrics, bans.bans, RedisConnectionCounts(pipe), chat
    )
    tasks = TaskSupervisor(metrics)
    dependencies: dict[str, State] = {
        "redis": pipe.up.is_set,
        "clock": lambda: clock.is_steady,
        "feed": events.feed.up.is_set,
        "tasks": task_state(tasks),
        **signing_in.states(issuers),
    }
    pages = operator_pages(metrics, dependencies)
    gateway = Gateway(
        context, pages, RedisPresence(pipe, logs).report, lambda: pipe.up.is_set() and events.feed.up.is_set()
    )
    lines.register_metrics(metrics)
    pipe.register_metrics(metrics)
    store.register_metrics(metrics)
    metrics.gauge("blytz_feed_up", "1 while published events come in", events.feed.up.is_set)

    await pipe.start(tasks)
    await events.feed.start(tasks)
    following = [
        tasks.start("clock", clock.follow),
        tasks.start("bans", partial(bans.follow, gateway.check_callers)),
    ]
    sharing = tasks.start("users", context.users.follow)
    await gateway.start(tasks)
    try:
        await asyncio.Event().wait()
    finally:
        for task in following:
            task.cancel()
        await gateway.drain()
        sharing.cancel()
        # Users who reconnect to another gateway are counted here too until this gateway reports that they left.
        await context.users.finish()
        await events.feed.close()
        await pipe.close()
        await tasks.stop()
        await catalogue.close()
        await archive.close()
