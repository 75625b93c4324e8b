"""Every pair of refusals: when two apply to one bid, it gets the one that the protocol lists first."""

import itertools
from collections.abc import Callable

import pytest
from msgspec import Struct
from msgspec.structs import replace

from blytz.auction import rules
from blytz.auction.model import REQUIREMENTS, Auction, Bid, Code, Receipt, Refused, Standing, Status
from tests.support.auctions import ANNA, BEN, CAUSE, MINUTE_MS, SAM, T0, bid, listing


class Case(Struct, frozen=True):
    """Everything that a bid is decided by. By default there is no reason to refuse it."""

    auction: Auction | None
    bid: Bid
    seen: rules.Seen | None = None
    standings: frozenset[Standing] = frozenset()
    now: int = T0

    def on(self, **fields: object) -> "Case":
        return replace(self, auction=replace(self.auction, **fields)) if self.auction else self

    def requires(self, standing: Standing) -> "Case":
        if self.auction is None:
            return self
        listing = self.auction.listing
        return self.on(listing=replace(listing, requirements=(*listing.requirements, standing)))

    def by(self, **fields: object) -> "Case":
        return replace(self, bid=replace(self.bid, **fields))


FINE = Case(
    Auction(
        listing=listing(buy_now_price=5_000),
        status=Status.OPEN,
        seq=2,
        clock=T0,
        price=1_000,
        leader=ANNA,
        ceiling=1_000,
        bid_count=1,
        opened_at=T0,
        ends_at=T0 + MINUTE_MS,
    ),
    bid(BEN, 1_100),
)
EARLIER = Receipt("b_earlier", "accepted", 1, 1, 1, True, T0)


def leads(case: Case) -> Case:
    return case.on(leader=case.bid.bidder, ceiling=10_000)


# In order of precedence. Each makes one refusal apply, independent of the others.
REASONS: dict[Code, Callable[[Case], Case]] = {
    Code.AUCTION_NOT_FOUND: lambda case: replace(case, auction=None),
    Code.BID_ID_REUSED: lambda case: replace(case, seen=rules.Seen(case.bid.amount + 1, case.bid.kind, EARLIER)),
    Code.AUCTION_NOT_OPEN: lambda case: case.on(status=Status.SOLD),
    Code.AUCTION_ENDED: lambda case: replace(case, now=T0 + MINUTE_MS),
    Code.BIDDER_IS_SELLER: lambda case: case.by(bidder=SAM),
    Code.BIDDER_BLOCKED: lambda case: replace(case, standings=case.standings | {Standing.BLOCKED}),
    Code.BIDDER_NOT_APPROVED: lambda case: case.requires(Standing.APPROVED),
    Code.CARD_REQUIRED: lambda case: case.requires(Standing.HAS_CARD),
    Code.BUY_NOW_UNAVAILABLE: lambda case: case.by(kind="buy_now", amount=4_999),
    Code.ALREADY_LEADING: leads,
    Code.BID_TOO_LOW: lambda case: case.by(amount=1_099),
}
# A buy-now bid is never too low: its amount is the buy-now price or not.
NEVER_TOGETHER = {(Code.BUY_NOW_UNAVAILABLE, Code.BID_TOO_LOW)}
PAIRS = [pair for pair in itertools.combinations(REASONS, 2) if pair not in NEVER_TOGETHER]


def decide(case: Case) -> rules.Recorded | Receipt | Refused:
    return rules.place_bid(case.auction, case.bid, case.seen, case.standings, CAUSE, case.now)


def test_a_bid_with_no_reason_against_it_is_accepted() -> None:
    assert isinstance(decide(FINE), rules.Recorded)


def test_the_reasons_are_those_of_the_protocol_in_its_order() -> None:
    sellers = {Code.AUCTION_NOT_PAUSED, Code.HARD_STOP_REACHED}
    assert list(REASONS) == [code for code in Code if code not in sellers]


def test_a_bidder_who_has_what_is_required_is_accepted() -> None:
    case = FINE.requires(Standing.APPROVED).requires(Standing.HAS_CARD)
    assert isinstance(decide(replace(case, standings=frozenset(REQUIREMENTS))), rules.Recorded)


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_alone_refuses_the_bid_and_states_the_values_it_was_decided_by(code: Code) -> None:
    case = REASONS[code](FINE)
    refused = Refused(code, 2, 1_000, 1_100, T0 + MINUTE_MS)
    assert decide(case) == (Refused(code) if case.auction is None else refused)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_two_reasons_the_earlier_in_the_protocol_is_given(first: Code, second: Code) -> None:
    # The earlier reason is applied first, because it may change the bidder, on whom the later one may depend.
    case = REASONS[second](REASONS[first](FINE))
    refused = decide(case)
    assert isinstance(refused, Refused)
    assert refused.code is first


@pytest.mark.parametrize("other", [code for code in REASONS if code is not Code.AUCTION_NOT_FOUND])
def test_a_repeated_bid_gets_its_first_answer_whatever_changed_since(other: Code) -> None:
    case = REASONS[other](FINE)
    case = replace(case, seen=rules.Seen(case.bid.amount, case.bid.kind, EARLIER))
    assert decide(case) == replace(EARLIER, replayed=True)
