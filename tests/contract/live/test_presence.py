"""Heartbeats of clients, and counts of viewers."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest

from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from blytz.live.redis.auction_topics import AuctionTopics
from blytz.live.redis.presence import RedisPresence
from tests.contract.live.conftest import Auctions, Connect, StartGateway
from tests.support.live import GatewayProcess
from tests.support.live_client import CLOSE, PING, Client, Closed, frame
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.wait import until


@pytest.mark.alone
async def test_a_client_that_does_not_answer_pings_is_removed_and_one_that_does_stays(
    connect: Connect, start_gateway: StartGateway
) -> None:
    gateway = start_gateway(heartbeat_ms=200)
    silent, lively = await connect(to=gateway), await connect(to=gateway)
    silent.answers_pings = False
    living = asyncio.ensure_future(lively.closed(60))
    began = time.monotonic()
    assert await silent.closed() == 1006
    assert 0.2 < time.monotonic() - began < 5
    await asyncio.wait([living], timeout=1.0)
    assert not living.done()
    assert gateway.metric("blytz_connections") == 1
    living.cancel()


@pytest.mark.alone
async def test_an_active_client_is_not_pinged(connect: Connect, start_gateway: StartGateway) -> None:
    gateway = start_gateway(heartbeat_ms=400)
    client = await connect(to=gateway)
    until_at = time.monotonic() + 1.5
    while time.monotonic() < until_at:
        client.send({"type": "ping"})
        opcode, _ = await client.frame()
        assert opcode != PING
        await asyncio.sleep(0.05)


async def test_a_client_that_closes_and_stops_reading_is_removed(
    connect: Connect, start_gateway: StartGateway, auction: Auctions
) -> None:
    gateway = start_gateway(heartbeat_ms=200, messages_per_s=10_000, send_queue_bytes=50_000_000)
    auction_id = await auction()
    client = await connect(to=gateway)
    # Until the socket is full, so that no close frame gets through.
    for _ in range(10_000):
        client.send({"type": "watch", "topic": f"auction:{auction_id}"})
    client.writer.write(frame(b"\x03\xe8", CLOSE))
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.writer.drain()
    await until(lambda: gateway.metric("blytz_connections") == 0, "it is forgotten")


class Audience:
    """Receives the viewer counts of one auction, with the time of each."""

    def __init__(self, client: Client) -> None:
        self.received: list[tuple[float, int]] = []
        self._task = asyncio.ensure_future(self._listen(client))

    async def _listen(self, client: Client) -> None:
        while True:
            message = await client.next(60)
            if message["type"] == "viewers":
                self.received.append((time.monotonic(), message["count"]))

    @property
    def count(self) -> int | None:
        return self.received[-1][1] if self.received else None

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.mark.alone
async def test_viewers_are_counted_over_all_gateways_and_sent_at_most_once_a_second(
    connect: Connect, gateway: GatewayProcess, start_gateway: StartGateway, auction: Auctions
) -> None:
    gateways = [gateway, start_gateway()]
    auction_id = await auction()
    clients = [await connect(to=gateway) for gateway in gateways]
    for client in clients:
        await client.watch(auction_id)
    audiences = [Audience(client) for client in clients]
    await until(lambda: all(audience.count == 2 for audience in audiences), "both count two")

    more: list[Any] = []
    for number in range(10):
        more.append(await connect(to=gateways[number % 2]))
        await more[-1].watch(auction_id)
        await asyncio.sleep(0.1)
    await until(lambda: all(audience.count == 12 for audience in audiences), "both count all")
    for client in more:
        client.leave()
    await until(lambda: all(audience.count == 2 for audience in audiences), "both count two again")

    for audience in audiences:
        await audience.end()
        times = [at for at, _ in audience.received]
        # At most one a second on the gateway's clock; on a busy machine one may arrive late.
        assert all(later - earlier > 0.8 for earlier, later in pairwise(times)), times


async def test_viewers_of_a_gateway_stay_counted_when_the_clock_of_redis_is_set_back(redis: RedisServer) -> None:
    """The entry expires when others do, as if it were written now."""
    viewers = keys_of("auc_1").viewers
    async with connected(redis.url) as pipe:
        presence = RedisPresence(pipe, {"auction": AuctionTopics(RedisStore(pipe))})
        ahead = int(redis.ask("TIME")[0]) + 3_600
        redis.ask("HSET", viewers, "gw_there", f"2:{ahead}", "gw_dead", "5:1", "gw_broken", "many")
        await presence.report("auction:auc_1", "gw_here", 3)
    count, at = redis.ask("HGET", viewers, "gw_there").split(b":")
    assert (count, int(at) <= int(redis.ask("TIME")[0])) == (b"2", True)
    assert sorted(redis.ask("HKEYS", viewers)) == [b"gw_here", b"gw_there"]


async def test_an_unwatched_auction_sends_no_viewer_counts(connect: Connect, auction: Auctions) -> None:
    auction_id, client = await auction(), await connect()
    await client.watch(auction_id)
    assert (await client.receive("viewers"))["topic"] == f"auction:{auction_id}"
    client.send({"type": "unwatch", "topic": f"auction:{auction_id}"})
    assert await client.drain() == []


async def test_a_closed_connection_sends_nothing_more(connect: Connect) -> None:
    client = await connect()
    client.writer.write(frame(b"\x03\xe8", CLOSE) + frame(b'{"type":"ping"}'))
    with pytest.raises(Closed) as closed:
        await client.next()
    assert closed.value.code == 1000
