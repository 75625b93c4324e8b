"""Random bytes and invalid messages sent to the gateway: it keeps running and no other client is affected."""

import asyncio
import contextlib
import random
import struct
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blytz.auction.redis.store import RedisStore
from tests.support.auctions import CAUSE, listing
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, Closed, frame, handshake, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.wait import until

AUCTION = "auc_fuzz"
CONNECTIONS = 1_500
BATCH_SIZE = 50
GROWTH_KB = 40_000
HEARTBEAT_MS = 8_000
INTERNAL_ERROR = b"\x88\x02\x03\xf3"
"""A close frame with 1011."""


@pytest.fixture(scope="module")
def gateway(shared_redis: RedisServer) -> Iterator[GatewayProcess]:
    with GatewayProcess(shared_redis.url, messages_per_s=100_000, heartbeat_ms=HEARTBEAT_MS) as process:
        yield process
        assert not process.faults()


@pytest.fixture
async def neighbour(gateway: GatewayProcess, shared_redis: RedisServer) -> AsyncIterator[Client]:
    """A client that watches and signs in before the random bytes, and must still be served after them."""
    async with connected(shared_redis.url) as pipe:
        await RedisStore(pipe).create(listing(AUCTION, duration_ms=3_600_000), CAUSE)
    pid, before_kb = gateway.pid, gateway.memory_kb()
    async with welcomed(gateway.port, gateway.token("Anna")) as client:
        await client.watch(AUCTION)
        yield client
        async with asyncio.timeout(10):
            sent = {"type": "bid", "auction_id": AUCTION, "bid_id": f"b{time.time_ns()}", "amount": 1}
            assert (await client.ask(sent, "bid_result"))["code"] in ("bid_too_low", "auction_not_found")
        assert (gateway.pid, gateway.is_alive()) == (pid, True)
        # A reset that arrives together with a message is only detected by the next ping.
        await until(
            lambda: gateway.metric("blytz_connections") <= 1,
            "the other connections are closed",
            3 * HEARTBEAT_MS / 1000,
        )
        assert gateway.memory_kb() - before_kb < GROWTH_KB


def random_frames(rng: random.Random) -> bytes:
    """Bytes that a broken or hostile client may send after a valid handshake."""
    text = frame(b'{"type":"ping"}')
    first = rng.choice((0x81, 0x82, 0x80, 0x01, 0x88, 0x89, 0x8A, 0xC1, 0xF1, 0x83, 0x8F, 0x09, 0x08))
    return rng.choice(
        (
            lambda: rng.randbytes(rng.randrange(1, 2_000)),
            lambda: text[: rng.randrange(1, len(text))],
            lambda: frame(b'{"type":"ping"}', masked=False),
            lambda: bytes([first, 0xFF]) + struct.pack("!Q", rng.choice((2**63, 2**62, 2**32, 65_536, 70_000, 5))),
            lambda: bytes([first, 0xFE]) + struct.pack("!H", rng.choice((1, 125, 126, 65_535))) + b"mask",
            lambda: bytes([first, 0x80 | rng.randrange(126)]) + rng.randbytes(rng.randrange(140)),
            lambda: frame(rng.randbytes(rng.choice((0, 1, 2, 3, 125, 126, 200))), 0x8),
            lambda: frame(rng.randbytes(rng.choice((0, 125, 126, 5_000))), rng.choice((0x9, 0xA))),
            lambda: frame(rng.randbytes(rng.randrange(5_000)), rng.randrange(16), fin=rng.random() < 0.5),
            lambda: b"".join(frame(b"", 0x0, fin=False) for _ in range(300)),
            lambda: text[:-3] + bytes([text[-3] ^ 0xFF]) + text[-2:],
        )
    )()


async def send_random_frames(port: int, rng: random.Random) -> None:
    with contextlib.suppress(OSError, Closed, asyncio.IncompleteReadError):
        client = await Client.open(port)
        try:
            for _ in range(rng.randrange(1, 6)):
                client.writer.write(random_frames(rng))
            await client.writer.drain()
            if rng.random() < 0.3:
                client.writer.transport.abort()
            elif rng.random() < 0.5:
                client.writer.write_eof()
            # It answers soon or not at all, and never with an internal error.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    while answer := await client.reader.read(65_536):
                        assert INTERNAL_ERROR not in answer
        finally:
            client.writer.transport.abort()


async def test_random_bytes_after_the_handshake_harm_no_other_client(
    gateway: GatewayProcess, neighbour: Client
) -> None:
    rng = random.Random(7)
    for _ in range(CONNECTIONS // BATCH_SIZE):
        await asyncio.gather(*(send_random_frames(gateway.port, rng) for _ in range(BATCH_SIZE)))
    await neighbour.drain()


async def send_random_handshake(port: int, rng: random.Random) -> None:
    good = handshake(port)
    random_frames = rng.choice(
        (
            rng.randbytes(rng.randrange(1, 3_000)),
            good[: rng.randrange(1, len(good))],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(500),
            b"GET " + b"/" * rng.choice((10, 5_000, 30_000)) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /live/v1 HTTP/1.1\r\n"
            + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 50) for n in range(400))
            + b"\r\n",
            b"POST /live/v1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            good.replace(b"13", b"12", 1),
            good.replace(b"Sec-WebSocket-Key", b"Sec-WebSocket-Cay"),
            good.replace(b"GET /live/v1", b"GET \xff\xfe\x00"),
            good.replace(b"Host", b"Origin: http://[\r\nHost"),
            b"\r\n\r\n",
            b"GET\r\n\r\n",
        )
    )
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(random_frames)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read()
        writer.transport.abort()


async def test_random_bytes_instead_of_a_handshake_harm_no_other_client(
    gateway: GatewayProcess, neighbour: Client
) -> None:
    rng = random.Random(8)
    for _ in range(CONNECTIONS // BATCH_SIZE):
        await asyncio.gather(*(send_random_handshake(gateway.port, rng) for _ in range(BATCH_SIZE)))
    await neighbour.drain()


async def slow_handshake(port: int) -> float:
    """Sends single bytes slowly, and returns the seconds until the gateway disconnects."""
    began = time.monotonic()
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ended = asyncio.ensure_future(reader.read())
        for byte in handshake(port):
            writer.write(bytes([byte]))
            done, _ = await asyncio.wait([ended], timeout=0.1)
            if done:
                break
        ended.cancel()
        writer.transport.abort()
    return time.monotonic() - began


async def test_a_handshake_sent_byte_by_byte_is_timed_out(gateway: GatewayProcess, neighbour: Client) -> None:
    slow = asyncio.gather(*(slow_handshake(gateway.port) for _ in range(300)))
    # Other clients are served meanwhile.
    while not slow.done():
        async with welcomed(gateway.port) as client:
            assert await client.drain() == []
        await asyncio.wait([slow], timeout=0.2)
    assert max(slow.result()) < 10
    await neighbour.drain()


ids = st.one_of(st.sampled_from([AUCTION, "auc_none", "", "auc_" + "x" * 70]), st.text(max_size=20))
numbers = st.one_of(
    st.integers(), st.sampled_from([0, 1, 10**12, 10**12 + 1, 2**53, 2**63, 2**64, -1]), st.floats()
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=30))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
fields: dict[str, st.SearchStrategy[Any]] = {
    "token": st.text(max_size=100),
    "topic": ids.map("auction:{}".format) | st.text(max_size=30),
    "after": numbers,
    "epoch": st.sampled_from(["e1", "e2"]) | st.text(max_size=5),
    "auction_id": ids,
    "bid_id": st.sampled_from(["b1", "b2"]) | st.text(max_size=70),
    "amount": numbers,
    "kind": st.sampled_from(["exact", "max", "buy_now"]) | st.text(max_size=5),
    "ref": st.text(max_size=20),
}
of_type = {
    "watch": ("topic", "after", "epoch", "ref"),
    "unwatch": ("topic", "ref"),
    "bid": ("auction_id", "bid_id", "amount", "kind", "ref"),
    "ping": ("ref",),
}


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Mostly valid messages, with some fields missing, invalid or of another message."""
    kind = draw(st.sampled_from(sorted(of_type)))
    message: dict[str, Any] = {"type": kind}
    for name in of_type[kind]:
        fate = draw(st.integers(0, 9))
        if fate:
            message[name] = draw(anything if fate == 1 else fields[name])
    if draw(st.integers(0, 9)) == 0:
        message[draw(st.sampled_from(sorted(fields)) | st.text(max_size=5))] = draw(anything)
    return message if draw(st.integers(0, 19)) else draw(anything)


async def test_almost_valid_messages_are_answered_and_harm_no_other_client(
    gateway: GatewayProcess, neighbour: Client
) -> None:
    loop, token = asyncio.get_running_loop(), gateway.token("Ben")

    @settings(max_examples=400)
    @given(st.lists(messages(), min_size=1, max_size=8), st.booleans())
    def try_all(sent: list[Any], in_one_frame: bool) -> None:
        asyncio.run_coroutine_threadsafe(send_and_read(sent, in_one_frame), loop).result(20)

    async def send_and_read(sent: list[Any], in_one_frame: bool) -> None:
        async with welcomed(gateway.port, token) as client:
            for text in (
                [msgspec.json.encode(sent)] if in_one_frame else [msgspec.json.encode(one) for one in sent]
            ):
                client.send_text(text)
            # Nine malformed messages are allowed, so the connection stays open unless one message was too long.
            answers = await client.drain() if len(msgspec.json.encode(sent)) <= 4_096 else []
            for answer in answers:
                assert answer["type"] in ("error", "pong", "bid_result", "snapshot", "replay", "viewers"), answer

    await asyncio.to_thread(try_all)
    await neighbour.drain()
