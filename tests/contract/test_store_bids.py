"""What every `AuctionStore` promises to a bidder."""

import pytest
from msgspec.structs import replace

from blytz.auction.model import REQUIREMENTS, Bid, Code, Event, Party, Receipt, Refused, Standing, Status
from blytz.auction.store import AuctionStore
from tests.contract.conftest import ClockedStore
from tests.support.auctions import ANNA, BEN, BIDDERS, CAUSE, CLEO, MINUTE_MS, SAM, T0, bid, listing

ID = "auc_1"
END = T0 + MINUTE_MS


async def opened(clocked: ClockedStore, **terms: object) -> AuctionStore:
    await clocked.store.create(listing(ID, **terms), CAUSE)  # type: ignore[arg-type]
    return clocked.store


async def recorded(store: AuctionStore, sent: Bid) -> Receipt:
    answer = await store.place_bid(ID, sent, CAUSE)
    assert isinstance(answer, Receipt), answer
    return answer


async def log_of(store: AuctionStore) -> list[Event]:
    return list(await store.events(ID, 0, 1_000))


async def test_a_recorded_bid_is_answered_with_its_outcome_price_and_end(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    sent = bid(ANNA, 300)
    assert await store.place_bid(ID, sent, CAUSE) == Receipt(
        bid_id=sent.bid_id, outcome="accepted", seq=2, price=300, minimum=400, leading=True, ends_at=END
    )


async def test_a_bid_event_has_a_public_part_and_a_private_part_with_the_ceiling(clocked: ClockedStore) -> None:
    store = await opened(clocked, reserve_price=1_000)
    sent = bid(BEN, 900, "max")
    await recorded(store, sent)
    (_, event) = await log_of(store)
    ben = {"id": BEN.id, "name": BEN.name}
    assert event.public == {
        "seq": 2,
        "kind": "bid",
        "at": T0,
        "auction_id": ID,
        "bidder": ben,
        "extended": False,
        "status": "open",
        "price": 100,
        "minimum": 200,
        "leader": ben,
        "bid_count": 1,
        "reserve_met": False,
        "opened_at": T0,
        "ends_at": END,
        "remaining_ms": None,
    }
    assert event.private == {
        "actor": CAUSE.actor,
        "request_id": CAUSE.request_id,
        "bid_id": sent.bid_id,
        "amount": 900,
        "bid_kind": "max",
        "ceiling": 900,
    }


async def test_names_of_any_characters_are_stored_unchanged(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    for amount, bidder in enumerate(BIDDERS, start=1):
        await recorded(store, bid(bidder, amount * 1_000))
        auction = await store.get(ID)
        assert auction is not None
        assert auction.leader == bidder


async def test_events_are_numbered_without_a_gap_from_one(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    for amount, bidder in ((300, ANNA), (301, BEN), (400, BEN), (10, CLEO), (900, CLEO)):
        await store.place_bid(ID, bid(bidder, amount), CAUSE)
    await store.change(ID, "pause", CAUSE)
    await store.change(ID, "resume", CAUSE)
    await store.close(ID, CAUSE, force=True)
    assert [event.seq for event in await log_of(store)] == [1, 2, 3, 4, 5, 6, 7]
    if clocked.redis:
        entries = clocked.redis.ask("XRANGE", f"auction:{{{ID}}}:events", "-", "+")
        assert [name for name, _ in entries] == [f"{seq}-0".encode() for seq in range(1, 8)]


async def test_events_after_a_given_number_are_returned(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    for amount in (300, 400, 500, 600):
        await recorded(store, bid(BIDDERS[amount // 100 % 2], amount))
    assert [event.seq for event in await store.events(ID, 2, 2)] == [3, 4]
    assert [event.seq for event in await store.events(ID, 4, 100)] == [5]
    assert list(await store.events(ID, 5, 100)) == []
    assert list(await store.events("auc_none", 0, 100)) == []


@pytest.mark.parametrize("kind", ["exact", "max"])
async def test_a_repeated_bid_gets_the_identical_answer(clocked: ClockedStore, kind: str) -> None:
    store = await opened(clocked)
    sent = bid(ANNA, 300, kind)  # type: ignore[arg-type]
    first = await recorded(store, sent)
    await recorded(store, bid(BEN, 9_000))
    log = await log_of(store)
    assert await recorded(store, sent) == replace(first, replayed=True)
    # Also after the auction has ended.
    clocked.clock.set(END)
    assert await recorded(store, sent) == replace(first, replayed=True)
    await store.close(ID, CAUSE)
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED)
    assert await recorded(store, sent) == replace(first, replayed=True)
    assert (await log_of(store))[: len(log)] == log
    assert len(await log_of(store)) == len(log) + 1


async def test_a_repeated_bid_that_was_outbid_gets_the_same_answer(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    await recorded(store, bid(BEN, 9_000, "max"))
    sent = bid(ANNA, 300)
    first = await recorded(store, sent)
    assert (first.outcome, first.leading) == ("outbid", False)
    assert await recorded(store, sent) == replace(first, replayed=True)


async def test_a_bid_id_cannot_be_reused_for_another_bid(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    sent = bid(ANNA, 300, "max")
    await recorded(store, sent)
    before = await store.get(ID)
    for other in (replace(sent, amount=301), replace(sent, kind="exact")):
        assert await store.place_bid(ID, other, CAUSE) == Refused(Code.BID_ID_REUSED, 2, 100, 200, END)
    assert await store.get(ID) == before


async def test_two_bidders_may_choose_the_same_bid_id(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    assert (await recorded(store, bid(ANNA, 300, bid_id="b"))).replayed is False
    assert (await recorded(store, bid(BEN, 400, bid_id="b"))).replayed is False


async def test_a_refused_bid_is_not_stored_and_may_be_retried_with_its_id(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    await recorded(store, bid(ANNA, 300))
    clocked.clock.set(END - 1)
    before, log = await store.get(ID), await log_of(store)
    low = bid(BEN, 399)
    assert await store.place_bid(ID, low, CAUSE) == Refused(Code.BID_TOO_LOW, 2, 300, 400, END)
    assert (await store.get(ID), await log_of(store)) == (before, log)
    assert await store.receipt(ID, BEN.id, low.bid_id) is None
    assert (await recorded(store, replace(low, amount=400))).replayed is False


async def test_a_receipt_can_be_read_later(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    sent = bid(ANNA, 300)
    first = await recorded(store, sent)
    assert await store.receipt(ID, ANNA.id, sent.bid_id) == first
    assert await store.receipt(ID, BEN.id, sent.bid_id) is None
    assert await store.receipt("auc_none", ANNA.id, sent.bid_id) is None


async def test_a_late_bid_is_refused_before_the_hammer_falls(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    clocked.clock.set(END - 1)
    late = await recorded(store, bid(ANNA, 300))
    assert late.ends_at == END - 1 + 10_000
    for now in (late.ends_at, late.ends_at + 1):
        clocked.clock.set(now)
        refused = await store.place_bid(ID, bid(BEN, 900), CAUSE)
        assert refused == Refused(Code.AUCTION_ENDED, 2, 300, 400, late.ends_at)


@pytest.mark.parametrize(("left_ms", "extended"), [(10_001, False), (10_000, False), (9_999, True), (1, True)])
async def test_a_bid_inside_the_window_extends_the_auction(
    clocked: ClockedStore, left_ms: int, extended: bool
) -> None:
    store = await opened(clocked)
    clocked.clock.set(END - left_ms)
    answer = await recorded(store, bid(ANNA, 300))
    assert answer.ends_at == (END - left_ms + 10_000 if extended else END)
    assert (await log_of(store))[-1].public["extended"] is extended


async def test_event_times_do_not_go_back_when_the_clock_is_set_back(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    clocked.clock.set(T0 + 30_000)
    await recorded(store, bid(ANNA, 300))
    clocked.clock.set(T0 - 3_600_000)
    await recorded(store, bid(BEN, 400))
    assert [event.public["at"] for event in await log_of(store)] == [T0, T0 + 30_000, T0 + 30_000]


async def test_buying_now_makes_two_events_and_ends_the_auction(clocked: ClockedStore) -> None:
    store = await opened(clocked, buy_now_price=5_000)
    await recorded(store, bid(ANNA, 300))
    clocked.clock.advance(5)
    answer = await recorded(store, bid(BEN, 5_000, "buy_now"))
    assert (answer.outcome, answer.price, answer.seq, answer.ends_at) == ("accepted", 5_000, 3, END)
    bought, sold = (await log_of(store))[2:]
    assert [(event.kind, event.seq, event.public["status"]) for event in (bought, sold)] == [
        ("bid", 3, "open"),
        ("sold", 4, "sold"),
    ]
    assert sold.public["ends_at"] == T0 + 5
    after = await store.place_bid(ID, bid(CLEO, 9_000), CAUSE)
    assert after == Refused(Code.AUCTION_NOT_OPEN, 4, 5_000, 5_300, T0 + 5)


async def test_the_seller_and_a_blocked_bidder_cannot_bid(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    await recorded(store, bid(ANNA, 300))
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED)
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED)
    for bidder, code in ((SAM, Code.BIDDER_IS_SELLER), (ANNA, Code.BIDDER_BLOCKED)):
        refused = await store.place_bid(ID, bid(bidder, 900), CAUSE)
        assert isinstance(refused, Refused)
        assert refused.code is code
    assert (await recorded(store, bid(BEN, 400))).leading
    await store.create(listing("auc_2"), CAUSE)
    assert isinstance(await store.place_bid("auc_2", bid(ANNA, 900), CAUSE), Receipt)


async def test_a_bidder_must_meet_what_an_auction_requires(clocked: ClockedStore) -> None:
    store = clocked.store
    await store.create(replace(listing(ID), requirements=REQUIREMENTS), CAUSE)
    sent = bid(ANNA, 300)

    async def refused() -> Code:
        answer = await store.place_bid(ID, sent, CAUSE)
        assert isinstance(answer, Refused), answer
        return answer.code

    assert await refused() is Code.BIDDER_NOT_APPROVED
    await store.set_standing(ID, [ANNA.id, BEN.id], Standing.APPROVED)
    assert await refused() is Code.CARD_REQUIRED
    await store.set_standing(ID, [ANNA.id], Standing.HAS_CARD)
    assert (await recorded(store, sent)).leading
    await store.set_standing(ID, [ANNA.id], Standing.APPROVED, held=False)
    sent = bid(ANNA, 900, "max")
    assert await refused() is Code.BIDDER_NOT_APPROVED


async def test_a_bidder_who_is_no_longer_blocked_may_bid(clocked: ClockedStore) -> None:
    store = await opened(clocked)
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED)
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED, held=False)
    assert (await recorded(store, bid(ANNA, 300))).leading


async def test_standings_of_more_bidders_than_one_command_takes_are_all_kept(clocked: ClockedStore) -> None:
    store = clocked.store
    await store.create(replace(listing(ID), requirements=REQUIREMENTS[:1]), CAUSE)
    await store.set_standing(ID, [f"usr_{number}" for number in range(2_500)], Standing.APPROVED)
    await store.set_standing(ID, [], Standing.APPROVED)
    for number in (0, 999, 1_000, 2_499):
        assert (await recorded(store, bid(Party(f"usr_{number}", "A bidder"), 1_000 + number * 10_000))).leading


@pytest.mark.parametrize("rival", [10**12 - 1, 10**12])
async def test_the_largest_amounts_are_stored_exactly(clocked: ClockedStore, rival: int) -> None:
    store = await opened(clocked, increments=((0, 1),))
    await recorded(store, bid(ANNA, rival, "max"))
    answer = await recorded(store, bid(BEN, 10**12, "max"))
    assert (answer.price, answer.minimum, answer.leading) == (10**12, 10**12 + 1, rival < 10**12)
    auction = await store.get(ID)
    assert auction is not None
    assert (auction.price, auction.ceiling, auction.status) == (10**12, 10**12, Status.OPEN)


async def test_the_last_row_of_a_table_of_sixty_four_is_used(clocked: ClockedStore) -> None:
    store = await opened(clocked, increments=tuple((row * 100, row + 1) for row in range(64)))
    assert (await recorded(store, bid(ANNA, 6_299))).minimum == 6_299 + 63
    assert (await recorded(store, bid(BEN, 6_362))).minimum == 6_362 + 64


async def test_a_bid_on_an_unknown_auction_is_refused(clocked: ClockedStore) -> None:
    assert await clocked.store.place_bid("auc_none", bid(ANNA, 300), CAUSE) == Refused(Code.AUCTION_NOT_FOUND)
