"""After any failure viewers continue the same history without a gap, or get a snapshot."""

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from tests.conftest import StartRedis
from tests.support.auctions import BIDDERS, CAUSE, bid, listing
from tests.support.live import GatewayProcess
from tests.support.live_client import welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.topics import AUCTION, LONG_MS, AuctionTopic, ShowTopic
from tests.support.viewers import Viewer, connect_all, reconnect
from tests.support.wait import until

VIEWERS = 2_000


class Bidders:
    """Bid one after the other until `stop`; `seq` is the number of the last event."""

    def __init__(self, store: RedisStore, auction_id: str, per_s: float) -> None:
        self.seq, self.price = 1, 0
        self._task = asyncio.create_task(self._bid(store, auction_id, 1 / per_s))

    async def _bid(self, store: RedisStore, auction_id: str, pause_s: float) -> None:
        number = 0
        while True:
            number += 1
            receipt = await store.place_bid(
                auction_id, bid(BIDDERS[number % 3], 1_000_000 + number * 10_000), CAUSE
            )
            self.seq, self.price = receipt.seq, receipt.price
            await asyncio.sleep(pause_s)

    async def reach(self, seq: int) -> None:
        await until(lambda: self.seq >= seq or self._task.done(), f"event {seq}", 60)
        assert not self._task.done(), self._task

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisStore]:
    async with connected(redis.url, no_timeout=True) as pipe:
        store = RedisStore(pipe)
        await store.create(listing(AUCTION, duration_ms=LONG_MS), CAUSE)
        yield store


async def assert_all_up_to_date(viewers: list[Viewer], store: RedisStore) -> None:
    """Checks that every viewer has the last event of the log and received no fault."""
    events = await store.events(AUCTION, 0, 100_000)
    last = events[-1].seq
    await until(lambda: all(viewer.seq == last for viewer in viewers), "every viewer has the last event", 30)
    prices = {event.seq: event.public["price"] for event in events}
    for viewer in viewers:
        assert not viewer.faults, viewer.faults[:3]
        assert all(prices[seq] == price for seq, price in viewer.history)
        known = [seq for seq, _ in viewer.history]
        assert known == list(range(last - len(known) + 1, last + 1))


@pytest.mark.timeout(180)
async def test_two_thousand_viewers_keep_one_history_through_every_failure(
    redis: RedisServer, store: RedisStore
) -> None:
    rng = random.Random(1)
    viewers = [Viewer(AUCTION) for _ in range(VIEWERS)]
    with GatewayProcess(redis.url) as first, GatewayProcess(redis.url) as second:
        ports = [first.port, second.port]
        await connect_all(viewers[::2], ports[0])
        await connect_all(viewers[1::2], ports[1])
        await until(lambda: all(viewer.snapshots for viewer in viewers), "every viewer has a snapshot", 20)
        bidders = Bidders(store, AUCTION, per_s=60)
        try:
            for _ in range(4):
                some = rng.sample(viewers, 100)
                for viewer in some:
                    viewer.cut()
                await bidders.reach(bidders.seq + 5)
                await asyncio.gather(*(reconnect(viewer, rng.choice(ports)) for viewer in some))

            assert redis.ask("CLIENT", "KILL", "TYPE", "pubsub") == 2
            await bidders.reach(bidders.seq + 20)

            second.kill()
            await bidders.reach(bidders.seq + 20)
            await until(lambda: sum(not viewer.is_open for viewer in viewers) > VIEWERS / 3, "they notice")
            second.start()
            lost = [viewer for viewer in viewers if not viewer.is_open]
            for begin in range(0, len(lost), 100):
                await asyncio.gather(
                    *(reconnect(viewer, rng.choice(ports)) for viewer in lost[begin : begin + 100])
                )
            await bidders.reach(bidders.seq + 10)
        finally:
            await bidders.stop()
        await assert_all_up_to_date(viewers, store)
        # No disconnect here was long enough for more than a replay.
        assert {viewer.snapshots for viewer in viewers} == {1}
        assert all(viewer.replays for viewer in lost)
        assert first.metric('blytz_topic_syncs_total{why="subscribed"}') >= 2
        assert not first.faults() + second.faults()
        for viewer in viewers:
            viewer.cut()
        await until(lambda: not any(viewer.is_open for viewer in viewers), "all are gone")


async def test_a_viewer_that_missed_more_than_the_history_gets_a_snapshot(
    redis: RedisServer, store: RedisStore
) -> None:
    with GatewayProcess(redis.url) as gateway:
        away, there = Viewer(AUCTION), Viewer(AUCTION)
        await connect_all([away, there], gateway.port)
        await until(lambda: away.snapshots + there.snapshots == 2, "both have a snapshot")
        away.cut()
        bids = [bid(BIDDERS[number % 3], 1_000_000 + number * 10_000) for number in range(600)]
        await asyncio.gather(*(store.place_bid(AUCTION, one, CAUSE) for one in bids))
        await reconnect(away, gateway.port)
        await assert_all_up_to_date([away, there], store)
        assert (away.snapshots, there.snapshots) == (2, 1)
        away.cut()
        there.cut()


async def test_viewers_are_notified_of_a_killed_redis_and_have_no_gap(start_redis: StartRedis) -> None:
    redis = start_redis()
    async with connected(redis.url) as pipe:
        store = RedisStore(pipe)
        await store.create(listing(AUCTION, duration_ms=LONG_MS), CAUSE)
        with GatewayProcess(redis.url) as gateway:
            viewers = [Viewer(AUCTION) for _ in range(50)]
            await connect_all(viewers, gateway.port)
            await until(lambda: all(viewer.snapshots for viewer in viewers), "every viewer has a snapshot")
            token = gateway.token("Anna")
            async with welcomed(gateway.port, token) as anna:
                redis.kill()
                await until(lambda: all(viewer.errors for viewer in viewers), "every viewer gets an error")
                assert gateway.page("/health")[0] == 200
                assert gateway.page("/ready")[0] == 503
                sent = {"type": "bid", "auction_id": AUCTION, "bid_id": "b1", "amount": 100}
                refused = await anna.ask(sent, "bid_result")
                assert (refused["outcome"], refused["code"]) in (
                    ("pending", "store_unavailable"),
                    ("refused", "store_unavailable"),
                )
                late = Viewer(AUCTION)
                await late.connect(gateway.port)
                redis.restart()
                await until(pipe.up.is_set, "our own pipe is back", 10)
                await until(lambda: gateway.page("/ready")[0] == 200, "the gateway is back", 10)
                accepted = await anna.ask(sent, "bid_result", outcome="accepted")
                assert accepted["replayed"] is False
            viewers.append(late)
            await assert_all_up_to_date(viewers, store)
            for viewer in viewers[:-1]:
                assert viewer.errors == ["store_unavailable"]
                assert (viewer.snapshots, viewer.replays, viewer.codes) == (1, 0, [])
            for viewer in viewers:
                viewer.cut()


both_kinds = pytest.mark.parametrize("kind", [AuctionTopic, ShowTopic])


@both_kinds
async def test_after_a_backup_is_restored_viewers_get_a_snapshot_of_it(
    kind: type[AuctionTopic | ShowTopic], start_redis: StartRedis, tmp_path: Path
) -> None:
    """Also viewers that had seen more than the backup contains, connected or not."""
    redis = start_redis()
    async with connected(redis.url) as pipe:
        topic = kind(pipe)
        await topic.create()
        first, last = topic.first_seq, topic.first_seq + 5
        redis.kill()
        data, backup = redis.folder / "appendonlydir", tmp_path / "backup"
        shutil.copytree(data, backup)
        redis.restart()
        await until(pipe.up.is_set, "our own pipe is back", 10)
        with GatewayProcess(redis.url) as gateway:
            async with welcomed(gateway.port) as viewer:
                seen = await viewer.watch_topic(topic.name)
                for number in range(5):
                    await topic.grow(number)
                while (await viewer.receive("event"))["seq"] < last:
                    pass

                redis.kill()
                shutil.rmtree(data)
                shutil.copytree(backup, data)
                redis.restart()

                restored = await viewer.receive("snapshot")
                assert (restored["seq"], restored["state"]["seq"]) == (first, first)
                assert restored["epoch"] != seen["epoch"]
            async with welcomed(gateway.port) as back:
                again = await back.watch_topic(topic.name, after=last, epoch=seen["epoch"])
                assert (again["type"], again["seq"], again["epoch"]) == ("snapshot", first, restored["epoch"])


async def test_after_a_replica_is_promoted_viewers_get_a_snapshot_of_it(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    """The replica had not received the last events, and bids made it grow past what viewers had seen."""
    primary = start_redis(tcp=True)
    replica = start_redis(config={"replicaof": f"127.0.0.1 {primary.port}"})
    address = tmp_path / "redis.sock"
    address.symlink_to(primary.socket)

    async def outbid(at: RedisServer, count: int) -> None:
        async with connected(at.url) as pipe:
            store = RedisStore(pipe)
            state = await store.get(AUCTION)
            assert state is not None
            for number in range(state.seq, state.seq + count):
                await store.place_bid(AUCTION, bid(BIDDERS[number % 3], 1_000_000 + number * 10_000), CAUSE)

    async with connected(primary.url) as pipe:
        await RedisStore(pipe).create(listing(AUCTION, duration_ms=LONG_MS), CAUSE)
    with GatewayProcess(f"unix://{address}") as gateway:
        async with welcomed(gateway.port) as viewer:
            seen = await viewer.watch(AUCTION)
            await outbid(primary, 2)
            await until(lambda: replica.ask("XLEN", keys_of(AUCTION).events) == 3, "the replica has all")
            replica.ask("REPLICAOF", "NO", "ONE")
            await outbid(primary, 3)
            while (await viewer.receive("event"))["seq"] < 6:
                pass

            await outbid(replica, 5)
            address.unlink()
            address.symlink_to(replica.socket)
            primary.kill()

            promoted = await viewer.receive("snapshot")
            assert (promoted["seq"], promoted["epoch"] != seen["epoch"]) == (8, True)
            await outbid(replica, 1)
            assert (await viewer.receive("event"))["seq"] == 9
        async with welcomed(gateway.port) as back:
            again = await back.watch(AUCTION, after=6, epoch=seen["epoch"])
            assert (again["type"], again["seq"], again["epoch"]) == ("snapshot", 9, promoted["epoch"])


@both_kinds
async def test_a_frozen_redis_makes_answers_pending_and_a_repetition_gets_the_real_outcome(
    kind: type[AuctionTopic | ShowTopic], start_redis: StartRedis
) -> None:
    redis = start_redis()
    async with connected(redis.url) as pipe:
        await kind(pipe).create()
    with GatewayProcess(redis.url) as gateway:
        async with welcomed(gateway.port, gateway.token("Anna")) as anna:
            assert (await anna.watch_topic(kind.name))["seq"] == kind.first_seq
            sent = kind.sent
            redis.freeze()
            assert (await anna.ask(sent, kind.answer))["outcome"] == "pending"
            redis.thaw()
            async with asyncio.timeout(10):
                answer: dict[str, object] = {"outcome": "pending"}
                while answer["outcome"] == "pending":
                    await asyncio.sleep(0.05)
                    answer = await anna.ask(sent, kind.answer)
            assert (answer["outcome"], answer["seq"]) == (kind.done, kind.first_seq + 1)


async def test_on_sigterm_bids_in_flight_are_answered_and_every_connection_closed(
    redis: RedisServer, store: RedisStore
) -> None:
    with GatewayProcess(redis.url) as gateway:
        viewers = [Viewer(AUCTION) for _ in range(300)]
        await connect_all(viewers, gateway.port)
        await until(lambda: all(viewer.snapshots for viewer in viewers), "every viewer has a snapshot")
        async with welcomed(gateway.port, gateway.token("Anna")) as anna, welcomed(gateway.port) as deaf:
            deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(50):
                anna.send(
                    {"type": "bid", "auction_id": AUCTION, "bid_id": f"b{number}", "amount": 100 * number + 100}
                )
            await anna.receive("bid_result")
            gateway.terminate()
            received, code = await anna.rest()
            answered = {message["bid_id"] for message in received if message["type"] == "bid_result"}
            accepted = {message["bid_id"] for message in received if message.get("outcome") == "accepted"}
            events = await store.events(AUCTION, 0, 1_000)
            assert {event.private.get("bid_id") for event in events} - {None, "b0"} <= answered
            assert len(accepted) <= len(events)
            assert code == 1012
            began = time.monotonic()
            assert await asyncio.to_thread(gateway.wait) == 0
            assert time.monotonic() - began < 10
        await until(lambda: all(viewer.codes for viewer in viewers), "every viewer is closed")
        assert {code for viewer in viewers for code in viewer.codes} == {1012}
        assert not gateway.faults()
