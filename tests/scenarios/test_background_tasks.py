"""A failing background task is visible in the log, metrics and /ready, and recovers."""

import json
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path

import pytest

from blytz.auction.redis.keys import SCHEDULE, keys_of
from blytz.auction.redis.store import RedisStore
from blytz.identity.redis.bans import BANS, VERSION
from blytz.live.redis.connection_counts import GATEWAYS
from tests.conftest import StartRedis
from tests.support.auctions import CAUSE, listing
from tests.support.hammer_harness import harness_in
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.services import Name, Service
from tests.support.wait import until, wait_until

TASKS: dict[Name, set[str]] = {
    "auction": {"redis_auction", "clock", "bans"},
    "hammer": {
        "redis_hammer",
        "clock",
        "hammer",
        "memory",
        "archive",
        "purchases",
        "shows",
        "show_archive",
        "rehearsals",
    },
    "live": {
        "redis_live",
        "redis_feed",
        "clock",
        "bans",
        "users",
        "heartbeat",
        "viewers",
        "dataset",
        "store",
        "queues",
    },
}


@pytest.mark.parametrize("name", TASKS)
def test_every_background_task_of_a_service_is_supervised(name: Name, redis: RedisServer, tmp_path: Path) -> None:
    with Service(name, redis.url, tmp_path) as service:
        service.wait_until_ready()

        def restarts() -> dict[str, str]:
            _, metrics = service.page("/metrics")
            lines = [line for line in metrics.splitlines() if line.startswith("blytz_task_restarts_total{")]
            return {line.split('"')[1]: line.split()[-1] for line in lines}

        # The hammer does not wait for what runs beside it.
        wait_until(lambda: restarts().keys() == TASKS[name], "all tasks run", 10)
        assert restarts() == dict.fromkeys(TASKS[name], "0.0")


async def test_a_failing_task_is_logged_counted_and_shown_by_ready_and_recovers(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    redis = start_redis()
    broken: dict[Name, tuple[str, str]] = {
        "auction": ("bans", BANS),
        "live": ("users", GATEWAYS),
        "hammer": ("hammer", SCHEDULE),
    }
    with ExitStack() as stack:
        services = {name: stack.enter_context(Service(name, redis.url, tmp_path)) for name in TASKS}
        for service in services.values():
            service.wait_until_ready()
        redis.ask("DEL", GATEWAYS)
        for _, key in broken.values():
            redis.ask("SET", key, "of the wrong type")
        redis.ask("INCR", VERSION)
        for name, (task, _) in broken.items():
            service = services[name]
            await until(partial(has_restarted, service, task), f"{task} fails", 10)
            status, ready = service.page("/ready")
            tasks = json.loads(ready)["dependencies"]["tasks"]
            assert (status, tasks["state"], tasks["code"]) == (503, "away", "task_failing")
            assert task in tasks["detail"].split(", ")
            assert service.page("/health")[0] == 200
            await until(partial(has_logged, service, task, "WRONGTYPE"), "it is logged")

        redis.ask("DEL", *(key for _, key in broken.values()))
        async with harness_in(redis) as harness:
            auction_id = await harness.open(ends_in_ms=1_000)
            await harness.until_in_sales([auction_id], 20)


async def test_an_unreadable_viewer_count_stops_no_other_count(start_redis: StartRedis) -> None:
    redis = start_redis()
    with GatewayProcess(redis.url) as gateway:
        async with connected(redis.url) as pipe, AsyncExitStack() as stack:
            for auction_id in ("auc_1", "auc_2", "auc_3"):
                await RedisStore(pipe).create(listing(auction_id), CAUSE)
            redis.ask("SET", keys_of("auc_1").viewers, "of the wrong type")
            first = await stack.enter_async_context(welcomed(gateway.port))
            for auction_id in ("auc_1", "auc_2", "auc_3"):
                await first.watch(auction_id)
            counted = {(await first.receive("viewers"))["topic"] for _ in range(2)}
            assert counted == {"auction:auc_2", "auction:auc_3"}
            await until(lambda: "corrupt_auction" in gateway.log(), "it is logged")
            # The count recovers without a restart.
            redis.ask("DEL", keys_of("auc_1").viewers)
            second = await stack.enter_async_context(welcomed(gateway.port))
            await second.watch("auc_1")
            await until_count(first, "auction:auc_1", 2)
            assert gateway.metric('blytz_task_restarts_total{task="viewers"}') == 0


def has_restarted(service: Service, task: str) -> bool:
    return service.metric(f'blytz_task_restarts_total{{task="{task}"}}') >= 1


def has_logged(service: Service, task: str, why: str) -> bool:
    lines = [json.loads(line) for line in service.log().splitlines() if "task_failed" in line]
    return any(line["task"] == task and why in line["exception"] for line in lines)


async def until_count(client: Client, topic: str, count: int) -> None:
    while True:
        message = await client.receive("viewers")
        if (message["topic"], message["count"]) == (topic, count):
            return
