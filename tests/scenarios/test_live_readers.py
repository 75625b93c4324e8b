"""Neither the behaviour of one reader nor the number of readers delays another reader."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import pytest

from blytz.auction.model import Receipt, Refused
from blytz.auction.redis.store import RedisStore
from blytz.kit.answer import Answer
from tests.support.auctions import BIDDERS, CAUSE, bid, listing
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, Closed, frame, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.viewers import Viewer, connect_all
from tests.support.wait import until

BUSY, QUIET = "auc_busy", "auc_quiet"
LONG_MS = 3_600_000
BATCH_MS = 50
REPLAYED = 80
"""Events, about 40 KB."""
SLACK_MS = 100
"""Of a machine that runs the readers, the gateway and Redis on two cores beside everything else."""


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisStore]:
    async with connected(redis.url) as pipe:
        store = RedisStore(pipe)
        for auction_id in (BUSY, QUIET):
            await store.create(listing(auction_id, duration_ms=LONG_MS), CAUSE)
        yield store


@pytest.fixture
async def gateway(redis: RedisServer) -> AsyncIterator[GatewayProcess]:
    with GatewayProcess(redis.url) as process:
        yield process
        assert not process.faults()


async def watching(gateway: GatewayProcess, auction_id: str, count: int) -> list[Viewer]:
    viewers = [Viewer(auction_id) for _ in range(count)]
    await connect_all(viewers, gateway.port)
    await until(lambda: all(viewer.snapshots for viewer in viewers), "every viewer has a snapshot", 20)
    return viewers


class Crowd:
    """Bids on an auction at this rate; `made_at` is the time at which each answer arrived."""

    def __init__(self, store: RedisStore, auction_id: str, per_s: float) -> None:
        self.made_at: dict[int, float] = {}
        self._store, self._auction_id, self._per_s = store, auction_id, per_s
        self._sent = 0

    async def bid(self, seconds: float) -> None:
        began, sent_before = time.monotonic(), self._sent
        while (now := time.monotonic()) < began + seconds:
            while self._sent - sent_before < (now - began) * self._per_s:
                self._sent += 1
                one = bid(BIDDERS[self._sent % 3], 1_000_000 + self._sent * 10_000)
                self._store.place_bid(self._auction_id, one, CAUSE).then(self._made)
            await asyncio.sleep(0.002)
        await until(lambda: len(self.made_at) >= self._sent, "every bid is answered")

    def _made(self, placed: Answer[Receipt | Refused]) -> None:
        self.made_at[placed.result().seq] = time.time()

    def delays_ms(self, viewer: Viewer, after: int = 0) -> list[float]:
        """From Redis's answer to a bid with `after < seq` until the viewer had the event; below 0 when that was
        first."""
        return [(viewer.received_at[seq] - at) * 1000 for seq, at in self.made_at.items() if seq > after]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


async def test_an_event_of_a_quiet_auction_is_sent_at_once(gateway: GatewayProcess, store: RedisStore) -> None:
    viewer, *_ = await watching(gateway, QUIET, 20)
    crowd = Crowd(store, QUIET, per_s=0)
    for number in range(60):
        one = bid(BIDDERS[number % 3], 1_000_000 + number * 10_000)
        receipt = await store.place_bid(QUIET, one, CAUSE)
        crowd.made_at[receipt.seq] = time.time()
        await until(lambda seq=receipt.seq: seq in viewer.received_at, "the event")  # type: ignore[misc]
    # `until` checks every 5 ms, so the loop is free in between and received_at is exact.
    assert statistics.median(crowd.delays_ms(viewer)) < 5
    assert all(first == last for first, last in viewer.batches)


@pytest.mark.alone
async def test_many_viewers_receive_batches_in_order_and_in_time(
    gateway: GatewayProcess, store: RedisStore
) -> None:
    viewers = await watching(gateway, BUSY, 500)
    crowd, last = Crowd(store, BUSY, per_s=300), 0
    halves_ms, slowest_ms = [], []
    for _ in range(3):
        before = last
        await crowd.bid(1)
        last = max(crowd.made_at)
        await until(lambda last=last: all(viewer.seq == last for viewer in viewers), "all events")  # type: ignore[misc]
        delays = [crowd.delays_ms(viewer, after=before) for viewer in viewers[::50]]
        halves_ms.append(max(percentile(each, 0.5) for each in delays))
        slowest_ms.append(max(percentile(each, 0.99) for each in delays))
    # The median of the rounds, because a short stall of the machine affects only one.
    assert statistics.median(halves_ms) < BATCH_MS + SLACK_MS
    assert statistics.median(slowest_ms) < BATCH_MS + 2 * SLACK_MS
    for viewer in viewers:
        assert not viewer.faults
        assert [seq for seq, _ in viewer.history] == list(range(2, last + 1))
    assert len(viewers[0].batches) < last, "a busy auction is sent in batches"


@pytest.mark.alone
async def test_the_answer_to_a_bid_is_not_delayed_by_many_viewers(
    gateway: GatewayProcess, store: RedisStore
) -> None:
    viewers = await watching(gateway, BUSY, 500)
    crowd = Crowd(store, BUSY, per_s=300)
    bidding = asyncio.ensure_future(crowd.bid(2.5))
    took_ms: list[float] = []
    async with welcomed(gateway.port, gateway.token("Anna")) as anna:
        while not bidding.done():
            began = time.monotonic()
            sent = {"type": "bid", "auction_id": QUIET, "bid_id": f"b{len(took_ms)}", "amount": 1}
            await anna.ask(sent, "bid_result", bid_id=sent["bid_id"])
            took_ms.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(0.03)
    await bidding
    assert len(took_ms) > 20
    # This process also reads for 500 viewers, which is most of the delay.
    assert statistics.median(took_ms) < 40
    assert percentile(took_ms, 0.95) < BATCH_MS + SLACK_MS
    assert not any(viewer.faults for viewer in viewers)


@pytest.mark.alone
async def test_a_reader_that_stops_reading_is_disconnected_and_delays_no_other(
    redis: RedisServer, store: RedisStore
) -> None:
    with GatewayProcess(redis.url, send_queue_bytes=65_536, messages_per_s=1_000) as gateway:
        viewers = await watching(gateway, BUSY, 100)
        before_kb = gateway.memory_kb()
        readers = [await Client.open(gateway.port) for _ in range(30)]
        epoch = ""
        for reader in readers:
            epoch = (await reader.watch(BUSY))["epoch"]
            reader.writer.transport.pause_reading()  # type: ignore[attr-defined]
        crowd = Crowd(store, BUSY, per_s=300)
        bidding = asyncio.ensure_future(crowd.bid(3))
        while not bidding.done():
            # Each answer adds to the queue, which events alone would take minutes to fill. A replay of more than
            # the queue holds would be a short snapshot.
            after = max(crowd.made_at, default=REPLAYED) - REPLAYED
            for reader in readers:
                if not reader.writer.is_closing():
                    for _ in range(20):
                        reader.send({"type": "watch", "topic": f"auction:{BUSY}", "after": after, "epoch": epoch})
            await asyncio.sleep(0.2)
        await until(
            lambda: gateway.metric('blytz_connections_closed_total{code="4408"}') == 30, "all are disconnected"
        )
        last = max(crowd.made_at)
        await until(lambda: all(viewer.seq == last for viewer in viewers), "the others have all")
        assert not any(viewer.faults or viewer.codes for viewer in viewers)
        delays = crowd.delays_ms(viewers[0])
        assert percentile(delays, 0.99) < BATCH_MS + 2 * SLACK_MS
        await until(lambda: gateway.metric("blytz_connections") == 100, "their connections are closed", 15)
        assert gateway.memory_kb() - before_kb < 60_000
        assert not gateway.faults()
        for viewer in viewers:
            viewer.cut()
        for reader in readers:
            reader.leave()


async def test_what_all_readers_together_have_not_read_is_bounded(redis: RedisServer, store: RedisStore) -> None:
    await asyncio.gather(
        *(store.place_bid(BUSY, bid(BIDDERS[n % 3], 10**6 + n * 10**4), CAUSE) for n in range(300))
    )
    # None of them alone has too much.
    with GatewayProcess(
        redis.url, messages_per_s=10_000, send_queue_bytes=1_000_000_000, send_queues_bytes=5_000_000
    ) as gateway:
        (viewer,) = await watching(gateway, BUSY, 1)
        readers = [await Client.open(gateway.port) for _ in range(5)]
        snapshots = [await reader.watch(BUSY) for reader in readers]
        before_kb = gateway.memory_kb()
        async with asyncio.timeout(30):
            while gateway.metric('blytz_connections_closed_total{code="4408"}') < len(readers) - 1:
                for reader, snapshot in zip(readers, snapshots, strict=True):
                    again = {"after": snapshot["seq"] - REPLAYED, "epoch": snapshot["epoch"]}
                    reader.writer.transport.pause_reading()  # type: ignore[attr-defined]
                    if not reader.writer.is_closing():
                        reader.send({"type": "watch", "topic": f"auction:{BUSY}", **again})
                await asyncio.sleep(0)
        assert gateway.memory_kb() - before_kb < 60_000
        assert not viewer.codes
        assert not gateway.faults()
        viewer.cut()
        for reader in readers:
            reader.leave()


async def test_a_disconnected_slow_reader_that_reads_again_gets_the_reason(
    redis: RedisServer, store: RedisStore
) -> None:
    await asyncio.gather(
        *(store.place_bid(BUSY, bid(BIDDERS[n % 3], 10**6 + n * 10**4), CAUSE) for n in range(300))
    )
    with GatewayProcess(redis.url, send_queue_bytes=65_536, messages_per_s=10_000) as gateway:
        reader = await Client.open(gateway.port)
        snapshot = await reader.watch(BUSY)
        again = {"after": snapshot["seq"] - REPLAYED, "epoch": snapshot["epoch"]}
        reader.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while gateway.metric('blytz_connections_closed_total{code="4408"}') == 0:
            reader.send({"type": "watch", "topic": f"auction:{BUSY}", **again})
            await reader.writer.drain()
        reader.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await reader.closed() == 4408
        assert gateway.metric("blytz_connections") == 0
        reader.leave()


async def test_a_client_that_floods_pings_and_reads_nothing_is_disconnected_in_bounded_memory(
    gateway: GatewayProcess,
) -> None:
    before_kb = gateway.memory_kb()
    client = await Client.open(gateway.port)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    pings = frame(b"x" * 125, 0x9) * 500
    try:
        for _ in range(400):
            client.writer.write(pings)
            async with asyncio.timeout(10):
                await client.writer.drain()
            if gateway.metric("blytz_connections") == 0:
                break
    except (OSError, Closed):
        pass
    await until(lambda: gateway.metric("blytz_connections") == 0, "it is gone")
    assert gateway.memory_kb() - before_kb < 20_000
    client.leave()
