"""Data in Redis may be corrupted by hand, a bug or a disk. Then each verb refuses, and not one byte changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from blytz.auction.model import Auction, Code, Outage, PreBid, Refused, Standing, Terms
from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from blytz.auction.store import CorruptAuction
from tests.support.auctions import ANNA, BEN, CAUSE, MINUTE_MS, T0, bid, listing
from tests.support.clock import CLOCK_KEY, scripts_on_test_clock
from tests.support.pipes import connected
from tests.support.redis import RedisServer

ID = "auc_1"
KEYS = keys_of(ID)
NOT_DIGITS = ("1e3", "0x10", "nan", "inf", "-1", "+1", "7 ", " 7", "1.5", "007", "1_0")
NOT_WHOLE = (*NOT_DIGITS, "9007199254740993", "9" * 17)
REQUIRED = ("seq", "clock", "price", "ceiling", "bid_count", "compensated_until", "start_price")
DURATIONS = ("duration_ms", "extension_window_ms", "extension_ms")
OPTIONAL = ("opened_at", "ends_at", "hard_stop_at", "paused_at", "remaining_ms", "starts_at")
OPTIONAL_TERMS = ("reserve_price", "buy_now_price", "max_total_ms")
NUMBERS = (*REQUIRED, *DURATIONS, *OPTIONAL, *OPTIONAL_TERMS)

Verb = Callable[[RedisStore], Awaitable[Any]]
VERBS: dict[str, Verb] = {
    "open": lambda store: store.open(ID, CAUSE),
    "place_bid": lambda store: store.place_bid(ID, bid(BEN, 500), CAUSE),
    "pause": lambda store: store.change(ID, "pause", CAUSE),
    "resume": lambda store: store.change(ID, "resume", CAUSE),
    "extend": lambda store: store.change(ID, "extend", CAUSE, 1_000),
    "cancel": lambda store: store.change(ID, "cancel", CAUSE),
    "close": lambda store: store.close(ID, CAUSE, force=True),
    "create": lambda store: store.create(listing(ID), CAUSE),
}
OF_OTHER_TYPES = {
    "string": ("SET", "x"),
    "list": ("RPUSH", "x"),
    "set": ("SADD", "x"),
    "sorted set": ("ZADD", "1", "x"),
    "hash": ("HSET", "x", "y"),
    "stream": ("XADD", "1-0", "x", "y"),
}


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisStore]:
    async with connected(redis.url, no_timeout=True) as pipe:
        redis.ask("SET", CLOCK_KEY, T0)
        yield RedisStore(pipe, scripts_on_test_clock())


async def ready_for(store: RedisStore, redis: RedisServer, verb: str) -> None:
    """Creates an auction that this verb would change."""
    redis.ask("DEL", KEYS.state, KEYS.events, KEYS.bids, KEYS.bidders)
    redis.ask("SET", CLOCK_KEY, T0)
    await store.create(listing(ID, starts_at=T0 + 1 if verb in ("open", "create") else None), CAUSE)
    if verb in ("open", "create"):
        redis.ask("SET", CLOCK_KEY, T0 + 1)
        return
    await store.place_bid(ID, bid(ANNA, 300), CAUSE)
    await store.set_standing(ID, ["usr_blocked"], Standing.BLOCKED)
    if verb == "resume":
        await store.change(ID, "pause", CAUSE)


def bytes_of(redis: RedisServer) -> dict[bytes, bytes]:
    keys = (KEYS.state, KEYS.events, KEYS.bids, KEYS.bidders)
    return {key: redis.ask("DUMP", key) for key in keys}


async def assert_refused(store: RedisStore, redis: RedisServer, verb: Verb, what: str) -> None:
    before = bytes_of(redis)
    with pytest.raises(CorruptAuction):
        pytest.fail(f"{what}: {await verb(store)}")
    assert bytes_of(redis) == before, what


@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_changes_an_intact_auction(store: RedisStore, redis: RedisServer, verb: str) -> None:
    await ready_for(store, redis, verb)
    before = bytes_of(redis)
    assert not isinstance(await VERBS[verb](store), Refused)
    assert bytes_of(redis) != before


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_stored_number_that_is_not_plain_digits_in_range_is_refused(
    store: RedisStore, redis: RedisServer, verb: str, field: str
) -> None:
    await ready_for(store, redis, verb)
    sound = redis.ask("HGET", KEYS.state, field)
    for text in (*NOT_WHOLE, *([""] if field in REQUIRED + DURATIONS else [])):
        redis.ask("HSET", KEYS.state, field, text)
        await assert_refused(store, redis, VERBS[verb], f"{field}={text!r}")
        # Reads take the terms from the listing.
        if not hasattr(Terms, field) and field != "starts_at":
            with pytest.raises(CorruptAuction):
                pytest.fail(f"read {field}={text!r} as {await store.get(ID)}")
    redis.ask("HSET", KEYS.state, field, sound)
    assert isinstance(await store.get(ID), Auction)


MONEY = ("price", "ceiling", "start_price", "reserve_price", "buy_now_price")


@pytest.mark.parametrize(
    ("field", "limit"),
    [(field, 10**12) for field in MONEY] + [(field, 30 * 24 * 60 * MINUTE_MS) for field in DURATIONS],
)
async def test_a_stored_number_one_above_its_maximum_is_refused(
    store: RedisStore, redis: RedisServer, field: str, limit: int
) -> None:
    await ready_for(store, redis, "pause")
    redis.ask("HSET", KEYS.state, field, limit + 1)
    await assert_refused(store, redis, VERBS["pause"], field)
    redis.ask("HSET", KEYS.state, field, limit, "ceiling", 10**12)
    assert isinstance(await store.change(ID, "pause", CAUSE), Auction)


@pytest.mark.parametrize(
    "rows",
    ["", " ", "0", "0:", ":5", "0:1e3", "0: 5", "0:-1", "0:0x10", "0:100:5", "0:100 x", "0:100,5:200", "5:100",
     "0:100 1e3:200", "0:1000000000001", "x0:100", "0:100 7 :5", "1 0:100", "0:007"],
)  # fmt: skip
async def test_stored_increments_that_are_not_a_valid_table_are_refused(
    store: RedisStore, redis: RedisServer, rows: str
) -> None:
    await ready_for(store, redis, "place_bid")
    redis.ask("HSET", KEYS.state, "increments", rows)
    await assert_refused(store, redis, VERBS["place_bid"], rows)


async def test_a_stored_table_of_sixty_four_rows_is_read_and_of_sixty_five_refused(
    store: RedisStore, redis: RedisServer
) -> None:
    await ready_for(store, redis, "place_bid")
    rows = [f"{row}:{row + 1}" for row in range(65)]
    redis.ask("HSET", KEYS.state, "increments", " ".join(rows))
    await assert_refused(store, redis, VERBS["place_bid"], "65 rows")
    redis.ask("HSET", KEYS.state, "increments", " ".join(rows[:64]))
    assert (await store.place_bid(ID, bid(BEN, 363), CAUSE)).minimum == 364
    assert (await store.place_bid(ID, bid(BEN, 364), CAUSE)).minimum == 364 + 64


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("place_bid", {"status": "opened"}),
        ("place_bid", {"status": ""}),
        ("place_bid", {"ending": "perhaps"}),
        ("place_bid", {"ends_at": ""}),
        ("place_bid", {"requirements": ""}),
        ("place_bid", {"requirements": "approved rich"}),
        ("close", {"opened_at": ""}),
        ("resume", {"remaining_ms": ""}),
        ("resume", {"paused_at": ""}),
        ("place_bid", {"leader": ""}),
        ("close", {"leader_id": ""}),
        ("place_bid", {"seq": 1}),
        ("pause", {"seq": 0}),
    ],
)
async def test_a_state_inconsistent_with_itself_or_its_log_is_refused(
    store: RedisStore, redis: RedisServer, verb: str, fields: dict[str, str | int]
) -> None:
    await ready_for(store, redis, verb)
    redis.ask("HSET", KEYS.state, *(part for pair in fields.items() for part in pair))
    await assert_refused(store, redis, VERBS[verb], str(fields))


@pytest.mark.parametrize("field", ["status", "seq", "leader", "increments", "max_total_ms"])
@pytest.mark.parametrize("verb", VERBS)
async def test_a_missing_field_is_refused(store: RedisStore, redis: RedisServer, verb: str, field: str) -> None:
    await ready_for(store, redis, verb)
    redis.ask("HDEL", KEYS.state, field)
    await assert_refused(store, redis, VERBS[verb], field)


@pytest.mark.parametrize("kind", OF_OTHER_TYPES)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_key_of_another_type_is_refused(
    store: RedisStore, redis: RedisServer, verb: str, kind: str
) -> None:
    touched = {KEYS.state: "hash", KEYS.events: "stream"}
    if verb == "place_bid":
        touched |= {KEYS.bids: "hash", KEYS.bidders: "set"}
    command, *value = OF_OTHER_TYPES[kind]
    for key in (key for key, own in touched.items() if own != kind):
        await ready_for(store, redis, verb)
        redis.ask("DEL", key)
        redis.ask(command, key, *value)
        await assert_refused(store, redis, VERBS[verb], f"{key!r} as {kind}")


@pytest.mark.parametrize("kind", ["string", "list", "set"])
async def test_reading_a_key_of_another_type_is_refused(store: RedisStore, redis: RedisServer, kind: str) -> None:
    command, *value = OF_OTHER_TYPES[kind]
    for key in (KEYS.state, KEYS.events, KEYS.bids):
        redis.ask(command, key, *value)
    for read in (store.get(ID), store.events(ID, 0, 10), store.receipt(ID, ANNA.id, "b1")):
        with pytest.raises(CorruptAuction):
            await read


async def test_a_corrupt_auction_does_not_hide_the_others(store: RedisStore, redis: RedisServer) -> None:
    await store.create(listing("auc_sound"), CAUSE)
    await store.create(listing("auc_spoilt"), CAUSE)
    redis.ask("HSET", keys_of("auc_spoilt").state, "price", "1e3")

    page = await store.list(None, None, 10)

    assert [auction.listing.auction_id for auction in page.auctions] == ["auc_sound"]


async def test_an_unreadable_receipt_is_refused(store: RedisStore, redis: RedisServer) -> None:
    await ready_for(store, redis, "place_bid")
    again = bid(BEN, 500, bid_id="b_again")
    redis.ask("HSET", KEYS.bids, f"b_again:{BEN.id}", "500 exact accepted 1e3 500 600 1 1")
    await assert_refused(store, redis, lambda store: store.place_bid(ID, again, CAUSE), "receipt")
    with pytest.raises(CorruptAuction):
        await store.receipt(ID, BEN.id, "b_again")


async def test_a_closed_auction_without_its_log_is_refused(store: RedisStore, redis: RedisServer) -> None:
    await ready_for(store, redis, "close")
    await store.close(ID, CAUSE, force=True)
    redis.ask("DEL", KEYS.events)
    await assert_refused(store, redis, VERBS["close"], "no closing event")


async def test_no_auction_is_created_over_existing_events(store: RedisStore, redis: RedisServer) -> None:
    redis.ask("XADD", KEYS.events, "1-0", "public", "{}")
    await assert_refused(store, redis, VERBS["create"], "events without an auction")


ARGUMENTS: dict[str, Callable[[RedisStore, Any], Awaitable[Any]]] = {
    "place_bid": lambda store, text: store.place_bid(ID, bid(BEN, text), CAUSE),
    "extend": lambda store, text: store.change(ID, "extend", CAUSE, text),
    "close: outage began": lambda store, text: store.close(ID, CAUSE, outage=Outage(text, T0)),
    "close: outage ended": lambda store, text: store.close(ID, CAUSE, outage=Outage(T0, text)),
}


@pytest.mark.parametrize("verb", ARGUMENTS)
async def test_an_argument_that_is_not_plain_digits_is_refused(
    store: RedisStore, redis: RedisServer, verb: str
) -> None:
    await ready_for(store, redis, "place_bid")
    for text in (*NOT_WHOLE, ""):
        await assert_refused(store, redis, lambda store, text=text: ARGUMENTS[verb](store, text), text)  # type: ignore[misc]


@pytest.mark.parametrize("field", ["start_price", "reserve_price", "extension_window_ms", "extension_ms"])
async def test_no_auction_is_created_from_terms_that_are_not_plain_digits(
    store: RedisStore, redis: RedisServer, field: str
) -> None:
    for text in (*NOT_WHOLE, *([] if field == "reserve_price" else [""])):
        terms: dict[str, Any] = {field: text}
        broken = listing(ID, **terms)
        await assert_refused(store, redis, lambda store, broken=broken: store.create(broken, CAUSE), text)  # type: ignore[misc]
        assert redis.ask("EXISTS", KEYS.state) == 0


@pytest.mark.parametrize("amount", ["1e3", "-1", "7 ", str(10**12 + 1), ""])
async def test_no_auction_is_created_with_a_pre_bid_that_is_not_plain_digits(
    store: RedisStore, redis: RedisServer, amount: Any
) -> None:
    pre_bids = [PreBid(ANNA, 900, "a"), PreBid(BEN, amount, "b")]
    await assert_refused(store, redis, lambda store: store.create(listing(ID), CAUSE, pre_bids=pre_bids), amount)
    assert redis.ask("EXISTS", KEYS.state, KEYS.events, KEYS.bids) == 0


async def test_an_extension_longer_than_any_auction_is_refused(store: RedisStore, redis: RedisServer) -> None:
    await ready_for(store, redis, "extend")
    longest = 30 * 24 * 60 * MINUTE_MS
    await assert_refused(store, redis, lambda store: store.change(ID, "extend", CAUSE, longest + 1), "too long")
    assert isinstance(await store.change(ID, "extend", CAUSE, longest), Auction)


async def test_a_missing_auction_is_not_reported_as_corrupt(store: RedisStore) -> None:
    for name in VERBS.keys() - {"create"}:
        assert await VERBS[name](store) == Refused(Code.AUCTION_NOT_FOUND)
