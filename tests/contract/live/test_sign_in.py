"""Signing in on an open connection with the tokens of a real issuer, outside the dev environment."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.live.conftest import Auctions
from tests.support.issuer import AUDIENCE, FakeIssuer, SigningKey
from tests.support.live import GatewayProcess
from tests.support.live_client import welcomed
from tests.support.redis import RedisServer
from tests.support.wait import until

TESTS = 5
"""Of those below, each with an issuer of its own."""


@pytest.fixture(scope="module")
def issuers() -> Iterator[list[FakeIssuer]]:
    key = SigningKey("first")
    with ExitStack() as stack:
        yield [stack.enter_context(FakeIssuer(key)) for _ in range(TESTS)]


@pytest.fixture(scope="module")
def gateway(shared_redis: RedisServer, issuers: list[FakeIssuer]) -> Iterator[GatewayProcess]:
    configured = ",".join(f"{issuer.url}={AUDIENCE}" for issuer in issuers)
    process = GatewayProcess(shared_redis.url, env="test", oidc_issuers=configured)
    yield process
    assert not process.faults()
    process.close()


@pytest.fixture
def issuer(gateway: GatewayProcess, issuers: list[FakeIssuer]) -> FakeIssuer:
    """An issuer whose keys the gateway has not fetched yet."""
    return issuers.pop()


async def test_messages_after_an_auth_wait_for_it_and_belong_to_its_user(
    gateway: GatewayProcess, issuer: FakeIssuer, auction: Auctions
) -> None:
    auction_id = await auction()
    issuer.let_go.clear()
    async with welcomed(gateway.port) as client:
        client.send(
            {"type": "auth", "token": issuer.token()},
            {"type": "bid", "auction_id": auction_id, "bid_id": "b1", "amount": 100},
            {"type": "ping", "ref": "after"},
        )
        await until(lambda: issuer.asked == 1, "the issuer is asked")
        issuer.let_go.set()
        assert (await client.next())["type"] == "authenticated"
        received = {(await client.next())["type"] for _ in range(2)}
        assert received == {"bid_result", "pong"}


async def test_a_client_can_watch_while_its_issuer_is_down_and_sign_in_when_it_is_back(
    gateway: GatewayProcess, issuer: FakeIssuer, auction: Auctions
) -> None:
    auction_id = await auction()
    issuer.failing = True
    async with welcomed(gateway.port) as client:
        error = await client.ask({"type": "auth", "token": issuer.token(), "ref": "r"}, "error")
        assert (error["code"], error["ref"]) == ("issuer_unavailable", "r")
        answer = await client.ask({"type": "watch", "topic": f"auction:{auction_id}"}, "snapshot")
        assert answer["state"]["auction_id"] == auction_id


async def test_a_gateway_stays_ready_and_reports_an_issuer_that_is_down(
    gateway: GatewayProcess, issuer: FakeIssuer
) -> None:
    def answer() -> dict[str, Any]:
        status, body = gateway.page("/ready")
        assert status == 200
        found: dict[str, Any] = json.loads(body)["dependencies"][f"issuer:{issuer.url}"]
        return found

    assert answer() == {"state": "unasked", "optional": True}
    issuer.failing = True
    async with welcomed(gateway.port) as client:
        await client.ask({"type": "auth", "token": issuer.token()}, "error", code="issuer_unavailable")
        away = answer()
        assert (away["state"], away["code"], away["optional"]) == ("away", "issuer_unavailable", True)
        assert away["away_for_ms"] >= 0
    assert issuer.asked == 1, "/ready sends no request to the issuer"


async def test_messages_before_sign_in_are_bounded(gateway: GatewayProcess, issuer: FakeIssuer) -> None:
    issuer.let_go.clear()
    async with welcomed(gateway.port) as client:
        client.send({"type": "auth", "token": issuer.token()}, *[{"type": "ping"}] * 65)
        assert await client.closed() == 4429


async def test_a_connection_ends_when_its_token_expires_unless_it_gets_a_new_one(
    gateway: GatewayProcess, issuer: FakeIssuer
) -> None:
    # The heartbeat of this gateway is 20 s, so it is a timer that ends the connection.
    ends = int(time.time()) + 3
    first, second = issuer.token(exp=ends), issuer.token(exp=ends + 1)
    async with welcomed(gateway.port, first) as client, welcomed(gateway.port, first) as renewed:
        await renewed.sign_in(second)
        assert await client.closed() == 4401
        assert 0 <= time.time() - ends < 2
        assert await renewed.closed() == 4401
        assert 0 <= time.time() - ends - 1 < 2


async def test_a_dev_token_is_refused_when_an_issuer_is_configured(gateway: GatewayProcess) -> None:
    async with welcomed(gateway.port) as client:
        error = await client.ask({"type": "auth", "token": gateway.token()}, "error")
        assert error["code"] == "unauthenticated"
        assert await client.closed() == 4401
