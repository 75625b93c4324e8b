"""Signing in on an open connection."""

import asyncio
import time

import pytest

from tests.contract.live.conftest import Connect
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, Closed


async def test_the_gateway_sends_welcome_first_without_a_request(gateway: GatewayProcess) -> None:
    client = await Client.open(gateway.port)
    welcome = await client.next()
    assert welcome["type"] == "welcome"
    assert welcome["session"].startswith("ses_")
    assert welcome["heartbeat_ms"] == 20_000
    assert abs(welcome["server_at"] - time.time() * 1000) < 5_000
    client.leave()


async def test_a_valid_token_is_answered_with_its_user(connect: Connect, gateway: GatewayProcess) -> None:
    client, token = await connect(), gateway.token("Anna", "bidder", "seller")
    answer = await client.ask({"type": "auth", "token": token, "ref": "r1"}, "authenticated")
    principal = gateway.issuer.verify(token)
    assert answer == {
        "type": "authenticated",
        "user": {"id": principal.id, "name": "Anna", "roles": ["bidder", "seller"]},
        "expires_at": principal.expires_at,
        "ref": "r1",
    }


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "é" * 100])
async def test_an_invalid_token_gets_an_error_with_the_reason_and_a_close(token: str, connect: Connect) -> None:
    client = await connect()
    error = await client.ask({"type": "auth", "token": token, "ref": "r1"}, "error")
    assert (error["code"], error["ref"]) == ("unauthenticated", "r1")
    assert token == "" or token not in error["detail"]
    with pytest.raises(Closed) as closed:
        await client.next()
    assert closed.value.code == 4401


async def test_a_token_that_has_expired_is_refused(connect: Connect, gateway: GatewayProcess) -> None:
    client = await connect()
    client.send({"type": "auth", "token": gateway.token(lasts_s=-1)})
    assert await client.closed() == 4401


async def test_a_bid_with_a_token_that_has_expired_ends_the_connection(
    connect: Connect, gateway: GatewayProcess
) -> None:
    # The heartbeat of this gateway is 20 s, so it is the bid that finds the token expired.
    client = await connect(gateway.token(lasts_s=1))

    async def bid_for_ever() -> None:
        while True:
            await client.ask({"type": "bid", "auction_id": "auc_none", "bid_id": "b1", "amount": 1}, "bid_result")
            # Slower than the message limit.
            await asyncio.sleep(0.05)

    with pytest.raises(Closed) as closed:
        await bid_for_ever()
    assert closed.value.code == 4401


async def test_a_connection_cannot_be_taken_over_by_another_user(
    connect: Connect, gateway: GatewayProcess
) -> None:
    client = await connect(gateway.token("Anna"))
    error = await client.ask({"type": "auth", "token": gateway.token("Ben"), "ref": "r"}, "error")
    assert (error["code"], error["ref"]) == ("forbidden", "r")
    assert (await client.sign_in(gateway.token("Anna")))["user"]["name"] == "Anna"


async def test_ping_is_answered_with_the_server_time(connect: Connect) -> None:
    client = await connect()
    pong = await client.ask({"type": "ping", "ref": "p"}, "pong")
    assert pong["ref"] == "p"
    assert abs(pong["server_at"] - time.time() * 1000) < 5_000
    assert "ref" not in await client.ask({"type": "ping"}, "pong")
