"""Concurrent bids over many connections to a real Redis: in any order the result is one consistent auction."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from blytz.auction import rules
from blytz.auction.model import Auction, Bid, BidKind, Code, Event, Party, Receipt, Refused, Status
from blytz.auction.redis.store import RedisStore
from blytz.auction.store import Closed
from tests.support.auctions import ANNA, BEN, CAUSE, MINUTE_MS, T0, bid, listing
from tests.support.clock import CLOCK_KEY, scripts_on_test_clock
from tests.support.pipes import connected, many_connected
from tests.support.redis import RedisServer
from tests.support.replay import states_of

BIDDERS = 200
BIDS_EACH = 12
RACES = 1_000
MAX_TURNS_APART = 8
"""Turns of the event loop; more than a write needs to be sent."""
SENDERS = 50
ID = "auc_1"


class AnsweredBid(Struct):
    """One bid, its answer, and the last event that any bidder knew when it was sent."""

    sent: Bid
    answer: Receipt | Refused
    known_seq: int


async def whole_log(store: RedisStore, auction_id: str = ID) -> list[Event]:
    return list(await store.events(auction_id, 0, 100_000))


async def state(store: RedisStore, auction_id: str = ID) -> Auction:
    auction = await store.get(auction_id)
    assert auction is not None
    return auction


async def crowd(stores: list[RedisStore], rng: random.Random) -> list[AnsweredBid]:
    """Each bidder bids near the minimum that it knows, on its own connection."""
    answered: list[AnsweredBid] = []
    received = 0

    async def bids_of(number: int) -> None:
        nonlocal received
        me, least = Party(f"usr_{number}", f"Bidder {number}"), 100
        for _ in range(BIDS_EACH):
            kind: BidKind = rng.choice(("exact", "max"))
            sent = bid(me, max(1, least + rng.choice((-1, 0, 0, 1, 250))), kind)
            known = received
            answer = await stores[number].place_bid(ID, sent, CAUSE)
            answered.append(AnsweredBid(sent, answer, known))
            received, least = max(received, answer.seq), answer.minimum

    await asyncio.gather(*(bids_of(number) for number in range(len(stores))))
    return answered


async def test_concurrent_bids_of_two_hundred_bidders_are_decided_one_after_the_other(redis: RedisServer) -> None:
    async with many_connected(redis.url, BIDDERS) as pipes:
        stores = [RedisStore(pipe) for pipe in pipes]
        offered = listing(ID, duration_ms=600_000, reserve_price=9_000)
        await stores[0].create(offered, CAUSE)
        answered = await crowd(stores, random.Random(1))
        log, final = await whole_log(stores[0]), await state(stores[0])

    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    states = states_of(offered, log)
    assert states[-1] == final
    answers = Counter(
        entry.answer.code.value if isinstance(entry.answer, Refused) else entry.answer.outcome
        for entry in answered
    )
    assert answers.total() == BIDDERS * BIDS_EACH
    assert {"accepted", "outbid", "bid_too_low"} <= answers.keys()
    assert answers["accepted"] + answers["outbid"] == len(log) - 1
    for entry in answered:
        assert_justified(entry, states)
    leading = {
        entry.sent.bidder.id: entry.answer
        for entry in sorted(answered, key=lambda entry: entry.answer.seq)
        if isinstance(entry.answer, Receipt) and entry.answer.leading
    }
    assert final.leader is not None
    assert max(leading, key=lambda bidder: leading[bidder].seq) == final.leader.id


def assert_justified(entry: AnsweredBid, states: list[Auction]) -> None:
    """Checks that the rules give this answer for a state that existed after the bid was sent."""
    answer = entry.answer
    before = states[answer.seq] if isinstance(answer, Refused) else states[answer.seq - 1]
    assert entry.known_seq <= before.seq, "decided by a state older than the bid"
    after = states[min(before.seq + 1, len(states) - 1)]
    decided = rules.place_bid(before, entry.sent, None, (), CAUSE, after.clock)
    assert (decided.receipt if isinstance(decided, rules.Recorded) else decided) == answer


async def race(
    closer: RedisStore, bidder: RedisStore, clock: RedisStore, auction_id: str, rng: random.Random, *, forced: bool
) -> tuple[Receipt | Refused, Any]:
    """A bid, a close and the end of the auction at once, in random order; returns the answers to bid and close."""
    sent = bid(ANNA, 300)
    turns: dict[str, Callable[[], Any]] = {
        "bid": lambda: bidder.place_bid(auction_id, sent, CAUSE),
        "close": lambda: closer.close(auction_id, CAUSE, force=forced),
        "time": lambda: clock._pipe.call("SET", CLOCK_KEY, T0 + MINUTE_MS),
    }

    async def after_some_turns(turn: Callable[[], Any]) -> Any:
        for _ in range(rng.randrange(MAX_TURNS_APART)):
            await asyncio.sleep(0)
        return await turn()

    running = {name: asyncio.ensure_future(after_some_turns(turn)) for name, turn in turns.items()}
    await asyncio.gather(*running.values())
    return running["bid"].result(), running["close"].result()


async def check_result(closer: RedisStore, auction_id: str, bid_answer: Receipt | Refused, closing: Any) -> str:
    """Checks that both answers, the log and the state agree, and returns how the race ended."""
    if not isinstance(closing, Closed):
        closing = await closer.close(auction_id, CAUSE)
    assert isinstance(closing, Closed)
    log = await whole_log(closer, auction_id)
    ending = [event for event in log if event.kind in ("sold", "unsold")]
    assert [event.public for event in ending] == [closing.event.public] == [log[-1].public]
    assert states_of(listing(auction_id, ending="sudden_death"), log)[-1] == await state(closer, auction_id)
    if isinstance(bid_answer, Receipt):
        assert [event.kind for event in log] == ["opened", "bid", "sold"]
        assert closing.status is Status.SOLD
        return "the bid came first"
    assert [event.kind for event in log] == ["opened", "unsold"]
    assert bid_answer.code in (Code.AUCTION_ENDED, Code.AUCTION_NOT_OPEN)
    return f"the bid came late: {bid_answer.code}"


async def test_a_thousand_races_of_the_hammer_with_a_bid_end_in_one_consistent_result(redis: RedisServer) -> None:
    scripts, rng = scripts_on_test_clock(), random.Random(2)
    seen: Counter[str] = Counter()
    async with many_connected(redis.url, 3) as pipes:
        closer, bidder, clock = (RedisStore(pipe, scripts) for pipe in pipes)
        await pipes[0].call("SET", CLOCK_KEY, T0)
        ids = [f"auc_{number}" for number in range(RACES)]
        await asyncio.gather(*(closer.create(listing(each, ending="sudden_death"), CAUSE) for each in ids))
        answers = []
        for number, auction_id in enumerate(ids):
            await pipes[0].call("SET", CLOCK_KEY, T0 + MINUTE_MS - 1)
            answers.append(await race(closer, bidder, clock, auction_id, rng, forced=number % 2 == 0))
        # All auctions have ended now, so a close that came too early is repeated.
        seen.update(await asyncio.gather(*map(partial(check_result, closer), ids, *zip(*answers, strict=True))))
    assert seen.total() == RACES
    assert set(seen) == {
        "the bid came first",
        "the bid came late: auction_ended",
        "the bid came late: auction_not_open",
    }
    assert min(seen.values()) > RACES // 100


async def test_one_bid_sent_over_fifty_connections_is_counted_once(redis: RedisServer) -> None:
    async with many_connected(redis.url, SENDERS) as pipes:
        stores = [RedisStore(pipe) for pipe in pipes]
        await stores[0].create(listing(ID), CAUSE)
        sent = bid(BEN, 300)
        answered = await asyncio.gather(*(store.place_bid(ID, sent, CAUSE) for store in stores))
        log = await whole_log(stores[0])
    assert [event.kind for event in log] == ["opened", "bid"]
    receipts = [answer for answer in answered if isinstance(answer, Receipt)]
    (first,) = (receipt for receipt in receipts if not receipt.replayed)
    assert sorted(receipts, key=lambda receipt: receipt.replayed) == [first] + 49 * [replace(first, replayed=True)]


async def test_fifty_hammers_make_one_closing_event(redis: RedisServer) -> None:
    async with many_connected(redis.url, SENDERS) as pipes, connected(redis.url, no_timeout=True) as other:
        stores = [RedisStore(pipe) for pipe in pipes]
        await RedisStore(other).create(listing(ID), CAUSE)
        await RedisStore(other).place_bid(ID, bid(ANNA, 300), CAUSE)
        closing = await asyncio.gather(*(store.close(ID, CAUSE, force=True) for store in stores))
        log = await whole_log(stores[0])
    assert [event.kind for event in log] == ["opened", "bid", "sold"]
    assert closing == [Closed(Status.SOLD, Event(log[-1].public))] * SENDERS
