"""Data of an offer in Redis may be corrupted by hand, a bug or a disk. Then each verb refuses, and not one byte
changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from blytz.auction.model import Standing
from blytz.offer.redis.keys import keys_of
from blytz.offer.redis.store import RedisOfferStore
from blytz.offer.store import CorruptOffer
from tests.support.auctions import ANNA, BEN, CAUSE
from tests.support.offers import SALE, offered, purchase
from tests.support.pipes import connected
from tests.support.redis import RedisServer

ID = "ofr_1"
KEYS = keys_of(ID)
VERBS: dict[str, Callable[[RedisOfferStore], Awaitable[Any]]] = {
    "purchase": lambda store: store.purchase(ID, purchase(BEN), CAUSE),
    "pause": lambda store: store.change(ID, "pause", CAUSE),
    "close": lambda store: store.change(ID, "close", CAUSE),
}
NUMBERS = (
    "seq", "clock", "left", "opened_at", "sale_ends_at", "sale_remaining_ms", "price", "quantity", "per_buyer",
    "sale_price", "sale_for_ms",
)  # fmt: skip
BROKEN = [(field, text) for field in NUMBERS for text in ("1e3", "-1", "7 ", "0x10", "9" * 17)]
BROKEN += [("left", "11"), ("left", ""), ("status", "melted"), ("sale_price", ""), ("requirements", "rich")]


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisOfferStore]:
    async with connected(redis.url, no_timeout=True) as pipe:
        store = RedisOfferStore(pipe)
        await store.create(offered(ID, sale=SALE, per_buyer=5), CAUSE)
        await store.purchase(ID, purchase(ANNA), CAUSE)
        await store.set_standing(ID, ["usr_blocked"], Standing.BLOCKED)
        yield store


async def assert_refused(store: RedisOfferStore, redis: RedisServer, verb: str, what: str) -> None:
    before = {key: redis.ask("DUMP", key) for key in KEYS.stored}
    with pytest.raises(CorruptOffer):
        pytest.fail(f"{what}: {await VERBS[verb](store)}")
    assert {key: redis.ask("DUMP", key) for key in KEYS.stored} == before, what


@pytest.mark.parametrize("verb", VERBS)
async def test_a_stored_field_that_is_not_valid_is_refused(
    store: RedisOfferStore, redis: RedisServer, verb: str
) -> None:
    for field, text in BROKEN:
        sound = redis.ask("HGET", KEYS.state, field)
        redis.ask("HSET", KEYS.state, field, text)
        await assert_refused(store, redis, verb, f"{field}={text!r}")
        redis.ask("HSET", KEYS.state, field, sound)
    for field in (*NUMBERS, "seller_id", "requirements"):
        sound = redis.ask("HGET", KEYS.state, field)
        redis.ask("HDEL", KEYS.state, field)
        await assert_refused(store, redis, verb, f"no {field}")
        redis.ask("HSET", KEYS.state, field, sound)


@pytest.mark.parametrize("key", [key for key in KEYS.stored if key != KEYS.state])
async def test_a_key_of_another_type_is_refused_by_a_purchase(
    store: RedisOfferStore, redis: RedisServer, key: bytes
) -> None:
    redis.ask("DEL", key)
    redis.ask("SET", key, "x")
    await assert_refused(store, redis, "purchase", f"{key!r}")


async def test_a_log_that_is_ahead_of_the_state_is_refused(store: RedisOfferStore, redis: RedisServer) -> None:
    redis.ask("HSET", KEYS.state, "seq", 1)
    await assert_refused(store, redis, "purchase", "seq")


@pytest.mark.parametrize("quantity", ["1e3", "-1", "", "0", "100001"])
async def test_a_quantity_that_is_not_plain_digits_in_range_is_refused(
    store: RedisOfferStore, redis: RedisServer, quantity: Any
) -> None:
    before = redis.ask("HGETALL", KEYS.state)
    with pytest.raises(CorruptOffer):
        await store.purchase(ID, purchase(BEN, quantity=quantity), CAUSE)
    assert redis.ask("HGETALL", KEYS.state) == before


async def test_no_offer_is_created_over_existing_events(store: RedisOfferStore, redis: RedisServer) -> None:
    redis.ask("XADD", keys_of("ofr_2").events, "1-0", "public", "{}")
    with pytest.raises(CorruptOffer):
        await store.create(offered("ofr_2"), CAUSE)
    assert redis.ask("EXISTS", keys_of("ofr_2").state) == 0


async def test_unreadable_answers_and_states_are_refused(store: RedisOfferStore, redis: RedisServer) -> None:
    redis.ask("HSET", KEYS.purchases, f"p1:{BEN.id}", "1 1e3 0 1 1")
    await assert_refused(store, redis, "purchase", "receipt")
    with pytest.raises(CorruptOffer):
        await store.recorded(ID, BEN.id, "p1")
    redis.ask("HSET", KEYS.state, "left", "1e1")
    with pytest.raises(CorruptOffer):
        await store.get(ID)
