"""`specs/roles.md`, cell by cell, against a real service and a real gateway."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from blytz.apps.auction import openapi
from blytz.identity import Role
from blytz.identity.dev import DevIssuer
from tests.support.http import Api
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, welcomed
from tests.support.redis import RedisServer
from tests.support.services import Service

TABLE = Path(__file__).parents[2] / "specs" / "roles.md"
NOT_IN_THE_TABLE = {"GET /health", "GET /ready", "GET /metrics", "POST /v1/dev/sign-in"}
ROLES: dict[str, tuple[Role, ...]] = {
    "no role": (),
    "bidder": ("bidder",),
    "seller": ("seller",),
    "moderator": ("moderator",),
    "admin": ("admin",),
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Call, who, what is promised; "own" is two promises."""
    lines = [line.strip("| \n").split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    who = lines[0][1:]
    for call, *cells in lines[1:]:
        for name, promised in zip(who, cells, strict=True):
            yield call.strip("`"), name, "403" if promised == "own" else promised
            if promised == "own":
                yield call.strip("`"), f"{name} of it", "yes"


def cells(*, live: bool) -> list[tuple[str, str, str]]:
    return [row for row in rows() if row[0].startswith("WS ") is live]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roles")


@pytest.fixture(scope="module")
def house(shared_redis: RedisServer, folder: Path) -> Iterator[Api]:
    settings = {"writes_per_s": 10_000, "writes_burst": 10_000}
    with (
        Service("auction", shared_redis.url, folder, **settings) as service,
        Api(service.wait_until_ready(), folder) as api,
    ):
        yield api


@pytest.fixture(scope="module")
def gateway(shared_redis: RedisServer, folder: Path, house: Api) -> Iterator[GatewayProcess]:
    process = GatewayProcess(shared_redis.url, data=folder)
    yield process
    process.close()


def token(issuer: DevIssuer, who: str) -> str | None:
    if who == "anyone":
        return None
    name = who.removesuffix(" of it")
    return issuer.issue(who, ROLES[name])


def body_of(call: str) -> Any:
    return {
        "POST /v1/auctions": {"title": "A thing", "terms": {}},
        "POST /v1/auctions/{auction_id}/bids": {"bid_id": "b1", "amount": 100},
        "POST /v1/auctions/{auction_id}/extend": {"by_ms": 60_000},
        "PUT /v1/admin/bans/{user_id}": {"reason": "a test"},
        "PUT /v1/admin/revocations/{user_id}": {},
    }.get(call)


@pytest.mark.parametrize(("call", "who", "promised"), cells(live=False))
def test_each_may_make_the_calls_that_the_table_says(call: str, who: str, promised: str, house: Api) -> None:
    seller = token(house.issuer, "seller of it")
    assert seller is not None
    auction_id = house.create(seller)
    if call.endswith("/resume"):
        assert house.post(f"/v1/auctions/{auction_id}/pause", by=seller).status_code == 200
    method, _, path = call.partition(" ")
    by = token(house.issuer, who)
    answer = house.http.request(
        method,
        path.format(auction_id=auction_id, user_id="usr_nobody"),
        json=body_of(call),
        headers={"authorization": f"Bearer {by}"} if by else {},
    )
    if promised == "yes":
        assert answer.is_success or (call.startswith("GET /v1/admin/bans/") and answer.status_code == 404), (
            answer.text
        )
        return
    code = {"401": "unauthenticated", "403": "forbidden"}[promised]
    assert (answer.status_code, answer.json()["code"]) == (int(promised), code)


@pytest.fixture
async def visitor(gateway: GatewayProcess) -> AsyncIterator[Client]:
    async with welcomed(gateway.port) as client:
        yield client


@pytest.mark.parametrize(("call", "who", "promised"), cells(live=True))
async def test_the_same_holds_for_messages(
    call: str, who: str, promised: str, house: Api, visitor: Client
) -> None:
    seller = token(house.issuer, "seller of it")
    assert seller is not None
    auction_id, by = house.create(seller), token(house.issuer, who)
    if by:
        await visitor.sign_in(by)
    if call == "WS watch":
        told = await visitor.ask({"type": "watch", "topic": f"auction:{auction_id}"}, "snapshot")
        assert promised == "yes"
        assert told["state"]["auction_id"] == auction_id
        return
    bid = {"type": "bid", "auction_id": auction_id, "bid_id": "b1", "amount": 100}
    result = await visitor.ask(bid, "bid_result")
    code = {"yes": None, "401": "unauthenticated", "403": "forbidden"}[promised]
    assert (result["outcome"], result["code"]) == ("refused" if code else "accepted", code)


def test_every_call_has_its_row() -> None:
    documented = {
        f"{method.upper()} {path}" for path, calls in openapi()["paths"].items() for method in calls
    } - NOT_IN_THE_TABLE
    assert {call for call, _, _ in cells(live=False)} == documented


def test_the_table_names_every_role() -> None:
    [head] = re.findall(r"^\| call \| (.*) \|$", TABLE.read_text(), re.MULTILINE)
    assert head.split(" | ") == ["anyone", *ROLES]
