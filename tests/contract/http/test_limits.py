"""Write limits of a user, allowed origins, and the answers of a process at its request limit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blytz.kit.idempotency import BYTES_OF_KEY
from tests.support.http import Api, problem
from tests.support.redis import RedisServer
from tests.support.services import Service

ORIGIN = "https://good.example"
ASKS = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}


@pytest.fixture(scope="module")
def strict(shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder: Path = tmp_path_factory.mktemp("strict")
    limits = {"writes_per_s": 1, "writes_burst": 5, "origins": f"{ORIGIN},https://also.example:8443"}
    with (
        Service("auction", shared_redis.url, folder, **limits) as service,
        Api(service.wait_until_ready(), folder) as api,
    ):
        yield api


def test_a_user_over_the_write_limit_is_refused_before_the_body_is_checked(strict: Api) -> None:
    seller = strict.token("Sam of the limits", "seller")
    answers = [strict.post("/v1/auctions", "{", by=seller) for _ in range(8)]
    assert [answer.status_code for answer in answers[:5]] == [422] * 5
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < problem(refused, 429, "rate_limited")["retry_after_ms"] <= 1_000
    assert refused.headers["retry-after"] == "1"
    assert strict.get("/v1/auctions", by=seller).status_code == 200
    assert strict.post("/v1/auctions", "{", by=strict.token("Tom", "seller")).status_code == 422


def test_a_user_over_the_limit_of_stored_bytes_is_refused_on_every_write_call(
    shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("bytes")
    with (
        Service("auction", shared_redis.url, folder, stored_bytes_per_day=100_000) as service,
        Api(service.wait_until_ready(), folder) as api,
    ):
        sam, anna = api.token("Sam of the bytes", "seller"), api.token("Anna of the bytes")
        auction_id = api.create(sam)
        # A burst is a fifth of the daily bytes, 20,000: two auctions of more than 8,000 bytes nearly use it up.
        api.create(sam)
        changes = [api.post(f"/v1/auctions/{auction_id}/extend", {"by_ms": 1_000}, by=sam) for _ in range(4)]
        refused = next(answer for answer in changes if answer.status_code != 200)
        # At most the bytes of one change are missing, at a rate of 80,000 bytes in 24 hours.
        assert 0 < problem(refused, 429, "rate_limited")["retry_after_ms"] <= 2_700_000
        bids = [api.bid(auction_id, 1, by=anna) for _ in range(21)]
        problem(bids[19], 409, "bid_too_low")
        problem(bids[20], 429, "rate_limited")
        # A key is stored also for a request that is then refused.
        ben = api.token("Ben of the bytes")
        pauses = [
            api.post("/v1/auctions/none/pause", by=ben, idempotency_key=f"k{number}")
            for number in range(20_000 // BYTES_OF_KEY + 1)
        ]
        problem(pauses[0], 404, "auction_not_found")
        problem(pauses[-1], 429, "rate_limited")


@pytest.mark.parametrize("origin", [ORIGIN, "https://also.example:8443", "http://localhost:8081"])
def test_a_page_of_an_allowed_origin_may_send_requests_and_read_answers(origin: str, strict: Api) -> None:
    headers = {name.replace("_", "-"): value for name, value in ASKS.items()}
    asked = strict.http.options("/v1/auctions/a/bids", headers={"origin": origin, **headers})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == origin
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers
    for answer in (
        strict.http.get("/v1/auctions", headers={"origin": origin}),
        strict.http.post("/v1/auctions/a/bids", headers={"origin": origin}),
    ):
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "*",
        f"{ORIGIN}.evil.com",
        f"{ORIGIN}:443",
        f"{ORIGIN}:8443",
        f"{ORIGIN}/",
        "https://evil-good.example",
        "https://sub.good.example",
        "http://good.example",
        "HTTPS://good.example",
        "https://GOOD.example",
        "https://also.example",
        "good.example",
        "http://localhost.evil.com",
    ],
)
def test_a_page_of_another_origin_may_not_read_answers(origin: str, strict: Api) -> None:
    headers = {name.replace("_", "-"): value for name, value in ASKS.items()}
    asked = strict.http.options("/v1/auctions", headers={"origin": origin, **headers})
    assert asked.status_code == 403
    read = strict.http.get("/v1/auctions", headers={"origin": origin})
    for answer in (asked, read):
        assert not any(name.startswith("access-control") for name in answer.headers)
    assert read.status_code == 200
