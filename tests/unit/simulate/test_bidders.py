"""The demo's bidders behave by their temper, and the bidders of a load simulation get the intended outcomes."""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from blytz.auction import rules, rules_of_time
from blytz.auction.model import Auction, Bid, Cause, Code, Listing, Party, Refused, Status, Terms
from blytz.simulate.bidders import MAX_BIDS, PEOPLE, SNIPES_WITHIN_MS, Mind, Move, Temper, cast
from blytz.simulate.demo_lots import LOTS, SECONDS, Lot
from blytz.simulate.demo_programme import lot_body
from blytz.simulate.load_bidders import CROWD, RISING, Chooser
from tests.support.watch_scenes import NOW, state

LENGTH_MS = 40_000


def moves(temper: Temper, limit: int = 200_000, **changes: Any) -> list[tuple[int, Move]]:
    """The moves of one bidder by remaining time, in an auction without other bidders."""
    mind = Mind(temper, "Anna", limit, random.Random(3))
    opened = state(opened_at=NOW, ends_at=NOW + LENGTH_MS, terms={"ending": "extended"}, **changes)
    thoughts = [(LENGTH_MS - ms, mind.think(opened, NOW + ms)) for ms in range(0, LENGTH_MS, 50)]
    return [(left, move) for left, move in thoughts if move]


def test_a_sniper_waits_for_the_last_seconds() -> None:
    found = moves("sniper")
    assert found
    assert all(left <= SNIPES_WITHIN_MS["extended"] for left, _ in found)


def test_a_ceiling_bidder_bids_a_hidden_maximum_and_raises_it_once() -> None:
    assert [move for _, move in moves("ceiling")] == [Move(200_000, "max"), Move(240_000, "max")]


def test_a_chatterer_mostly_bids_too_low() -> None:
    amounts = [move.amount for _, move in moves("chatterer")]
    assert sum(amount < state()["minimum"] for amount in amounts) > len(amounts) / 2


def test_a_shopper_buys_now() -> None:
    assert moves("shopper", buy_now_price=250_000)[0][1] == Move(250_000, "buy_now")
    assert moves("shopper", buy_now_price=400_000) == []
    assert moves("shopper", buy_now_price=None)[0][1].kind == "exact"


@pytest.mark.parametrize("temper", ["steady", "sniper", "ceiling", "shopper"])
def test_no_bidder_exceeds_its_limit(temper: Temper) -> None:
    assert moves(temper, limit=1_000, buy_now_price=None) == []


def test_no_bidder_bids_against_itself_or_without_end() -> None:
    mind = Mind("steady", "Maya Rosen", 10**9, random.Random(1))
    assert not any(mind.think(state(), NOW + ms) for ms in range(0, 40_000, 50))
    assert len(moves("chatterer")) <= MAX_BIDS


def test_only_an_open_auction_gets_bids() -> None:
    assert moves("steady", status="paused") == []


def test_every_demo_auction_has_two_steady_bidders() -> None:
    for seed in range(200):
        came = cast(random.Random(seed))
        assert len(set(came)) == len(came) >= 7
        assert sum(person.temper == "steady" for person in came) >= 2


def opened(terms: Terms) -> Auction:
    listing = Listing(auction_id="a", title="t", seller=Party("s", "s"), terms=terms, epoch="e")
    change = rules_of_time.open_auction(rules.scheduled(listing), Cause("s"), NOW)
    assert isinstance(change, rules.Change)
    return change.auction


def terms_of(lot: Lot) -> Terms:
    terms = msgspec.convert(lot_body(lot, SECONDS * 1000, None)["terms"], Terms)
    assert rules.faults_in(terms) == []
    return terms


def played(lot: Lot, seed: int) -> tuple[Auction, list[int], Counter[str]]:
    """Runs a demo auction with the real rules: how it ended, the times of accepted bids, and the refusals."""
    chance, now = random.Random(seed), NOW
    auction, counted, refused = opened(terms_of(lot)), [], Counter[str]()
    minds = [
        (p, Mind(p.temper, p.name, int(lot.worth * chance.uniform(0.55, 1.25)), chance)) for p in cast(chance)
    ]
    while auction.status is Status.OPEN:
        now += 30
        assert auction.ends_at is not None
        if now >= auction.ends_at:
            closed = rules_of_time.close(auction, Cause("h"), now)
            assert isinstance(closed, rules.Change)
            auction = closed.auction
            break
        person, mind = chance.choice(minds)
        move = mind.think(rules.view(auction), now)
        if move is None:
            continue
        bid = Bid(Party(person.name, person.name), f"b{now}", move.amount, move.kind)
        decided = rules.place_bid(auction, bid, None, (), Cause(person.name), now)
        if isinstance(decided, rules.Recorded):
            auction = decided.auction
            counted.append(now - NOW)
        elif isinstance(decided, Refused):
            refused[decided.code] += 1
    return auction, counted, refused


@pytest.mark.parametrize("lot", LOTS, ids=lambda lot: lot.title)
def test_every_lot_makes_a_lively_auction(lot: Lot) -> None:
    for seed in range(5):
        auction, counted, refused = played(lot, seed)
        assert auction.status.is_final
        assert min(counted) < 5_000, "a bid within five seconds"
        assert 4 <= len(counted) <= MAX_BIDS * len(PEOPLE)
        assert set(refused) <= {Code.BID_TOO_LOW, Code.ALREADY_LEADING}
        assert lot.worth * 0.4 < auction.price < lot.worth * 1.7


def test_the_demo_shows_every_way_to_end() -> None:
    ends = {played(lot, seed)[0].status for lot in LOTS for seed in range(5)}
    assert ends == {Status.SOLD, Status.UNSOLD}


def decided_by(manners: Any, bids: int = 500) -> tuple[Auction, Counter[str]]:
    auction, outcomes = opened(Terms(increments=((0, 100),), duration_ms=600_000)), Counter[str]()
    chooser = Chooser(["ann", "ben", "cat", "dan"], manners, random.Random(5))
    seen: dict[tuple[str, str], rules.Seen] = {}
    for _ in range(bids):
        due = chooser.next(rules.view(auction))
        bid = Bid(Party(due.bidder, due.bidder), due.bid_id, due.amount, due.kind)
        key = (due.bidder, due.bid_id)
        decided = rules.place_bid(auction, bid, seen.get(key), (), Cause(due.bidder), NOW + 1)
        if isinstance(decided, rules.Recorded):
            auction = decided.auction
            seen[key] = rules.Seen(due.amount, due.kind, decided.receipt)
            outcomes[decided.receipt.outcome] += 1
        else:
            outcomes[decided.code if isinstance(decided, Refused) else "replayed"] += 1
    return auction, outcomes


def test_a_rising_crowd_is_always_accepted() -> None:
    assert decided_by(RISING)[1] == {"accepted": 500}


def test_a_mixed_crowd_meets_every_outcome() -> None:
    outcomes = decided_by(CROWD)[1]
    assert set(outcomes) >= {"accepted", "outbid", "bid_too_low", "replayed"}
    assert outcomes["accepted"] > 250


def test_bids_in_flight_are_known_to_all_bidders() -> None:
    """The state is delayed, and amounts still rise."""
    chooser = Chooser(["ann", "ben"], RISING, random.Random(1))
    lagging = rules.view(opened(Terms(increments=((0, 100),))))
    assert [chooser.next(lagging).amount for _ in range(4)] == [100, 200, 300, 400]
