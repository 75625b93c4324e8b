"""The HTTP service when Redis is killed, frozen or not started yet, under overload, and on SIGTERM."""

import asyncio
import concurrent.futures
import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
import pytest
from msgspec import json

from blytz.auction.http.routes import application
from blytz.auction.service import AuctionService
from blytz.identity.dev import DevIssuer
from blytz.identity.http.callers import Access
from blytz.kit.clock import ClockReading, ServerClock
from blytz.kit.http.server import listen, serve
from blytz.kit.telemetry.metrics import Metrics
from tests.support.http import Api, problem
from tests.support.memory_store import MemoryStore
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import wait_until

IN_FLIGHT = 16
"""Commands at once: few, so that a test can fill the service with work."""


def test_without_redis_bids_get_503_and_service_resumes_by_itself(own_redis: RedisServer, api: Api) -> None:
    sam, anna = api.token("Sam", "seller"), api.token("Anna")
    auction_id = api.create(sam)
    assert api.bid(auction_id, 500, by=anna, bid_id="before").status_code == 201
    own_redis.kill()
    wait_until(lambda: api.get("/ready").status_code == 503, "the service sees that Redis is gone")

    refused = api.bid(auction_id, 600, by=anna)
    assert problem(refused, 503, "store_unavailable")["retry_after_ms"] == 1_000
    assert refused.headers["retry-after"] == "1"
    for answer in (api.get("/v1/auctions"), api.get(f"/v1/auctions/{auction_id}"), api.post(
        "/v1/auctions", {"title": "x", "terms": {}}, by=sam
    )):  # fmt: skip
        problem(answer, 503, "store_unavailable")
    assert api.get("/health").status_code == 200
    away = api.get("/ready").json()
    assert away["ready"] is False
    assert away["dependencies"]["redis"]["state"] == "away"
    assert "blytz_redis_up 0.0" in api.get("/metrics").text

    own_redis.start()
    api.service.wait_until_ready()
    assert api.bid(auction_id, 500, by=anna, bid_id="before").json()["replayed"] is True
    assert api.bid(auction_id, 700, by=api.token("Ben")).json()["outcome"] == "accepted"


@pytest.mark.alone
def test_a_frozen_redis_makes_bids_pending_and_a_retry_gets_the_real_outcome(
    own_redis: RedisServer, api: Api
) -> None:
    sam, anna = api.token("Sam", "seller"), api.token("Anna")
    auction_id = api.create(sam)
    own_redis.freeze()
    began = time.monotonic()
    pending = api.bid(auction_id, 500, by=anna, bid_id="slow")
    waited_s = time.monotonic() - began
    assert problem(pending, 503, "pending")["retry_after_ms"] == 300
    assert 0.3 <= waited_s < 1.0
    own_redis.thaw()
    api.service.wait_until_ready()
    again = api.bid(auction_id, 500, by=anna, bid_id="slow")
    assert (again.status_code, again.json()["replayed"]) == (201, True)
    assert api.state(auction_id)["bid_count"] == 1


@pytest.fixture
def filled_soon(own_redis: RedisServer, tmp_path: Path) -> Iterator[Api]:
    with (
        Service("auction", own_redis.url, tmp_path, bids_in_flight=IN_FLIGHT) as service,
        Api(service.wait_until_ready(), tmp_path) as api,
    ):
        yield api


@pytest.mark.alone
def test_an_overloaded_service_refuses_at_once_and_only_while_overloaded(
    own_redis: RedisServer, filled_soon: Api
) -> None:
    api = filled_soon
    sam, anna = api.token("Sam", "seller"), api.token("Anna")
    auction_id = api.create(sam)
    api.bid(auction_id, 100, by=anna)
    bidders = 3 * IN_FLIGHT

    def bid(number: int) -> tuple[str, float]:
        began = time.monotonic()
        answer = api.bid(auction_id, 500, by=anna, kind="max", bid_id=f"n{number}")
        return answer.json()["code"], time.monotonic() - began

    own_redis.freeze()
    with concurrent.futures.ThreadPoolExecutor(bidders) as pool:
        reply = list(pool.map(bid, range(bidders)))
    assert api.service.page("/health")[0] == 200
    own_redis.thaw()
    codes = [code for code, _ in reply]
    assert median(seconds for code, seconds in reply if code == "overloaded") < 0.3
    # A call of the process itself to Redis may use one of the slots.
    assert IN_FLIGHT - 1 <= codes.count("pending") <= IN_FLIGHT
    assert codes.count("pending") + codes.count("overloaded") == bidders
    api.service.wait_until_ready()
    assert api.bid(auction_id, 900, by=anna, kind="max").status_code == 201


def test_the_service_starts_without_redis_and_is_ready_once_redis_is_up(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    own_redis.stop()
    with Service("auction", own_redis.url, tmp_path) as service, Api(service, tmp_path) as api:
        wait_until(lambda: service.page("/health")[0] == 200, "the service listens", within_s=20)
        assert service.page("/ready")[0] == 503
        problem(api.bid("auc_1", 500, by=api.token("Anna")), 503, "store_unavailable")
        own_redis.start()
        service.wait_until_ready()
        problem(api.bid("auc_1", 500, by=api.token("Anna")), 404, "auction_not_found")


def test_bids_are_refused_when_memory_is_full_and_reads_still_work(own_redis: RedisServer, api: Api) -> None:
    sam, anna = api.token("Sam", "seller"), api.token("Anna")
    auction_id = api.create(sam)
    own_redis.ask("CONFIG", "SET", "maxmemory", 1)
    problem(api.bid(auction_id, 500, by=anna), 503, "overloaded")
    assert api.get(f"/v1/auctions/{auction_id}").status_code == 200
    own_redis.ask("CONFIG", "SET", "maxmemory", 0)
    assert api.bid(auction_id, 500, by=anna).status_code == 201


def test_a_disk_that_cannot_be_written_is_reported_by_ready(own_redis: RedisServer, api: Api) -> None:
    sam, anna = api.token("Sam", "seller"), api.token("Anna")
    auction_id = api.create(sam)
    # Redis refuses writes in the same way after a failed snapshot; a folder in place of the file makes it fail.
    in_the_way = own_redis.folder / "dump.rdb"
    in_the_way.mkdir()
    own_redis.ask("CONFIG", "SET", "save", "3600 1")
    own_redis.ask("BGSAVE")
    wait_until(lambda: own_redis.info("persistence")["rdb_last_bgsave_status"] == "err", "the snapshot fails")

    bidder = problem(api.bid(auction_id, 500, by=anna), 503, "store_unavailable")
    assert "MISCONF" not in bidder["detail"]
    ready = api.get("/ready")
    assert ready.status_code == 503
    assert ready.json()["dependencies"]["redis"]["detail"].startswith("MISCONF")

    in_the_way.rmdir()
    own_redis.ask("BGSAVE")
    api.service.wait_until_ready()
    assert api.bid(auction_id, 500, by=anna).status_code == 201


@pytest.mark.alone
def test_on_sigterm_accepted_requests_are_answered_and_the_service_ends_in_time(
    own_redis: RedisServer, api: Api, tmp_path: Path
) -> None:
    sam, anna = api.token("Sam", "seller"), api.token("Anna")
    auction_id = api.create(sam)
    api.get("/health")  # an idle keep-alive connection must not delay the end
    own_redis.freeze()
    with concurrent.futures.ThreadPoolExecutor(1) as pool, Api(api.service, tmp_path) as other:
        bidding = pool.submit(other.bid, auction_id, 500, anna)
        # Polls of the service itself may be in flight too.
        in_flight = re.compile("redis_in_flight [1-9]")
        wait_until(lambda: bool(in_flight.search(api.get("/metrics").text)), "the bid is in flight")
        began = time.monotonic()
        code = api.service.stop()
        assert bidding.result().json()["code"] == "pending"
    assert code == 0
    assert time.monotonic() - began < 10


def test_a_port_in_use_is_reported_without_a_traceback(own_redis: RedisServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Service("auction", own_redis.url, tmp_path, auction_port=port) as service:
            assert service.wait() == 1
            assert f"{port}" in service.log()
            assert "Traceback" not in service.log()


def test_without_an_issuer_outside_dev_no_process_starts_and_no_key_is_created(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    for env in ("production", "test"):
        with Service("auction", own_redis.url, tmp_path, env=env) as service:
            assert service.wait() == 1
            assert "no token issuer" in service.log()
            assert "Traceback" not in service.log()
    assert not list(tmp_path.glob("*.pem"))


async def test_without_an_issuer_there_is_no_sign_in(tmp_path: Path) -> None:
    async def reading() -> ClockReading:
        return ClockReading(await store.now(), 0, is_current=True)

    store = MemoryStore()
    service, clock = AuctionService(store), ServerClock(reading)
    app = application(service, Access(DevIssuer(tmp_path)), clock, Metrics(), {})
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(app, listener, max_connections=10))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/v1/dev/sign-in", json={"name": "Anna"})
        problem(answer, 404, "not_found")
        document = (await client.get("/v1/openapi.json")).json()
        assert "/v1/dev/sign-in" not in document["paths"]
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def test_logs_are_one_json_object_a_line(own_redis: RedisServer, api: Api) -> None:
    api.post("/v1/auctions", "nonsense", by=api.token("Anna"))
    own_redis.kill()
    wait_until(lambda: "redis_lost" in api.service.log(), "the loss is logged")
    lines = [json.decode(line) for line in api.service.log().splitlines()]
    assert {"listening", "redis_lost"} <= {line["event"] for line in lines}
    assert {line["service"] for line in lines} == {"auction"}
