"""Limits: bids of one user over WebSocket and HTTP, connections of one user and of one address, messages."""

import asyncio
import time
from pathlib import Path

import pytest

from blytz.auction.redis.store import RedisStore
from blytz.kit.redis.pipe import DURABLE_WITHIN_S
from blytz.live.connection import CLOSE_GRACE_S
from tests.conftest import StartRedis
from tests.contract.live.conftest import Auctions, Connect, StartGateway
from tests.support.auctions import CAUSE, listing
from tests.support.http import Api, problem
from tests.support.live import GatewayProcess
from tests.support.live_client import CONTINUATION, PING, PONG, Client, frame, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import until

SLOW = {"bids_per_s": 1, "bids_burst": 6, "messages_per_s": 100_000}


def bid(auction_id: str, number: int) -> dict[str, object]:
    return {"type": "bid", "auction_id": auction_id, "bid_id": f"b{number}", "amount": 1}


async def test_bids_past_the_limit_are_refused_with_the_time_to_retry(
    start_gateway: StartGateway, connect: Connect, auction: Auctions
) -> None:
    gateway = start_gateway(**SLOW)
    ann = await connect(gateway.token("Ann of the limits"), to=gateway)
    ben = await connect(gateway.token("Ben of the limits"), to=gateway)
    auction_id = await auction()
    answers = [await ann.ask(bid(auction_id, number), "bid_result") for number in range(10)]
    codes = [answer["code"] for answer in answers]
    assert codes[:6] == ["bid_too_low"] * 6
    assert "rate_limited" in codes
    refused = next(answer for answer in answers if answer["code"] == "rate_limited")
    assert refused["outcome"] == "refused"
    assert refused["seq"] is None
    assert 0 < refused["retry_after_ms"] <= 1_000
    assert (await ben.ask(bid(auction_id, 1), "bid_result"))["code"] == "bid_too_low"
    assert gateway.metric('blytz_rate_limits_hit_total{what="bids"}') >= 1

    async with asyncio.timeout(5):
        while (await ann.ask(bid(auction_id, 99), "bid_result"))["code"] == "rate_limited":
            pass


async def test_bids_over_http_and_websocket_count_against_one_limit(
    start_gateway: StartGateway,
    connect: Connect,
    auction: Auctions,
    gateway: GatewayProcess,
    shared_redis: RedisServer,
) -> None:
    live = start_gateway(**SLOW)
    folder: Path = gateway.folder
    with (
        Service("auction", shared_redis.url, folder, **SLOW) as service,
        Api(service.wait_until_ready(), folder) as api,
    ):
        token, auction_id = api.token("Cleo of the limits"), await auction()
        client = await connect(token, to=live)
        for number in range(6):
            assert (await client.ask(bid(auction_id, number), "bid_result"))["code"] == "bid_too_low"
        # The other process learns of these bids with its first report, which it sends when half a burst is used.
        statuses: list[int] = []

        def is_refused() -> bool:
            statuses.append(api.bid(auction_id, 1, token).status_code)
            return statuses[-1] == 429

        await until(is_refused, "HTTP refuses too")
        assert len(statuses) <= 1 + 2 * 6
        answer = api.bid(auction_id, 1, token)
        if answer.status_code == 429:
            refusal = problem(answer, 429, "rate_limited")
            assert 0 < refusal["retry_after_ms"] <= 60_000
            assert int(answer.headers["retry-after"]) >= 1


async def test_a_connection_over_the_limit_of_its_user_gets_the_reason(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(connections_per_user=2)
    token = gateway.token("Dora")
    first, _ = await connect(token, to=gateway), await connect(token, to=gateway)
    await first.sign_in(token)
    third = await connect(to=gateway)
    third.send({"type": "auth", "token": token})
    (error,), code = await third.rest()
    assert (error["type"], error["code"], code) == ("error", "rate_limited", 4429)
    assert error["retry_after_ms"] > 0
    third.leave()
    await connect(gateway.token("Emil"), to=gateway)
    first.leave()
    await until(lambda: gateway.metric("blytz_connections") == 2, "a slot is free")
    await connect(token, to=gateway)


async def refused(gateway: GatewayProcess, **headers: str) -> bool:
    """Whether another connection is refused; an accepted one is closed at once."""
    client = await Client.open(gateway.port, **headers)
    first = await client.next()
    if first["type"] == "welcome":
        client.leave()
        return False
    assert first["code"] == "rate_limited"
    assert await client.rest() == ([], 4429)
    client.leave()
    return True


async def test_a_connection_over_the_limit_of_its_address_gets_the_reason(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(connections_per_address=2)
    for address in ("203.0.113.7", "2001:db8:0:1::7"):
        first = await connect(to=gateway, X_Forwarded_For=address)
        await connect(to=gateway, X_Forwarded_For=address)
        assert await refused(gateway, X_Forwarded_For=address)
        # The addresses sent by the client are left of the one that the proxy added.
        assert await refused(gateway, X_Forwarded_For=f"198.51.100.1, {address}")
        here = gateway.metric("blytz_connections")
        first.leave()
        await until(lambda here=here: gateway.metric("blytz_connections") < here, "a slot is free")  # type: ignore[misc]
        await connect(to=gateway, X_Forwarded_For=address)
    assert await refused(gateway, X_Forwarded_For="2001:db8:0:1:ffff::1")
    assert not await refused(gateway, X_Forwarded_For="2001:db8:0:2::1")
    for _ in range(5):
        await connect(to=gateway)


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(connections_per_address=1, trusted_proxies="192.0.2.1")
    for _ in range(3):
        await connect(to=gateway, X_Forwarded_For="203.0.113.7")


async def test_a_client_that_sends_too_many_messages_gets_the_reason_before_the_close(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(messages_per_s=5)
    client = await connect(to=gateway)
    client.send(*[{"type": "ping"}] * 40)
    answers, code = await client.rest()
    assert (answers[-1]["code"], code) == ("rate_limited", 4429)


async def test_frames_without_a_message_count_against_the_message_limit(
    start_gateway: StartGateway, connect: Connect
) -> None:
    gateway = start_gateway(messages_per_s=5)
    endless = frame(b"", fin=False)
    for opens, more in (
        (b"", frame(b"", PING)),
        (b"", frame(b"", PONG)),
        (endless, frame(b"", CONTINUATION, fin=False)),
    ):
        client = await connect(to=gateway)
        client.writer.write(opens + more * 40)
        (error,), code = await client.rest()
        assert (error["code"], code) == ("rate_limited", 4429)


async def test_a_client_that_keeps_sending_after_its_disconnect_is_not_read(
    start_gateway: StartGateway, connect: Connect
) -> None:
    client = await connect(to=start_gateway(messages_per_s=5))
    client.writer.write(frame(b"", PING) * 40)
    await client.rest()
    client.writer.transport.set_write_buffer_limits(high=0)
    # If the gateway does not read, the socket buffers fill and writes block. Otherwise this writes to the end.
    began, stuck = time.monotonic(), False
    while not stuck and time.monotonic() < began + CLOSE_GRACE_S - 1:
        client.writer.write(frame(b"x" * 125, PING) * 2_000)
        try:
            await asyncio.wait_for(client.writer.drain(), 0.5)
        except TimeoutError:
            stuck = True
    client.writer.transport.abort()
    assert stuck


@pytest.mark.alone
async def test_a_gateway_at_its_bid_limit_refuses_at_once_answers_accepted_bids_and_stays_alive(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    redis = start_redis()
    with GatewayProcess(redis.url, data=tmp_path, bids_in_flight=4) as gateway:
        async with connected(redis.url) as pipe, welcomed(gateway.port, gateway.token("Anna")) as anna:
            await RedisStore(pipe).create(listing("auc_full"), CAUSE)
            redis.freeze()
            try:
                for number in range(12):
                    anna.send(bid("auc_full", number))
                began = asyncio.get_running_loop().time()
                answers = [await anna.next() for _ in range(8)]
                refused_after_s = asyncio.get_running_loop().time() - began
                assert {(answer["outcome"], answer["code"]) for answer in answers} == {("refused", "overloaded")}
                assert all(answer["retry_after_ms"] > 0 and answer["seq"] is None for answer in answers)
                inside = [await anna.next() for _ in range(4)]
                # A call of the process itself to Redis may have used one of the four slots.
                reply = {(answer["outcome"], answer["code"]) for answer in inside}
                assert ("pending", "pending") in reply <= {("pending", "pending"), ("refused", "overloaded")}
                assert refused_after_s < DURABLE_WITHIN_S
                assert (await asyncio.to_thread(gateway.page, "/health"))[0] == 200
            finally:
                redis.thaw()
            # A refused bid_id can be retried as soon as a slot is free.
            async with asyncio.timeout(5):
                while (again := await anna.ask(bid("auc_full", 11), "bid_result"))["code"] == "overloaded":
                    await anna.drain()
            assert again["code"] == "bid_too_low"
