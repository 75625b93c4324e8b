"""When auctions end: closing, sniping, pauses, extensions, outages; one millisecond before, at and after."""

from typing import Any

import pytest
from msgspec.structs import replace

from blytz.auction import rules, rules_of_time
from blytz.auction.model import Auction, Code, NotYet, Outage, Refused, Status, Verb
from tests.support.auctions import ANNA, BEN, CAUSE, T0, bid, listing

END = T0 + 60_000


def opened(**terms: Any) -> Auction:
    """Open from T0 to END; by default with an extension window of ten seconds and an extension of ten."""
    change = rules_of_time.open_auction(rules.scheduled(listing(**terms)), CAUSE, T0)
    assert isinstance(change, rules.Change)
    return change.auction


def led(**terms: Any) -> Auction:
    return after_bid(opened(**terms), 300, T0)


def after_bid(auction: Auction, amount: int, now: int, kind: Any = "exact", bidder: Any = ANNA) -> Auction:
    decided = rules.place_bid(auction, bid(bidder, amount, kind), None, (), CAUSE, now)
    assert isinstance(decided, rules.Recorded), decided
    return decided.auction


def changed(decided: object) -> Auction:
    """Checks that a verb made exactly one event, and returns the auction after it."""
    assert isinstance(decided, rules.Change), decided
    assert len(decided.events) == 1
    return decided.auction


def code(decided: object) -> Code:
    assert isinstance(decided, Refused), decided
    return decided.code


def test_a_bid_is_accepted_until_the_last_millisecond_and_refused_at_the_end() -> None:
    auction = opened(ending="sudden_death")
    assert after_bid(auction, 300, END - 1).leader == ANNA
    for now in (END, END + 1):
        late = rules.place_bid(auction, bid(ANNA, 300), None, (), CAUSE, now)
        assert code(late) is Code.AUCTION_ENDED


@pytest.mark.parametrize(
    ("left_ms", "ends_after_ms"),
    [(10_001, 10_001), (10_000, 10_000), (9_999, 10_000), (1, 10_000)],
)
def test_a_bid_inside_the_window_moves_the_end(left_ms: int, ends_after_ms: int) -> None:
    auction = after_bid(opened(), 300, END - left_ms)
    assert auction.ends_at == END - left_ms + ends_after_ms


@pytest.mark.parametrize(
    ("window_ms", "extension_ms", "left_ms", "ends_after_ms"),
    [
        (5_000, 20_000, 5_000, 5_000),
        (5_000, 20_000, 4_999, 20_000),
        (20_000, 5_000, 10_000, 10_000),
        (20_000, 5_000, 5_000, 5_000),
        (20_000, 5_000, 4_999, 5_000),
        (0, 10_000, 1, 1),
        (10_000, 0, 1, 1),
    ],
)
def test_an_extension_counts_from_the_bid_and_never_shortens(
    window_ms: int, extension_ms: int, left_ms: int, ends_after_ms: int
) -> None:
    auction = opened(extension_window_ms=window_ms, extension_ms=extension_ms)
    assert after_bid(auction, 300, END - left_ms).ends_at == END - left_ms + ends_after_ms


def test_sudden_death_never_moves_the_end() -> None:
    assert after_bid(opened(ending="sudden_death"), 300, END - 1).ends_at == END


@pytest.mark.parametrize(
    ("stop_ms", "end"), [(60_000, END), (60_001, END + 1), (69_998, END + 9_998), (90_000, END + 9_999)]
)
def test_no_extension_passes_the_hard_stop(stop_ms: int, end: int) -> None:
    assert after_bid(opened(max_total_ms=stop_ms), 300, END - 1).ends_at == end


def test_raising_the_own_ceiling_extends_only_when_it_meets_the_reserve() -> None:
    auction = after_bid(opened(reserve_price=5_000), 300, T0)
    assert after_bid(auction, 4_999, END - 1, "max").ends_at == END
    assert after_bid(auction, 5_000, END - 1, "max").ends_at == END + 9_999


def test_an_outbid_bid_that_moves_the_price_extends() -> None:
    auction = after_bid(opened(), 9_000, T0, "max")
    assert after_bid(auction, 300, END - 1, bidder=BEN).ends_at == END + 9_999


def test_a_buy_now_bid_ends_the_auction_at_once() -> None:
    auction = after_bid(opened(buy_now_price=5_000), 5_000, END - 1, "buy_now")
    assert (auction.ends_at, auction.status) == (END - 1, Status.SOLD)


def test_event_times_never_go_back() -> None:
    auction = after_bid(opened(), 300, T0 + 5_000)
    assert auction.clock == T0 + 5_000
    back = after_bid(auction, 400, T0 - 99_999, bidder=BEN)
    assert back.clock == T0 + 5_000
    assert changed(rules_of_time.change(back, "pause", CAUSE, T0)).remaining_ms == 55_000


@pytest.mark.parametrize(
    ("terms", "amount", "status"),
    [
        ({}, 300, Status.SOLD),
        ({}, None, Status.UNSOLD),
        ({"reserve_price": 300}, 300, Status.SOLD),
        ({"reserve_price": 301}, 300, Status.UNSOLD),
    ],
)
def test_the_hammer_sells_to_a_leader_who_met_the_reserve(
    terms: dict[str, int], amount: int | None, status: Status
) -> None:
    auction = opened(**terms) if amount is None else after_bid(opened(**terms), amount, T0)
    assert rules_of_time.close(auction, CAUSE, END - 1) == NotYet(1)
    closed = changed(rules_of_time.close(auction, CAUSE, END))
    assert (closed.status, closed.ends_at) == (status, END)
    late = changed(rules_of_time.close(auction, CAUSE, END + 50))
    assert (late.ends_at, late.clock) == (END, END + 50)


def test_a_closed_auction_stays_closed_without_another_event() -> None:
    closed = changed(rules_of_time.close(led(), CAUSE, END))
    for force in (False, True):
        assert rules_of_time.close(closed, CAUSE, END + 1, force=force) == rules.Change(closed, ())
    assert code(rules_of_time.open_auction(closed, CAUSE, END)) is Code.AUCTION_NOT_OPEN
    assert code(rules_of_time.change(closed, "pause", CAUSE, END)) is Code.AUCTION_NOT_OPEN
    assert code(rules_of_time.change(closed, "cancel", CAUSE, END)) is Code.AUCTION_NOT_OPEN
    assert code(rules_of_time.change(closed, "resume", CAUSE, END)) is Code.AUCTION_NOT_PAUSED
    assert code(rules_of_time.change(closed, "extend", CAUSE, END, 1)) is Code.AUCTION_NOT_OPEN


def test_the_seller_may_close_early_even_during_a_pause() -> None:
    closed = changed(rules_of_time.close(led(), CAUSE, T0 + 5, force=True))
    assert (closed.status, closed.ends_at) == (Status.SOLD, T0 + 5)
    paused = changed(rules_of_time.change(led(), "pause", CAUSE, T0 + 5))
    assert rules_of_time.close(paused, CAUSE, END + 99) == NotYet(None)
    ended = changed(rules_of_time.close(paused, CAUSE, T0 + 9, force=True))
    assert (ended.status, ended.ends_at, ended.remaining_ms, ended.paused_at) == (Status.SOLD, T0 + 9, None, None)


def test_a_pause_keeps_the_time_left_and_a_resume_gives_it_back() -> None:
    paused = changed(rules_of_time.change(led(max_total_ms=90_000), "pause", CAUSE, END - 1))
    assert (paused.status, paused.remaining_ms, paused.ends_at) == (Status.PAUSED, 1, None)
    assert code(rules.place_bid(paused, bid(BEN, 900), None, (), CAUSE, END)) is Code.AUCTION_NOT_OPEN
    resumed = changed(rules_of_time.change(paused, "resume", CAUSE, END + 4_999))
    assert (resumed.status, resumed.ends_at, resumed.remaining_ms) == (Status.OPEN, END + 5_000, None)
    assert resumed.hard_stop_at == T0 + 90_000 + 5_000


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_an_ended_auction_can_be_neither_paused_nor_cancelled(verb: Verb) -> None:
    assert isinstance(rules_of_time.change(led(), verb, CAUSE, END - 1), rules.Change)
    assert code(rules_of_time.change(led(), verb, CAUSE, END)) is Code.AUCTION_ENDED


def test_only_paused_auctions_resume_and_only_open_ones_pause() -> None:
    assert code(rules_of_time.change(led(), "resume", CAUSE, T0)) is Code.AUCTION_NOT_PAUSED
    paused = changed(rules_of_time.change(led(), "pause", CAUSE, T0))
    assert code(rules_of_time.change(paused, "pause", CAUSE, T0)) is Code.AUCTION_NOT_OPEN
    assert code(rules_of_time.change(paused, "extend", CAUSE, T0, 1)) is Code.AUCTION_NOT_OPEN


def test_a_seller_extends_an_open_auction_up_to_its_hard_stop() -> None:
    assert changed(rules_of_time.change(led(), "extend", CAUSE, END - 1, 1)).ends_at == END + 1
    assert code(rules_of_time.change(led(), "extend", CAUSE, END, 1)) is Code.AUCTION_ENDED
    change = rules_of_time.change(led(max_total_ms=60_100), "extend", CAUSE, T0, 500)
    assert changed(change).ends_at == END + 100
    assert isinstance(change, rules.Change)
    assert (change.events[0].public["by_ms"], change.events[0].private["asked_ms"]) == (100, 500)
    assert code(rules_of_time.change(led(max_total_ms=60_000), "extend", CAUSE, T0, 500)) is Code.HARD_STOP_REACHED
    assert code(rules_of_time.change(led(), "extend", CAUSE, T0, 0)) is Code.HARD_STOP_REACHED


def test_a_cancelled_auction_has_no_winner_and_is_cancelled_once() -> None:
    for before, ends_at in (
        (rules.scheduled(listing(starts_at=T0 + 9)), None),
        (led(), T0 + 5),
        (changed(rules_of_time.change(led(), "pause", CAUSE, T0)), T0 + 5),
    ):
        cancelled = changed(rules_of_time.change(before, "cancel", CAUSE, T0 + 5))
        assert (cancelled.status, cancelled.ends_at) == (Status.CANCELLED, ends_at)
        assert rules_of_time.change(cancelled, "cancel", CAUSE, T0 + 6) == rules.Change(cancelled, ())


def test_a_scheduled_auction_opens_at_its_time() -> None:
    waiting = rules.scheduled(listing(starts_at=T0))
    assert rules_of_time.open_auction(waiting, CAUSE, T0 - 1) == NotYet(1)
    assert code(rules_of_time.close(waiting, CAUSE, T0, force=True)) is Code.AUCTION_NOT_OPEN
    late = changed(rules_of_time.open_auction(waiting, CAUSE, T0 + 7))
    assert (late.opened_at, late.ends_at) == (T0 + 7, END + 7)
    assert rules_of_time.open_auction(late, CAUSE, T0 + 8) == rules.Change(late, ())


@pytest.mark.parametrize(
    ("began", "ended", "back"),
    [
        (T0 + 1_000, T0 + 31_000, 30_000),
        (T0 + 1_000, T0 + 11_000, 10_000),
        (T0 + 1_000, T0 + 1_001, 10_000),
        (T0 - 50_000, T0 + 20_000, 20_000),
        (T0 - 50_000, T0, None),
        (T0 - 50_000, T0 + 1, 10_000),
        (END - 1, END + 500_000, 500_001),
        (END, END + 500_000, None),
    ],
)
def test_an_outage_is_compensated_for_the_time_it_took(began: int, ended: int, back: int | None) -> None:
    auction, outage = led(max_total_ms=60_000), Outage(began, ended)
    decided = rules_of_time.close(auction, CAUSE, ended, outage=outage)
    if back is None:
        assert decided == rules_of_time.close(auction, CAUSE, ended)
        return
    restored = changed(decided)
    assert restored.ends_at == END + back
    assert restored.hard_stop_at == END + back
    # The same outage again, or one inside it, is not compensated again.
    for again in (outage, replace(outage, ended_at=ended - 1)):
        assert rules_of_time.compensate(restored, again, CAUSE, ended) is None
    assert rules_of_time.compensate(restored, replace(outage, ended_at=ended + 1), CAUSE, ended) is not None


def test_a_paused_or_closed_auction_is_not_compensated_for_an_outage() -> None:
    outage = Outage(T0 + 1_000, T0 + 31_000)
    paused = changed(rules_of_time.change(led(), "pause", CAUSE, T0))
    assert rules_of_time.close(paused, CAUSE, END, outage=outage) == NotYet(None)
    closed = changed(rules_of_time.close(led(), CAUSE, END))
    assert rules_of_time.close(closed, CAUSE, END, outage=outage) == rules.Change(closed, ())
