"""Old closed auctions are deleted by a running platform, and reading one is then a 404."""

import asyncio
from pathlib import Path

import pytest

from blytz.auction.redis.keys import INDEX, SALES
from blytz.cli import main
from tests.conftest import StartRedis
from tests.support.http import Api, problem
from tests.support.live import GatewayProcess
from tests.support.live_client import welcomed
from tests.support.services import Service
from tests.support.wait import until


async def test_only_the_newest_closed_auctions_can_be_read(
    start_redis: StartRedis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    redis = start_redis(config={"maxmemory": "100mb"})
    with (
        Service("auction", redis.url, tmp_path) as auction,
        Service("hammer", redis.url, tmp_path, keep_closed=1) as hammer,
        GatewayProcess(redis.url, data=tmp_path) as live,
        Api(auction, tmp_path) as api,
    ):
        for service in (auction, hammer):
            await asyncio.to_thread(service.wait_until_ready)
        sam, anna = api.token("Sam", "seller"), api.token("Anna")
        old, newest, alive = (api.create(sam) for _ in range(3))
        for closed, auction_id in ((1, old), (2, newest)):
            assert api.bid(auction_id, 500, by=anna).status_code == 201
            assert api.post(f"/v1/auctions/{auction_id}/close", by=sam).status_code == 200
            await until(lambda: redis.ask("XLEN", SALES) == closed, "it is closed")  # noqa: B023

        await until(lambda: redis.ask("KEYS", f"*{old}*") == [], "the old one is deleted", 10)

        await until(lambda: redis.ask("ZCARD", INDEX) == 2, "it is not listed")
        listed = [each["auction_id"] for each in api.get("/v1/auctions").json()["auctions"]]
        assert listed == [alive, newest]
        problem(api.get(f"/v1/auctions/{old}"), 404, "auction_not_found")
        problem(api.bid(old, 900, by=anna), 404, "auction_not_found")
        problem(api.post(f"/v1/auctions/{old}/pause", by=sam), 404, "auction_not_found")
        async with welcomed(live.port) as client:
            refused = await client.ask({"type": "watch", "topic": f"auction:{old}"}, "error")
            assert refused["code"] == "auction_not_found"
            assert (await client.watch(newest))["type"] == "snapshot"
        with pytest.raises(SystemExit) as ended:
            main(["verify", "--redis-url", redis.url, "--all"])
        assert ended.value.code in {0, None}
        assert old not in capsys.readouterr().out
        with pytest.raises(SystemExit) as ended:
            main(["verify", "--redis-url", redis.url, old])
        assert ended.value.code == 1
        assert hammer.metric("blytz_auctions_deleted_total") == 1
        assert hammer.metric("blytz_redis_memory_max_bytes") == 100 * 2**20
        assert hammer.metric("blytz_redis_memory_used_bytes") > 0
