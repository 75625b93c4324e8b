"""Wiring of the live gateway."""

import asyncio
from functools import partial
from typing import Any

from msgspec.structs import replace

from blytz.apps import signing_in, wiring
from blytz.auction.service import AuctionService
from blytz.identity.redis.bans import RedisBans
from blytz.kit.background_import import import_in_background
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
from blytz.show.events.log import ShowSnapshot
from blytz.show.redis.chat import RedisChat
from blytz.show.redis.log import RedisShowLog, ShowTopics


class _Catalogue:
    """Read only for shows that nobody has watched lately, so it is loaded with the first of them: a gateway that
    serves none needs 35 MB less."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loading: asyncio.Task[tuple[Any, Any, Any]] | None = None

    async def snapshot(self, show_id: str) -> ShowSnapshot | None:
        if self._loading is None or (self._loading.done() and self._loading.exception()):
            self._loading = asyncio.create_task(self._load(), name="load catalogue")
        database, runs, people = await asyncio.shield(self._loading)
        await database.prepare()
        found: ShowSnapshot | None = await runs.snapshot(show_id)
        if found is None:
            return None
        return replace(found, blocked=await people.blocked(found.show["seller"]["id"]))

    async def _load(self) -> tuple[Any, Any, Any]:
        # In a thread, because importing takes long.
        databases = await import_in_background("blytz.apps.databases")
        runs = await import_in_background("blytz.show.sql.run_store")
        people = await import_in_background("blytz.show.people.sql.store")
        database = databases.NounDatabase("show", self._settings)
        return database, runs.SqlRuns(database.database, lambda: 0), people.SqlPeople(database.database)

    async def close(self) -> None:
        if self._loading is not None and self._loading.done() and not self._loading.exception():
            await self._loading.result()[0].database.close()


async def main(settings: Settings) -> None:
    """Serve until cancelled, then drain. Raises OSError when the port is taken."""
    metrics = Metrics()
    pipe = wiring.auction_pipe(settings, "live")
    clock = wiring.server_clock(pipe)
    store, bans = wiring.auction_store(pipe, clock), RedisBans(pipe)
    issuers = signing_in.issuers(settings)
    identity = signing_in.identity(issuers, bans.bans, pipe, settings)
    catalogue = _Catalogue(settings)
    shows = ShowTopics(RedisShowLog(pipe), catalogue.snapshot)
    logs: dict[str, TopicLog] = {"auction": AuctionTopics(store), "show": shows}
    events = RedisEvents(settings.redis_url, pipe, logs)
    hub = Hub(events, clock, metrics)
    events.listener = hub
    service = AuctionService(
        store, wiring.bids_of_user(settings, pipe), wiring.stored_bytes_of_user(settings, pipe)
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
