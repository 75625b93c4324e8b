"""Redis killed, frozen, loading or without its replicas: no bidder gets a wrong answer."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from blytz.auction.model import Bid, Receipt
from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from blytz.kit.answer import Answer
from blytz.kit.problems import NotDurable, StoreUnavailable
from blytz.kit.redis.pipe import DURABLE_WITHIN_S, RedisPipe
from tests.conftest import StartRedis
from tests.support.auctions import ANNA, BEN, CAUSE, bid, listing
from tests.support.pipes import connected
from tests.support.proxy import proxy_before
from tests.support.redis import RedisServer, Refusal
from tests.support.wait import until, wait_until

ID = "auc_1"
EVENTS = keys_of(ID).events
MAX_ANSWER_S = 5 * DURABLE_WITHIN_S
"""By then nobody may still be left without an answer, on a busy machine either."""


async def placed(pipe: RedisPipe, sent: Bid) -> Receipt:
    """Sends a bid as a client does, which retries a pending one."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(NotDurable):
                reply = await RedisStore(pipe).place_bid(ID, sent, CAUSE)
                assert isinstance(reply, Receipt)
                return reply


async def open_auction(pipe: RedisPipe) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(NotDurable):
                await RedisStore(pipe).create(listing(ID, duration_ms=600_000, buy_now_price=90_000), CAUSE)
                return


async def pending_soon(asked: Answer[Any]) -> None:
    """Checks that the answer is `pending`, and not much later than promised."""
    began = time.monotonic()
    with pytest.raises(NotDurable):
        await asyncio.wait_for(asked, MAX_ANSWER_S)
    assert time.monotonic() - began < MAX_ANSWER_S


async def test_a_bid_whose_answer_was_lost_gets_it_on_retry(
    start_redis: StartRedis,
) -> None:
    server = start_redis()
    async with proxy_before(server.socket) as proxy, connected(proxy.url) as pipe:
        await open_auction(pipe)
        await placed(pipe, bid(BEN, 200))  # from here on Redis knows the script
        proxy.keep_answers()
        sent = bid(ANNA, 300)
        lost = RedisStore(pipe).place_bid(ID, sent, CAUSE)
        await until(lambda: server.ask("XLEN", EVENTS) == 3, "the bid is recorded")
        assert not lost.done()
        server.kill()
        with pytest.raises(StoreUnavailable):
            await lost
        with pytest.raises(StoreUnavailable):
            RedisStore(pipe).place_bid(ID, sent, CAUSE)
        proxy.pass_answers()
        server.restart()
        await until(pipe.up.is_set, "connected again")
        reply = await placed(pipe, sent)
        assert (reply.replayed, reply.outcome, reply.seq) == (True, "accepted", 3)
        assert server.ask("XLEN", EVENTS) == 3


async def test_a_pipe_reconnects_by_itself_and_logs_it_once(start_redis: StartRedis) -> None:
    server = start_redis()
    with capture_logs() as logs:
        async with connected(server.url) as pipe:
            for times in (2, 3):
                server.kill()
                await until(lambda: not pipe.up.is_set(), "the loss is noticed")
                server.restart()
                await until(pipe.up.is_set, "connected again")
                assert pipe.times_connected == times
                assert await pipe.call("PING") == b"PONG"
    assert [entry["event"] for entry in logs].count("redis_lost") == 2
    assert [entry["event"] for entry in logs].count("redis_away") <= 2


async def test_all_calls_in_flight_end_when_the_connection_does(start_redis: StartRedis) -> None:
    server = start_redis()
    async with connected(server.url) as pipe:
        server.freeze()
        owed = [pipe.call("INCR", "count") for _ in range(50)]
        server.kill()
        for asked in owed:
            with pytest.raises(StoreUnavailable):
                await asked
        assert pipe.in_flight == 0


async def test_a_frozen_redis_makes_bids_pending_and_a_thawed_one_answers_again(start_redis: StartRedis) -> None:
    server = start_redis()
    async with connected(server.url) as pipe:
        await open_auction(pipe)
        sent = bid(ANNA, 300)
        server.freeze()
        await pending_soon(RedisStore(pipe).place_bid(ID, sent, CAUSE))
        server.thaw()
        reply = await placed(pipe, sent)
        assert (reply.replayed, reply.seq) == (True, 2)
        assert pipe.times_connected == 1


async def test_a_silent_connection_is_closed(start_redis: StartRedis) -> None:
    server = start_redis()
    async with connected(server.url) as pipe:
        server.freeze()
        await pending_soon(pipe.call("PING"))
        await until(lambda: not pipe.up.is_set(), "given up", within_s=5)
        server.thaw()
        await until(pipe.up.is_set, "connected again", within_s=10)
        assert pipe.times_connected == 2
        assert await pipe.call("PING") == b"PONG"


async def test_while_redis_loads_its_data_the_pipe_waits_and_nothing_is_sent(start_redis: StartRedis) -> None:
    server = start_redis()
    async with connected(server.url, no_timeout=True) as pipe:
        await asyncio.gather(*(pipe.call("SET", f"key{number}", "x") for number in range(4_000)))
    server.ask("BGREWRITEAOF")
    wait_until(
        lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0", "in the file that loads slowly"
    )
    server.stop()
    server.config |= {"key-load-delay": 200, "loading-process-events-interval-bytes": 1_024}
    with capture_logs() as logs:
        server.start(wait=False)
        wait_until(lambda: is_loading(server), "it loads")
        pipe = RedisPipe(server.url, "test")
        await pipe.start()
        try:
            await until(lambda: any("LOADING" in entry.get("error", "") for entry in logs), "the pipe logs it")
            with pytest.raises(StoreUnavailable):
                pipe.call("PING")
            await until(pipe.up.is_set, "it has loaded", within_s=15)
            assert await pipe.call("DBSIZE") == 4_000
        finally:
            await pipe.close()


def is_loading(server: RedisServer) -> bool:
    try:
        server.ask("PING")
    except Refusal as refusal:
        return "LOADING" in str(refusal)
    except OSError:
        pass
    return False


@pytest.fixture
def pair_of_redis(start_redis: StartRedis) -> tuple[RedisServer, RedisServer]:
    """A primary and its replica, synchronised."""
    primary = start_redis(tcp=True)
    replica = start_redis(config={"replicaof": f"127.0.0.1 {primary.port}"})
    wait_until(lambda: replica.info("replication")["master_link_status"] == "up", "the replica follows", 15)
    # The first acknowledgement after a synchronisation may take a second, so it is awaited here.
    primary.ask("SET", "first", "x")

    def in_step() -> bool:
        known = primary.info("replication")
        return f"offset={known['master_repl_offset']}," in known.get("slave0", "")

    wait_until(in_step, "the replica acknowledges", 15)
    return primary, replica


Two = tuple[RedisServer, RedisServer]


async def decided(primary: RedisServer, pipe: RedisPipe) -> None:
    """Waits until the second bid is recorded and answered, but not its WAIT."""
    await until(lambda: primary.ask("XLEN", EVENTS) > 2, "recorded")
    await until(lambda: pipe.in_flight == 1, "answered")


async def test_with_a_replica_a_bid_is_answered_once_the_replica_has_it(pair_of_redis: Two) -> None:
    primary, replica = pair_of_redis
    async with connected(primary.url, replicas=1) as pipe:
        await open_auction(pipe)
        for amount in range(300, 1_300, 200):
            reply = await placed(pipe, bid(ANNA if amount % 400 == 300 else BEN, amount))
            assert replica.ask("XLEN", EVENTS) == reply.seq


async def test_without_its_replica_a_bid_is_pending_until_the_replica_is_back(pair_of_redis: Two) -> None:
    primary, replica = pair_of_redis
    async with connected(primary.url, replicas=1) as pipe:
        await open_auction(pipe)
        replica.freeze()
        sent = bid(ANNA, 300)
        await pending_soon(RedisStore(pipe).place_bid(ID, sent, CAUSE))
        await until(lambda: primary.ask("XLEN", EVENTS) == 2, "the bid is recorded")
        replica.thaw()
        reply = await placed(pipe, sent)
        assert (reply.replayed, reply.seq) == (True, 2)
        assert replica.ask("XLEN", EVENTS) == 2


async def test_a_refusal_waits_until_the_bids_it_depends_on_are_replicated(pair_of_redis: Two) -> None:
    primary, replica = pair_of_redis
    async with connected(primary.url, replicas=1) as pipe:
        await open_auction(pipe)
        replica.freeze()
        low = (
            RedisStore(pipe).place_bid(ID, bid(ANNA, 300), CAUSE),
            RedisStore(pipe).place_bid(ID, bid(BEN, 1), CAUSE),
        )
        for asked in low:
            await pending_soon(asked)


async def test_every_call_is_answered_when_a_primary_freezes_while_it_waits_for_its_replica(
    pair_of_redis: Two,
) -> None:
    primary, replica = pair_of_redis
    async with connected(primary.url, replicas=1) as pipe:
        await open_auction(pipe)
        await placed(pipe, bid(BEN, 200))
        replica.freeze()
        asked = RedisStore(pipe).place_bid(ID, bid(ANNA, 300), CAUSE)
        await decided(primary, pipe)
        primary.freeze()
        await pending_soon(asked)
        await until(lambda: not pipe.up.is_set(), "given up", within_s=5)


async def test_a_buy_now_bid_is_answered_though_the_pipe_is_full(pair_of_redis: Two) -> None:
    primary, replica = pair_of_redis
    async with connected(primary.url) as pipe:
        await open_auction(pipe)
    async with connected(primary.url, replicas=1, max_in_flight=2) as pipe:
        await placed(pipe, bid(BEN, 200))
        replica.freeze()
        bought = RedisStore(pipe).place_bid(ID, bid(ANNA, 90_000, "buy_now"), CAUSE)
        await decided(primary, pipe)
        behind = pipe.call("PING")
        replica.thaw()
        reply = await bought
        assert isinstance(reply, Receipt)
        assert (reply.outcome, reply.price) == ("accepted", 90_000)
        assert await behind == b"PONG"


async def test_a_bid_sent_to_a_replica_is_not_decided(pair_of_redis: Two) -> None:
    primary, replica = pair_of_redis
    async with connected(primary.url, replicas=1) as pipe:
        await open_auction(pipe)
    async with connected(replica.url) as pipe:
        with pytest.raises(StoreUnavailable):
            await RedisStore(pipe).place_bid(ID, bid(ANNA, 300), CAUSE)
