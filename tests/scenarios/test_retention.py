"""A closed auction leaves Redis for the archive on a running platform, and reads as before."""

import asyncio
import contextlib
import json
import re
import subprocess
from pathlib import Path

from redis import Redis

from blytz.auction.redis.keys import ARCHIVED, INDEX, keys_of
from tests.conftest import StartRedis
from tests.support.example_runner import ExampleRunner
from tests.support.http import Api, problem
from tests.support.live import GatewayProcess
from tests.support.live_client import welcomed
from tests.support.platform import Platform, blytz, clean_env
from tests.support.services import Service
from tests.support.wait import until, wait_until


def without_server_at(text: str) -> str:
    """`server_at` is when it was answered."""
    return re.sub(r'"server_at":\d+', "", text)


async def test_an_archived_auction_reads_as_before_and_takes_nothing_new(
    start_redis: StartRedis, tmp_path: Path
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
        sam, anna, ben = api.token("Sam", "seller"), api.token("Anna"), api.token("Ben")

        def read(auction_id: str) -> list[str]:
            path = f"/v1/auctions/{auction_id}"
            answers = [api.get(path, by=user) for user in (None, anna, ben, sam)]
            answers += [api.get(f"{path}/events", after=after, limit=2) for after in (0, 1, 4)]
            answers += [api.bid(auction_id, 5_000, by=anna, bid_id="a1", kind="max")]
            answers += [api.bid(auction_id, 9_000, by=ben, bid_id="b9")]
            answers += [api.post(f"{path}/{verb}", by=sam) for verb in ("pause", "resume", "cancel", "close")]
            return [without_server_at(f"{answer.status_code} {answer.text}") for answer in answers]

        old, newest, alive = (api.create(sam) for _ in range(3))
        for auction_id in (old, newest):
            assert api.bid(auction_id, 5_000, by=anna, bid_id="a1", kind="max").status_code == 201
            assert api.bid(auction_id, 900, by=ben).status_code == 201
        assert api.post(f"/v1/auctions/{old}/close", by=sam).status_code == 200
        await until(lambda: redis.ask("ZCARD", ARCHIVED) == 1, "it is archived", 10)
        before, page_before = read(old), without_server_at(api.get("/v1/auctions", status="sold").text)
        assert '"your_ceiling":5000' in before[1]
        assert "your_ceiling" not in before[0] + before[2] + before[3]

        assert api.post(f"/v1/auctions/{newest}/close", by=sam).status_code == 200
        await until(lambda: redis.ask("KEYS", f"*{old}*") == [], "the old one is deleted", 10)
        await until(lambda: redis.ask("ZCARD", INDEX) == 2, "it is not listed in Redis")

        after = read(old)
        assert after == before
        page = api.get("/v1/auctions", status="sold", cursor=newest)
        assert without_server_at(page.text) == page_before
        listed = [each["auction_id"] for each in api.get("/v1/auctions").json()["auctions"]]
        assert listed == [alive, newest, old]
        problem(api.bid(old, 9_000, by=ben), 409, "auction_not_open")
        async with welcomed(live.port) as client:
            ended = await client.watch(old)
            assert ended["type"] == "snapshot"
            assert ended["state"] | {"server_at": 0} == api.state(old) | {"server_at": 0}
            assert (await client.watch(newest))["type"] == "snapshot"
        assert hammer.metric("blytz_auctions_archived_total") == 2
        assert hammer.metric("blytz_auctions_deleted_total") == 1
        assert hammer.metric("blytz_archive_refusals_total") == 0
        assert hammer.metric("blytz_redis_memory_max_bytes") == 100 * 2**20
        assert hammer.metric("blytz_redis_memory_used_bytes") > 0

        def verify(*arguments: str) -> tuple[int, list[str]]:
            words = blytz("verify", "--redis-url", redis.url, "--data", str(tmp_path), *arguments)
            done = subprocess.run(words, text=True, capture_output=True, timeout=20, check=False, env=clean_env())
            return done.returncode, done.stdout.splitlines()

        assert verify(old) == (0, [f"{old}  archived  ok: 4 events, 2 bids, sold at $10.00"])
        code, lines = verify("--all", "--json")
        assert code == 0
        reports = [json.loads(line) for line in lines]
        assert [report["auction_id"] for report in reports] == [newest, alive, old, newest]
        assert [report.get("archived", False) for report in reports] == [False, False, True, True]


def test_watch_shows_how_an_archived_auction_ended(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with contextlib.closing(Platform(env={"BLYTZ_KEEP_CLOSED_MS": "1000"}, data=data)) as platform:
        runner = ExampleRunner(platform)
        seller = runner.person("seller")
        auction_id = runner.open(seller)
        runner.bid(auction_id, runner.anna, 1_000)
        runner.act(auction_id, seller, "close")
        with Redis.from_url(platform.redis_url) as redis:
            wait_until(lambda: not redis.exists(keys_of(auction_id).state), "it is deleted from Redis")
        command = blytz("watch", auction_id, "--url", platform.url, "--json")
        done = subprocess.run(command, text=True, capture_output=True, timeout=20, check=False, env=clean_env())
        runner.close()
    assert (done.returncode, done.stderr) == (0, "")
    [snapshot] = [
        message for line in done.stdout.splitlines() if (message := json.loads(line))["type"] == "snapshot"
    ]
    assert (snapshot["state"]["status"], snapshot["state"]["price"]) == ("sold", 1_000)
