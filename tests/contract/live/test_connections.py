"""Which clients may connect, how many, and the other pages on the port."""

import asyncio
import json

import pytest

from tests.contract.live.conftest import ORIGIN, Auctions, Connect, StartGateway
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, Closed, welcomed
from tests.support.wait import until


@pytest.mark.parametrize(
    "origin",
    [ORIGIN, "https://also.example:8443", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173", None],
)
async def test_listed_origins_and_clients_without_an_origin_may_connect(
    origin: str | None, gateway: GatewayProcess
) -> None:
    headers = {"Origin": origin} if origin else {}
    async with welcomed(gateway.port, **headers) as client:
        assert await client.drain() == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        f"{ORIGIN}.evil.com",
        f"{ORIGIN}:8443",
        f"{ORIGIN}/",
        "https://evil.com/good.example",
        "https://evil-good.example",
        "https://xgood.example",
        "http://good.example",
        "https://GOOD.example.",
        "good.example",
        "http://localhost.evil.com",
        "http://localhost@evil.com",
        "http://127.0.0.1.evil.com",
        "http://[",
        "http://[::1",
        "http://localhost:port:",
        f"{ORIGIN} https://evil.com",
    ],
)
async def test_any_other_origin_is_refused(origin: str, gateway: GatewayProcess) -> None:
    client = await Client.open(gateway.port, Origin=origin)
    with pytest.raises(Closed) as closed:
        await client.next()
    assert closed.value.code == 4403
    client.leave()


@pytest.mark.parametrize(
    ("offered", "chosen"), [("blytz.v1", True), ("blytz.v2, blytz.v1", True), ("blytz.v2", False), (None, False)]
)
async def test_the_subprotocol_is_chosen_when_it_is_offered(
    offered: str | None, chosen: bool, gateway: GatewayProcess
) -> None:
    headers = {"Sec_WebSocket_Protocol": offered} if offered else {}
    async with welcomed(gateway.port, **headers) as client:
        assert ("sec-websocket-protocol: blytz.v1" in client.head.lower()) is chosen


@pytest.mark.parametrize(("sent", "kept"), [("req_from-nginx", True), ("a b", False), ("a" * 65, False)])
async def test_a_valid_request_id_of_the_handshake_is_kept_and_another_replaced(
    sent: str, kept: bool, gateway: GatewayProcess
) -> None:
    async with welcomed(gateway.port, X_Request_Id=sent) as client:
        assert (f"x-request-id: {sent}\r\n" in client.head.lower()) is kept
        assert "x-request-id: " in client.head.lower()


async def test_operator_pages_are_served_on_the_same_port(gateway: GatewayProcess) -> None:
    assert gateway.page("/health") == (200, '{"status":"ok"}')
    status, body = gateway.page("/ready")
    up = {"state": "up"}
    assert status == 200
    assert json.loads(body) == {"ready": True, "dependencies": {"redis": up, "clock": up, "feed": up, "tasks": up}}
    status, metrics = gateway.page("/metrics")
    assert status == 200
    for name in ("blytz_connections ", "blytz_bid_decision_seconds_bucket{", "blytz_fan_out_seconds_bucket{"):
        assert f"\n{name}" in metrics


def test_an_unknown_path_is_404_and_a_plain_request_to_the_websocket_path_426(gateway: GatewayProcess) -> None:
    status, body = gateway.page("/nothing")
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    assert gateway.page("/live/v1/more")[0] == 404
    status, body = gateway.page("/live/v1")
    assert (status, json.loads(body)["status"], json.loads(body)["code"]) == (426, 426, "upgrade_required")


async def test_connections_are_counted_until_they_close(connect: Connect, start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    clients = [await connect(to=gateway) for _ in range(3)]
    assert gateway.metric("blytz_connections") == 3
    clients[0].leave()
    await until(lambda: gateway.metric("blytz_connections") == 2, "one is closed")


async def test_a_connection_over_the_limit_is_refused_and_a_freed_slot_is_reused(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(most_connections=2)
    first, _ = await connect(to=gateway), await connect(to=gateway)
    third = await Client.open(gateway.port)
    (error,), code = await third.rest()
    assert (error["code"], code) == ("overloaded", 4429)
    assert error["retry_after_ms"] > 0
    third.leave()
    first.leave()
    await until(lambda: gateway.metric("blytz_connections") == 1, "a slot is free")
    await connect(to=gateway)


async def test_a_topic_over_the_limit_is_refused_and_an_unsubscribed_one_frees_its_slot(
    start_gateway: StartGateway, connect: Connect, auction: Auctions
) -> None:
    gateway = start_gateway(most_topics=2)
    client = await connect(to=gateway)
    first, second, third = [await auction() for _ in range(3)]
    await client.watch(first)
    await client.watch(second)
    refused = {"type": "watch", "topic": f"auction:{third}", "ref": "r"}
    error = await client.ask(refused, "error")
    assert (error["code"], error["ref"]) == ("rate_limited", "r")
    assert (await client.watch(first))["seq"] == 1
    client.send({"type": "unwatch", "topic": f"auction:{first}"})
    assert (await client.watch(third))["seq"] == 1
    # An unknown auction uses no slot.
    client.send({"type": "unwatch", "topic": f"auction:{third}"})
    for _ in range(3):
        assert (await client.ask({"type": "watch", "topic": "auction:auc_no"}, "error"))["code"] != "rate_limited"


async def test_too_many_messages_a_second_end_the_connection_in_one_frame_or_many(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(messages_per_s=20)
    for in_one_frame in (1, 10, 100):
        client = await connect(to=gateway)
        pings = b",".join([b'{"type":"ping"}'] * in_one_frame)
        for _ in range(200 // in_one_frame):
            client.send_text(b"[" + pings + b"]")
        answers, code = await client.rest()
        assert code == 4429, in_one_frame
        # The burst is twice the messages of a second; a slow machine allows some more.
        assert 40 <= len(answers) <= 60, in_one_frame


async def test_messages_at_the_allowed_rate_keep_the_connection_open(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(messages_per_s=50)
    client = await connect(to=gateway)
    # More messages than the burst, at less than the allowed rate.
    for _ in range(120):
        await client.ask({"type": "ping"}, "pong")
        await asyncio.sleep(0.02)
