"""Receiving published messages, also after each lost connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from blytz.kit.redis.feed import RedisFeed
from tests.conftest import StartRedis
from tests.support.redis import RedisServer
from tests.support.wait import until

CHANNEL = b"feed:{a}"


class ReceivedEvents:
    def __init__(self, url: str, **how: float) -> None:
        self.messages: list[tuple[bytes, bytes]] = []
        self.subscribed: list[bytes] = []
        self.feed = RedisFeed(
            url, "test", lambda *message: self.messages.append(message), self.subscribed.append, **how
        )


@asynccontextmanager
async def receiving(url: str, **how: float) -> AsyncIterator[ReceivedEvents]:
    events_received = ReceivedEvents(url, **how)
    await events_received.feed.start(timeout_s=5)
    try:
        yield events_received
    finally:
        await events_received.feed.close()


async def test_published_messages_are_received_in_order(redis: RedisServer) -> None:
    async with receiving(redis.url) as events_received:
        events_received.feed.subscribe(CHANNEL)
        await until(lambda: events_received.subscribed == [CHANNEL], "subscribed")
        for number in range(100):
            redis.ask("SPUBLISH", CHANNEL, number)
        await until(lambda: len(events_received.messages) == 100, "all are received")
        assert events_received.messages == [(CHANNEL, str(number).encode()) for number in range(100)]


async def test_after_unsubscribing_nothing_is_received(redis: RedisServer) -> None:
    async with receiving(redis.url) as events_received:
        for channel in (CHANNEL, b"other"):
            events_received.feed.subscribe(channel)
        await until(lambda: len(events_received.subscribed) == 2, "subscribed")
        events_received.feed.unsubscribe(CHANNEL)
        await until(lambda: redis.ask("SPUBLISH", CHANNEL, "x") == 0, "unsubscribed")
        redis.ask("SPUBLISH", "other", "y")
        await until(lambda: (b"other", b"y") in events_received.messages, "the other channel goes on")
        seen = len(events_received.messages)
        assert redis.ask("SPUBLISH", CHANNEL, "z") == 0
        assert len(events_received.messages) == seen


async def test_a_channel_requested_before_the_connection_is_subscribed_once_connected(redis: RedisServer) -> None:
    events_received = ReceivedEvents(redis.url)
    events_received.feed.subscribe(CHANNEL)
    await events_received.feed.start()
    await until(lambda: events_received.subscribed == [CHANNEL], "subscribed")
    await events_received.feed.close()


async def test_each_channel_is_subscribed_again_after_every_lost_connection(redis: RedisServer) -> None:
    async with receiving(redis.url) as events_received:
        channels = [b"c%d" % number for number in range(50)]
        for channel in channels:
            events_received.feed.subscribe(channel)
        await until(lambda: len(events_received.subscribed) == 50, "subscribed")
        for round_ in range(1, 4):
            assert redis.ask("CLIENT", "KILL", "TYPE", "pubsub") == 1
            await until(lambda so_far=50 * round_ + 50: len(events_received.subscribed) == so_far, "again")  # type: ignore[misc]
            assert sorted(events_received.subscribed[-50:]) == sorted(channels)
        redis.ask("SPUBLISH", channels[7], "still here")
        await until(lambda: events_received.messages == [(channels[7], b"still here")], "it is received")


async def test_a_channel_unsubscribed_while_disconnected_is_not_subscribed_again(start_redis: StartRedis) -> None:
    redis = start_redis()
    async with receiving(redis.url) as events_received:
        events_received.feed.subscribe(CHANNEL)
        events_received.feed.subscribe(b"kept")
        await until(lambda: len(events_received.subscribed) == 2, "subscribed")
        redis.kill()
        await until(lambda: not events_received.feed.up.is_set(), "the loss is noticed")
        events_received.feed.unsubscribe(CHANNEL)
        redis.restart()
        await until(lambda: events_received.subscribed[2:] == [b"kept"], "one is back", 10)
        assert redis.ask("SPUBLISH", CHANNEL, "x") == 0


async def test_a_silent_connection_is_closed_and_reopened(start_redis: StartRedis) -> None:
    redis = start_redis()
    async with receiving(redis.url, ping_every_s=0.3, silent_for_s=1.0) as events_received:
        events_received.feed.subscribe(CHANNEL)
        await until(lambda: events_received.subscribed == [CHANNEL], "subscribed")
        redis.freeze()
        await until(lambda: not events_received.feed.up.is_set(), "it is closed")
        redis.thaw()
        await until(lambda: len(events_received.subscribed) == 2, "it is back", 10)
        assert events_received.feed.times_connected == 2


class ClosingProxy:
    """A proxy to Redis that answers the first connections with `greeting` and closes them, then forwards."""

    def __init__(self, redis: RedisServer, greeting: bytes, close_first: int) -> None:
        self._redis, self._greeting, self._close_first = redis, greeting, close_first
        self.forwarding = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._close_first:
            self._close_first -= 1
            writer.write(self._greeting)
            # By a reset and by an orderly close, in turn.
            writer.transport.abort() if self._close_first % 2 else writer.close()
            return
        self.forwarding += 1
        back, forth = await asyncio.open_unix_connection(str(self._redis.socket))
        await asyncio.gather(_pump(reader, forth), _pump(back, writer))
        self.forwarding -= 1


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
    target.close()


@pytest.mark.parametrize("greeting", [b"", b"-ERR max number of clients reached\r\n", b"HTTP/1.1 400 Bad\r\n\r\n"])
async def test_a_connection_closed_at_once_is_retried_until_it_stays(greeting: bytes, redis: RedisServer) -> None:
    proxy = ClosingProxy(redis, greeting, close_first=6)
    server = await asyncio.start_server(proxy.answer, "127.0.0.1", 0)
    events_received = ReceivedEvents(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    events_received.feed.subscribe(CHANNEL)
    await events_received.feed.start()
    try:
        # The pauses grow after each refusal, so six take a while.
        await until(lambda: events_received.subscribed == [CHANNEL], "it is connected", 30)
    finally:
        await events_received.feed.close()
        await until(lambda: proxy.forwarding == 0, "the last connection is closed")
        server.close()
        await server.wait_closed()
