"""How many watch a show, over HTTP: what the gateways report in Redis."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blytz.show.redis.keys import keys_of
from tests.contract.http.test_shows import call, made
from tests.support.http import Api
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, welcomed
from tests.support.redis import RedisServer
from tests.support.wait import until


@pytest.fixture
async def gateway(api: Api, shared_redis: RedisServer) -> AsyncIterator[GatewayProcess]:
    """With the catalogue of the auction service."""
    process = GatewayProcess(shared_redis.url, data=api.folder)
    yield process
    assert not process.faults()
    process.close()


@pytest.fixture(scope="module")
def sam(api: Api) -> str:
    """A seller of whom no other test has shows, so that a list of them is one page."""
    return api.token("Sam who counts", "seller")


def viewers(api: Api, show: dict[str, Any], by: str | None = None) -> list[int]:
    """By each call that tells them."""
    one = api.get(f"/v1/shows/{show['show_id']}", by=by).json()
    page = api.get("/v1/shows", by=by, seller=show["seller"]["id"]).json()["shows"]
    return [one["viewers"], *(each["viewers"] for each in page if each["show_id"] == show["show_id"])]


async def test_the_viewers_of_a_show_are_those_whom_the_gateway_counts(
    api: Api, sam: str, gateway: GatewayProcess, shared_redis: RedisServer
) -> None:
    show = made(api, sam)
    path = f"/v1/shows/{show['show_id']}"
    key = keys_of(show["show_id"]).viewers
    assert viewers(api, show) == [0, 0]
    now = int(shared_redis.ask("TIME")[0])
    # One gateway is on another machine, one has died, and one reported before the clock was set back.
    shared_redis.ask("HSET", key, "gw_other", f"40:{now}", "gw_dead", f"9:{now - 31}", "gw_ahead", f"5:{now + 60}")

    async with welcomed(gateway.port) as one, welcomed(gateway.port) as other:
        for client in (one, other):
            await client.watch_topic(f"show:{show['show_id']}")
        assert await told(one, 47) == 47
        await until(lambda: viewers(api, show) == [47, 47], "HTTP tells the same")
        assert call(api, "PATCH", path, {"title": "Tea night"}, by=sam).json()["viewers"] == 47
        assert api.post(f"{path}/start", by=sam).json()["viewers"] == 47
        assert call(api, "PUT", f"{path}/bookmark", by=sam).status_code == 204
        [followed] = [
            each for each in api.get("/v1/me/following", by=sam).json()["shows"] if each["title"] == "Tea night"
        ]
        assert followed["viewers"] == 47

    await until(lambda: viewers(api, show) == [45, 45], "those who left are not counted")
    assert api.post(f"{path}/end", by=sam).json()["viewers"] == 0
    assert viewers(api, show) == [0, 0]


async def told(client: Client, count: int) -> int:
    """What the gateway says, once it says so many."""
    while (message := await client.receive("viewers"))["count"] != count:
        pass
    return int(message["count"])


def test_a_rehearsal_and_a_broken_report_have_no_viewers(api: Api, sam: str, shared_redis: RedisServer) -> None:
    rehearsal, broken = made(api, sam, visibility="rehearsal"), made(api, sam)
    now = int(shared_redis.ask("TIME")[0])
    shared_redis.ask("HSET", keys_of(rehearsal["show_id"]).viewers, "gw_1", f"3:{now}")
    shared_redis.ask("SET", keys_of(broken["show_id"]).viewers, "of another type")
    assert viewers(api, rehearsal, by=sam) == [0, 0]
    assert viewers(api, broken) == [0, 0]
