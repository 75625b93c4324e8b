"""What a bid does (protocol, section 2), and what all rules share: pure, with the time passed in. When an auction
opens, stands still and ends: `rules_of_time.py`.

This is the oracle of the tests and of `blytz verify`; `lua/` decides the same in Redis. A decision is a column
of guards, in order of precedence, then the change. The two are read side by side: same names, same order.
"""

from collections.abc import Collection
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from blytz.auction.model import (
    MAX_INCREMENT_ROWS,
    Auction,
    Bid,
    Cause,
    Code,
    Event,
    Listing,
    Party,
    Receipt,
    Refused,
    Standing,
    Status,
    Terms,
)
from blytz.kit.money import MAX_AMOUNT


class Change(Struct, frozen=True):
    """What a verb did: the auction after it, and its events in order."""

    auction: Auction
    events: tuple[Event, ...]


class Recorded(Struct, frozen=True):
    """A bid that counts: the change, and the answer to the bidder."""

    auction: Auction
    events: tuple[Event, ...]
    receipt: Receipt


class Seen(Struct, frozen=True):
    """A bid recorded before under the same (bidder, bid_id)."""

    amount: int
    kind: str
    receipt: Receipt


def faults_in(terms: Terms) -> list[tuple[str, str]]:
    """What is wrong with these terms beyond the range of single fields: `(field, why)` of each fault."""
    faults: list[tuple[str, str]] = []
    rows = terms.increments
    if not 1 <= len(rows) <= MAX_INCREMENT_ROWS:
        faults.append(("increments", f"must have 1 to {MAX_INCREMENT_ROWS} rows"))
    elif rows[0][0] != 0:
        faults.append(("increments", "the first row must start from price 0"))
    elif any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
        faults.append(("increments", "each row must start from a higher price than the one before"))
    elif any(later[1] < earlier[1] for earlier, later in pairwise(rows)):
        faults.append(("increments", "a step must not be smaller than the step of the row before"))
    elif rows[-1][0] > MAX_AMOUNT:
        faults.append(("increments", f"no row can start above {MAX_AMOUNT}"))
    if terms.buy_now_price is not None and terms.buy_now_price < max(
        terms.start_price + 1, terms.reserve_price or 0
    ):
        faults.append(("buy_now_price", "must be above start_price and at least reserve_price"))
    if terms.max_total_ms is not None and terms.max_total_ms < terms.duration_ms:
        faults.append(("max_total_ms", "must not be shorter than duration_ms"))
    return faults


def increment(terms: Terms, price: int) -> int:
    """The step of the last row whose `from_price <= price`."""
    return max((row for row in terms.increments if row[0] <= price), key=lambda row: row[0])[1]


def minimum(auction: Auction) -> int:
    """The least amount that the next bid may have."""
    terms = auction.listing.terms
    return auction.price + increment(terms, auction.price) if auction.leader else terms.start_price


def reserve_met(auction: Auction) -> bool:
    reserve = auction.listing.terms.reserve_price
    return reserve is None or auction.price >= reserve


def publish(auction: Auction, kind: str, cause: Cause, public: Any = None, private: Any = None) -> Change:
    """Number the change and describe it. Every event carries the whole changing part of the public state,
    so that a client which missed none may lay each over the state it has."""
    auction = replace(auction, seq=auction.seq + 1)
    event = Event(
        public={
            "seq": auction.seq,
            "kind": kind,
            "at": auction.clock,
            "auction_id": auction.listing.auction_id,
            **(public or {}),
            **_changing(auction),
        },
        private={"actor": cause.actor, "request_id": cause.request_id, **(private or {})},
    )
    return Change(auction, (event,))


def _changing(auction: Auction) -> dict[str, Any]:
    """The part of the public state that changes, in the order in which the scripts write it."""
    return {
        "status": auction.status.value,
        "price": auction.price,
        "minimum": minimum(auction),
        "leader": _party(auction.leader),
        "bid_count": auction.bid_count,
        "reserve_met": reserve_met(auction),
        "opened_at": auction.opened_at,
        "ends_at": auction.ends_at,
        "remaining_ms": auction.remaining_ms,
    }


def _party(party: Party | None) -> dict[str, str] | None:
    return {"id": party.id, "name": party.name} if party else None


def scheduled(listing: Listing) -> Auction:
    """The auction before anything happened to it."""
    return Auction(listing=listing)


def place_bid(
    auction: Auction | None,
    bid: Bid,
    seen: Seen | None,
    standings: Collection[Standing],
    cause: Cause,
    now: int,
) -> Recorded | Receipt | Refused:
    """Decide one bid of a bidder with these standings. A `Receipt` alone means that this very bid was recorded
    before."""
    if auction is None:
        return Refused(Code.AUCTION_NOT_FOUND)
    now = max(now, auction.clock)
    if seen is not None:
        if (seen.amount, seen.kind) != (bid.amount, bid.kind):
            return refuse(Code.BID_ID_REUSED, auction)
        return replace(seen.receipt, replayed=True)
    code = why_refused(auction, bid, standings, now)
    if code is not None:
        return refuse(code, auction)
    leading = is_leading(auction, bid)
    after = _apply(auction, bid, leading)
    after = replace(after, clock=now, bid_count=auction.bid_count + (kind_of(bid, leading) == "bid"))
    after = after if bid.kind == "buy_now" else _protect_from_snipe(auction, after, now)
    return _record(auction, after, bid, leading, cause)


def why_refused(auction: Auction, bid: Bid, standings: Collection[Standing], now: int) -> Code | None:
    """The first code that holds for a bid that was not recorded before."""
    listing, terms = auction.listing, auction.listing.terms
    if auction.status is not Status.OPEN or auction.ends_at is None:
        return Code.AUCTION_NOT_OPEN
    if now >= auction.ends_at:
        return Code.AUCTION_ENDED
    if bid.bidder.id == listing.seller.id:
        return Code.BIDDER_IS_SELLER
    if Standing.BLOCKED in standings:
        return Code.BIDDER_BLOCKED
    if Standing.APPROVED in listing.requirements and Standing.APPROVED not in standings:
        return Code.BIDDER_NOT_APPROVED
    if Standing.HAS_CARD in listing.requirements and Standing.HAS_CARD not in standings:
        return Code.CARD_REQUIRED
    if bid.kind == "buy_now" and (bid.amount != terms.buy_now_price or auction.price >= bid.amount):
        return Code.BUY_NOW_UNAVAILABLE
    if (
        is_leading(auction, bid)
        and bid.kind != "buy_now"
        and (bid.kind == "exact" or bid.amount <= auction.ceiling)
    ):
        return Code.ALREADY_LEADING
    # A buy-now price stands on its own: it may lie less than one step above the price.
    if bid.kind != "buy_now" and bid.amount < minimum(auction):
        return Code.BID_TOO_LOW
    return None


def is_leading(auction: Auction, bid: Bid) -> bool:
    return auction.leader is not None and auction.leader.id == bid.bidder.id


def kind_of(bid: Bid, leading: bool) -> str:
    return "ceiling_raised" if leading and bid.kind == "max" else "bid"


def _apply(auction: Auction, bid: Bid, leading: bool) -> Auction:
    """Who leads, at which price and up to which ceiling once this bid counts (rules 1 to 6)."""
    terms, m, rival = auction.listing.terms, bid.amount, auction.ceiling
    if bid.kind == "buy_now":
        return replace(auction, leader=bid.bidder, ceiling=m, price=m)
    if leading:
        after = replace(auction, ceiling=m)
    elif auction.leader is None:
        price = m if bid.kind == "exact" else terms.start_price
        after = replace(auction, leader=bid.bidder, ceiling=m, price=price)
    elif m > rival:
        price = m if bid.kind == "exact" else min(m, rival + increment(terms, rival))
        after = replace(auction, leader=bid.bidder, ceiling=m, price=price)
    else:
        after = replace(auction, price=min(rival, m + increment(terms, m)))
    reserve = terms.reserve_price
    if reserve is not None and after.price < reserve <= after.ceiling:
        after = replace(after, price=reserve)
    return after


def _protect_from_snipe(before: Auction, after: Auction, now: int) -> Auction:
    terms, ends_at = after.listing.terms, after.ends_at
    moved = after.price != before.price or after.leader != before.leader
    if ends_at is None or not moved or terms.ending != "extended":
        return after
    if ends_at - now >= terms.extension_window_ms:
        return after
    return replace(after, ends_at=max(ends_at, capped(after, now + terms.extension_ms)))


def capped(auction: Auction, ends_at: int) -> int:
    return ends_at if auction.hard_stop_at is None else min(ends_at, auction.hard_stop_at)


def _record(before: Auction, after: Auction, bid: Bid, leading: bool, cause: Cause) -> Recorded:
    kind = kind_of(bid, leading)
    public: dict[str, Any] = {"extended": after.ends_at != before.ends_at}
    if kind == "bid":
        public = {"bidder": _party(bid.bidder), **public}
    private = {"bid_id": bid.bid_id, "amount": bid.amount, "bid_kind": bid.kind, "ceiling": after.ceiling}
    change = publish(after, kind, cause, public, private)
    leads = after.leader is not None and after.leader.id == bid.bidder.id
    receipt = Receipt(
        bid_id=bid.bid_id,
        outcome="accepted" if leads else "outbid",
        seq=change.auction.seq,
        price=after.price,
        minimum=minimum(after),
        leading=leads,
        ends_at=after.ends_at or 0,
    )
    if bid.kind != "buy_now":
        return Recorded(change.auction, change.events, receipt)
    sold = finish(change.auction, Status.SOLD, cause, after.clock)
    return Recorded(sold.auction, change.events + sold.events, receipt)


def finish(auction: Auction, status: Status, cause: Cause, now: int) -> Change:
    """The one closing event. An auction that ends early has ended when it was ended."""
    ends_at = None if auction.opened_at is None else min(now, auction.ends_at or now)
    final = replace(auction, status=status, clock=now, ends_at=ends_at, paused_at=None, remaining_ms=None)
    return publish(final, status.value, cause)


def refuse(code: Code, auction: Auction) -> Refused:
    return Refused(code, auction.seq, auction.price, minimum(auction), auction.ends_at)


def view(auction: Auction) -> dict[str, Any]:
    """The public state, without `server_at`: what anybody may see of an auction, hidden parts left out."""
    listing = auction.listing
    terms = {
        name: getattr(listing.terms, name) for name in listing.terms.__struct_fields__ if name != "reserve_price"
    }
    return {
        "auction_id": listing.auction_id,
        "title": listing.title,
        "description": listing.description,
        "image_urls": listing.image_urls,
        "seq": auction.seq,
        **_changing(auction),
        "buy_now_price": listing.terms.buy_now_price,
        "starts_at": listing.starts_at,
        "terms": terms,
        "seller": _party(listing.seller),
    }
