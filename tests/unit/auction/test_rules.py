"""What a bid does: the six rules of the protocol, each as a table of cases."""

import pytest

from blytz.auction import rules
from blytz.auction.model import Auction, BidKind, Code, Party, Refused, Status, Terms
from tests.support.auctions import ANNA, BEN, CAUSE, MINUTE_MS, T0, bid, listing

# 100 a step from 0, 200 from 3000, 300 from 5000, 500 from 10000: the protocol's own table.
Expected = tuple[Party, int, int, str]


def open_auction(leader: Party | None, price: int, ceiling: int, **terms: object) -> Auction:
    """An open auction in the state after some bids."""
    return Auction(
        listing=listing(**terms),  # type: ignore[arg-type]
        status=Status.OPEN,
        seq=1,
        clock=T0,
        price=price,
        leader=leader,
        ceiling=ceiling,
        bid_count=int(leader is not None),
        opened_at=T0,
        ends_at=T0 + MINUTE_MS,
    )


def placed(auction: Auction, bidder: Party, amount: int, kind: BidKind) -> rules.Recorded:
    decided = rules.place_bid(auction, bid(bidder, amount, kind), None, (), CAUSE, T0)
    assert isinstance(decided, rules.Recorded), decided
    return decided


def code_of(auction: Auction, bidder: Party, amount: int, kind: BidKind) -> Code | None:
    decided = rules.place_bid(auction, bid(bidder, amount, kind), None, (), CAUSE, T0)
    return decided.code if isinstance(decided, Refused) else None


@pytest.mark.parametrize(
    ("leader", "price", "ceiling", "bidder", "amount", "kind", "expected"),
    [
        # 1. The leader raises its own ceiling: the price stays.
        (ANNA, 1_000, 1_000, ANNA, 1_100, "max", (ANNA, 1_000, 1_100, "accepted")),
        (ANNA, 1_000, 2_000, ANNA, 2_001, "max", (ANNA, 1_000, 2_001, "accepted")),
        # 2. No leader: an exact bid is the price, a maximum is hidden above the start price.
        (None, 0, 0, ANNA, 100, "exact", (ANNA, 100, 100, "accepted")),
        (None, 0, 0, ANNA, 777, "exact", (ANNA, 777, 777, "accepted")),
        (None, 0, 0, ANNA, 777, "max", (ANNA, 100, 777, "accepted")),
        (None, 0, 0, ANNA, 100, "max", (ANNA, 100, 100, "accepted")),
        # 3. Above the leader's ceiling: one step above it, at most what was bid; an exact bid is the price.
        (ANNA, 1_000, 1_000, BEN, 1_100, "exact", (BEN, 1_100, 1_100, "accepted")),
        (ANNA, 1_000, 2_000, BEN, 2_500, "exact", (BEN, 2_500, 2_500, "accepted")),
        (ANNA, 1_000, 2_000, BEN, 2_500, "max", (BEN, 2_100, 2_500, "accepted")),
        (ANNA, 1_000, 2_000, BEN, 2_100, "max", (BEN, 2_100, 2_100, "accepted")),
        (ANNA, 1_000, 2_000, BEN, 2_001, "max", (BEN, 2_001, 2_001, "accepted")),
        (ANNA, 1_000, 2_999, BEN, 9_000, "max", (BEN, 3_099, 9_000, "accepted")),
        (ANNA, 1_000, 3_000, BEN, 9_000, "max", (BEN, 3_200, 9_000, "accepted")),
        # 4. Up to the leader's ceiling: the leader stays, also on a tie, and the price follows the loser.
        (ANNA, 1_000, 2_000, BEN, 1_100, "exact", (ANNA, 1_200, 2_000, "outbid")),
        (ANNA, 1_000, 2_000, BEN, 1_100, "max", (ANNA, 1_200, 2_000, "outbid")),
        (ANNA, 1_000, 2_000, BEN, 1_899, "max", (ANNA, 1_999, 2_000, "outbid")),
        (ANNA, 1_000, 2_000, BEN, 1_900, "max", (ANNA, 2_000, 2_000, "outbid")),
        (ANNA, 1_000, 2_000, BEN, 1_999, "exact", (ANNA, 2_000, 2_000, "outbid")),
        (ANNA, 1_000, 2_000, BEN, 2_000, "exact", (ANNA, 2_000, 2_000, "outbid")),
        (ANNA, 1_000, 2_000, BEN, 2_000, "max", (ANNA, 2_000, 2_000, "outbid")),
        (ANNA, 1_000, 9_000, BEN, 2_999, "max", (ANNA, 3_099, 9_000, "outbid")),
        (ANNA, 1_000, 9_000, BEN, 3_000, "max", (ANNA, 3_200, 9_000, "outbid")),
    ],
)
def test_a_bid_sets_leader_price_and_ceiling_by_the_rules(
    leader: Party | None, price: int, ceiling: int, bidder: Party, amount: int, kind: BidKind, expected: Expected
) -> None:
    done = placed(open_auction(leader, price, ceiling), bidder, amount, kind)
    after, answer = done.auction, done.receipt
    assert (after.leader, after.price, after.ceiling, answer.outcome) == expected
    assert (answer.price, answer.leading, answer.seq) == (after.price, after.leader == bidder, 2)
    assert answer.minimum == rules.minimum(after)
    raised = leader == bidder
    assert after.bid_count == int(leader is not None) + (not raised)
    assert [event.kind for event in done.events] == ["ceiling_raised" if raised else "bid"]


@pytest.mark.parametrize(
    ("leader", "price", "ceiling", "bidder", "amount", "kind", "expected"),
    [
        (None, 0, 0, ANNA, 4_999, "max", (ANNA, 100, 4_999, "accepted")),
        (None, 0, 0, ANNA, 5_000, "max", (ANNA, 5_000, 5_000, "accepted")),
        (None, 0, 0, ANNA, 9_000, "max", (ANNA, 5_000, 9_000, "accepted")),
        (None, 0, 0, ANNA, 4_999, "exact", (ANNA, 4_999, 4_999, "accepted")),
        (None, 0, 0, ANNA, 5_001, "exact", (ANNA, 5_001, 5_001, "accepted")),
        (ANNA, 1_000, 2_000, ANNA, 4_999, "max", (ANNA, 1_000, 4_999, "accepted")),
        (ANNA, 1_000, 2_000, ANNA, 5_000, "max", (ANNA, 5_000, 5_000, "accepted")),
        (ANNA, 1_000, 2_000, BEN, 5_000, "max", (BEN, 5_000, 5_000, "accepted")),
        (ANNA, 1_000, 2_000, BEN, 4_999, "max", (BEN, 2_100, 4_999, "accepted")),
        (ANNA, 5_000, 6_000, BEN, 5_300, "max", (ANNA, 5_600, 6_000, "outbid")),
    ],
)
def test_the_price_jumps_to_the_reserve_once_the_ceiling_reaches_it(
    leader: Party | None, price: int, ceiling: int, bidder: Party, amount: int, kind: BidKind, expected: Expected
) -> None:
    done = placed(open_auction(leader, price, ceiling, reserve_price=5_000), bidder, amount, kind)
    after = done.auction
    assert (after.leader, after.price, after.ceiling, done.receipt.outcome) == expected
    assert done.events[0].public["reserve_met"] is (after.price >= 5_000)


@pytest.mark.parametrize(("price", "ceiling"), [(0, 0), (100, 100), (1_000, 9_000), (4_999, 4_999)])
def test_a_buy_now_bid_sells_at_once(price: int, ceiling: int) -> None:
    auction = open_auction(ANNA if price else None, price, ceiling, buy_now_price=5_000, reserve_price=5_000)
    done = placed(auction, BEN, 5_000, "buy_now")
    after = done.auction
    assert (after.status, after.leader, after.price, after.seq) == (Status.SOLD, BEN, 5_000, 3)
    assert [(event.kind, event.seq) for event in done.events] == [("bid", 2), ("sold", 3)]
    assert (done.receipt.outcome, done.receipt.seq, after.ends_at) == ("accepted", 2, T0)


@pytest.mark.parametrize(
    ("price", "amount", "code"),
    [
        (1_000, 4_999, Code.BUY_NOW_UNAVAILABLE),
        (1_000, 5_001, Code.BUY_NOW_UNAVAILABLE),
        (4_999, 5_000, None),
        (5_000, 5_000, Code.BUY_NOW_UNAVAILABLE),
        (5_001, 5_000, Code.BUY_NOW_UNAVAILABLE),
    ],
)
def test_a_buy_now_bid_must_be_the_buy_now_price_and_above_the_current_price(
    price: int, amount: int, code: Code | None
) -> None:
    assert code_of(open_auction(ANNA, price, 9_000, buy_now_price=5_000), BEN, amount, "buy_now") is code


def test_without_a_buy_now_price_a_buy_now_bid_is_refused() -> None:
    assert code_of(open_auction(ANNA, 1_000, 1_000), BEN, 5_000, "buy_now") is Code.BUY_NOW_UNAVAILABLE


@pytest.mark.parametrize(
    ("ceiling", "amount", "kind", "code"),
    [
        (2_000, 1_999, "max", Code.ALREADY_LEADING),
        (2_000, 2_000, "max", Code.ALREADY_LEADING),
        (2_000, 2_001, "max", None),
        (2_000, 9_000, "exact", Code.ALREADY_LEADING),
        (1_000, 1_099, "max", Code.BID_TOO_LOW),
        (1_000, 1_100, "max", None),
        (2_000, 5_000, "buy_now", None),
        (5_000, 5_000, "buy_now", None),
        (9_000, 5_000, "buy_now", None),
    ],
)
def test_a_leader_can_only_raise_its_ceiling_or_buy(
    ceiling: int, amount: int, kind: BidKind, code: Code | None
) -> None:
    assert code_of(open_auction(ANNA, 1_000, ceiling, buy_now_price=5_000), ANNA, amount, kind) is code


@pytest.mark.parametrize(
    ("leader", "price", "minimum"),
    [(None, 0, 100), (ANNA, 100, 200), (ANNA, 2_999, 3_099), (ANNA, 3_000, 3_200), (ANNA, 199_999, 201_999),
     (ANNA, 200_000, 205_000), (ANNA, 10**12, 10**12 + 5_000)],
)  # fmt: skip
def test_the_minimum_is_the_start_price_then_one_step(leader: Party | None, price: int, minimum: int) -> None:
    auction = open_auction(leader, price, price)
    assert rules.minimum(auction) == minimum
    assert code_of(auction, BEN, minimum - 1, "exact") is Code.BID_TOO_LOW
    assert code_of(auction, BEN, minimum, "exact") is None


@pytest.mark.parametrize("amount", [-(2**53), -1, 0, 99])
@pytest.mark.parametrize("kind", ["exact", "max"])
def test_zero_and_negative_amounts_are_too_low(amount: int, kind: BidKind) -> None:
    assert code_of(open_auction(None, 0, 0), BEN, amount, kind) is Code.BID_TOO_LOW


@pytest.mark.parametrize("rival", [10**12 - 1, 10**12])
def test_the_largest_amounts_are_exact(rival: int) -> None:
    auction = open_auction(ANNA, 1_000, rival, increments=((0, 1),))
    after = placed(auction, BEN, 10**12, "max").auction
    assert (after.price, after.ceiling) == (10**12, 10**12)
    assert after.leader == (BEN if rival < 10**12 else ANNA)


def test_the_last_row_of_a_table_of_sixty_four_is_used() -> None:
    terms = Terms(increments=tuple((row * 100, row + 1) for row in range(64)))
    assert [rules.increment(terms, price) for price in (0, 99, 100, 6_299, 6_300, 10**12)] == [1, 1, 2, 63, 64, 64]


def test_a_ceiling_is_never_public() -> None:
    for kind, bidder in (("bid", BEN), ("ceiling_raised", ANNA)):
        done = placed(open_auction(ANNA, 1_000, 2_000), bidder, 7_654_321, "max")
        (event,) = done.events
        assert event.kind == kind
        assert "7654321" not in str(event.public)
        assert event.private["ceiling"] == 7_654_321
        assert "7654321" not in str(rules.view(done.auction))


def test_the_reserve_is_never_shown() -> None:
    auction = open_auction(ANNA, 1_000, 1_000, reserve_price=7_654_321)
    assert "7654321" not in str(rules.view(auction))
    assert "7654321" not in str(placed(auction, BEN, 1_100, "exact").events)
