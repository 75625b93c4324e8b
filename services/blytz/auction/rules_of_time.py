"""When an auction opens, pauses and ends (protocol, section 2): pure, with the time passed in. `lua/open.lua`,
`change.lua` and `close.lua` decide the same in Redis.

A `now` before the auction's own clock counts as that clock.
"""

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from blytz.auction.model import (
    MAX_PAUSES,
    Auction,
    Bid,
    Cause,
    Code,
    Event,
    NotYet,
    Outage,
    PauseReason,
    PreBid,
    Refused,
    Standing,
    Status,
    Verb,
)
from blytz.auction.rules import (
    Change,
    Recorded,
    Seen,
    capped,
    finish,
    place_bid,
    publish,
    refuse,
    reserve_met,
)


class Opened(Struct, frozen=True):
    """An auction that opened, its events in order, and the pre-bids that count by (bidder id, bid_id)."""

    auction: Auction
    events: tuple[Event, ...]
    seen: dict[tuple[str, str], Seen]


def open_auction(auction: Auction, cause: Cause, now: int, stepped_ms: int = 0) -> Change | NotYet | Refused:
    now = max(now, auction.clock)
    listing, terms = auction.listing, auction.listing.terms
    if auction.status is not Status.SCHEDULED:
        return refuse(Code.AUCTION_NOT_OPEN, auction) if auction.status.is_final else Change(auction, ())
    if listing.starts_at is not None and now < listing.starts_at:
        return NotYet(listing.starts_at - now)
    opened = replace(
        auction,
        status=Status.OPEN,
        clock=now,
        stepped_ms=stepped_ms,
        opened_at=now,
        ends_at=now + terms.duration_ms,
        hard_stop_at=None if terms.max_total_ms is None else now + terms.max_total_ms,
    )
    return publish(opened, "opened", cause, private={"stepped_ms": stepped_ms})


def open_with_pre_bids(
    auction: Auction,
    pre_bids: Sequence[PreBid],
    standings: Callable[[str], Collection[Standing]],
    cause: Cause,
    now: int,
    stepped_ms: int = 0,
) -> Opened | NotYet | Refused:
    """Open it, and decide these bids at that moment, one after the other. One that is refused leaves no trace.
    `standings` gives those of a bidder."""
    change = open_auction(auction, cause, now, stepped_ms)
    if not isinstance(change, Change):
        return change
    auction, events, seen = change.auction, list(change.events), dict[tuple[str, str], Seen]()
    # One that was open already keeps the answers of its opening.
    for pre_bid in pre_bids if events else ():
        bid, key = Bid(pre_bid.bidder, pre_bid.bid_id, pre_bid.amount, "max"), (pre_bid.bidder.id, pre_bid.bid_id)
        decided = place_bid(auction, bid, seen.get(key), standings(bid.bidder.id), cause, auction.clock)
        if isinstance(decided, Recorded):
            auction = decided.auction
            events += decided.events
            seen[key] = Seen(bid.amount, bid.kind, decided.receipt)
    return Opened(auction, tuple(events), seen)


def change(
    auction: Auction, verb: Verb, cause: Cause, now: int, by_ms: int = 0, reason: PauseReason | None = "seller"
) -> Change | Refused:
    """What a seller asks for; `by_ms` is for `extend`, `reason` for `pause`. Events of before there were reasons
    have None."""
    now = max(now, auction.clock)
    match verb:
        case "pause":
            return _pause(auction, reason, cause, now)
        case "resume":
            return _resume(auction, cause, now)
        case "extend":
            return _extend(auction, by_ms, cause, now)
        case "cancel":
            return _cancel(auction, cause, now)


def _pause(auction: Auction, reason: PauseReason | None, cause: Cause, now: int) -> Change | Refused:
    if auction.status is not Status.OPEN or auction.ends_at is None:
        return refuse(Code.AUCTION_NOT_OPEN, auction)
    if now >= auction.ends_at:
        return refuse(Code.AUCTION_ENDED, auction)
    paused = replace(
        auction,
        status=Status.PAUSED,
        clock=now,
        paused_at=now,
        remaining_ms=auction.ends_at - now,
        ends_at=None,
    )
    return publish(paused, "paused", cause, {"reason": reason} if reason else None)


def _resume(auction: Auction, cause: Cause, now: int) -> Change | Refused:
    if auction.status is not Status.PAUSED or auction.remaining_ms is None or auction.paused_at is None:
        return refuse(Code.AUCTION_NOT_PAUSED, auction)
    stop = auction.hard_stop_at
    resumed = replace(
        auction,
        status=Status.OPEN,
        clock=now,
        paused_at=None,
        remaining_ms=None,
        ends_at=now + auction.remaining_ms,
        hard_stop_at=None if stop is None else stop + now - auction.paused_at,
        pauses=(*auction.pauses, (auction.paused_at, now))[-MAX_PAUSES:],
    )
    if len(auction.pauses) == MAX_PAUSES:
        # The pause that is forgotten must not count as lost time later.
        forgotten_until = auction.pauses[0][1]
        resumed = replace(resumed, compensated_until=max(auction.compensated_until, forgotten_until))
    return publish(resumed, "resumed", cause)


def _extend(auction: Auction, by_ms: int, cause: Cause, now: int) -> Change | Refused:
    if auction.status is not Status.OPEN or auction.ends_at is None:
        return refuse(Code.AUCTION_NOT_OPEN, auction)
    if now >= auction.ends_at:
        return refuse(Code.AUCTION_ENDED, auction)
    ends_at = capped(auction, auction.ends_at + by_ms)
    if ends_at <= auction.ends_at:
        return refuse(Code.HARD_STOP_REACHED, auction)
    by = {"by_ms": ends_at - auction.ends_at}
    extended = replace(auction, clock=now, ends_at=ends_at)
    return publish(extended, "extended_by_seller", cause, {**by, "reason": "seller"}, {"asked_ms": by_ms})


def _cancel(auction: Auction, cause: Cause, now: int) -> Change | Refused:
    if auction.status is Status.CANCELLED:
        return Change(auction, ())
    if auction.status.is_final:
        return refuse(Code.AUCTION_NOT_OPEN, auction)
    if auction.ends_at is not None and now >= auction.ends_at:
        return refuse(Code.AUCTION_ENDED, auction)
    return finish(auction, Status.CANCELLED, cause, now)


def close(
    auction: Auction,
    cause: Cause,
    now: int,
    *,
    force: bool = False,
    outage: Outage | None = None,
) -> Change | NotYet | Refused:
    """The hammer. A closed auction stays as it is, with no further event."""
    now = max(now, auction.clock)
    if auction.status.is_final:
        return Change(auction, ())
    if auction.status is Status.SCHEDULED:
        return refuse(Code.AUCTION_NOT_OPEN, auction)
    if not force:
        compensated = compensate(auction, outage, cause, now) if outage else None
        if compensated:
            return compensated
        if auction.ends_at is None:
            return NotYet(None)
        if now < auction.ends_at:
            return NotYet(auction.ends_at - now)
    status = Status.SOLD if auction.leader and reserve_met(auction) else Status.UNSOLD
    return finish(auction, status, cause, now)


def compensate(auction: Auction, outage: Outage, cause: Cause, now: int) -> Change | None:
    """Give an auction the time back that it ran during an outage, once per outage. An open one gets at least
    `extension_ms`, so that its bidders have time to return."""
    if auction.opened_at is None or auction.status.is_final:
        return None
    if auction.ends_at is not None and auction.ends_at <= outage.began_at:
        return None
    by_ms = _ran_during(auction, outage)
    if by_ms <= 0:
        return None
    if auction.ends_at is not None:
        by_ms = max(by_ms, auction.listing.terms.extension_ms)
    compensated = replace(
        auction,
        clock=now,
        ends_at=_moved(auction.ends_at, by_ms),
        remaining_ms=_moved(auction.remaining_ms, by_ms),
        hard_stop_at=_moved(auction.hard_stop_at, by_ms),
        compensated_until=outage.ended_at,
    )
    private = {"began_at": outage.began_at, "ended_at": outage.ended_at}
    return publish(compensated, "extended_by_seller", cause, {"by_ms": by_ms, "reason": "outage"}, private)


def correct_clock(auction: Auction, by_ms: int, cause: Cause, now: int) -> Change | None:
    """Move every time of the auction by a step of the Redis clock, so that what has passed and what is left stay
    as they were. Below 0 the clock was set back, and so is the auction's."""
    if auction.opened_at is None or auction.status.is_final or by_ms == 0:
        return None
    corrected = replace(
        auction,
        clock=now,
        stepped_ms=auction.stepped_ms + by_ms,
        opened_at=auction.opened_at + by_ms,
        ends_at=_moved(auction.ends_at, by_ms),
        hard_stop_at=_moved(auction.hard_stop_at, by_ms),
        paused_at=_moved(auction.paused_at, by_ms),
        compensated_until=max(0, auction.compensated_until + by_ms),
        pauses=tuple((paused_at + by_ms, resumed_at + by_ms) for paused_at, resumed_at in auction.pauses),
    )
    return publish(corrected, "extended_by_seller", cause, {"by_ms": by_ms, "reason": "clock_step"})


def _ran_during(auction: Auction, outage: Outage) -> int:
    """How long of the outage the auction was open and not paused, in ms; 0 or less: not at all."""
    began_at = max(outage.began_at, auction.opened_at or 0, auction.compensated_until)
    pauses = list(auction.pauses)
    if auction.paused_at is not None:
        pauses.append((auction.paused_at, outage.ended_at))
    paused_ms = sum(
        max(0, min(resumed_at, outage.ended_at) - max(paused_at, began_at)) for paused_at, resumed_at in pauses
    )
    return outage.ended_at - began_at - paused_ms


def _moved(value: int | None, by_ms: int) -> int | None:
    return None if value is None else value + by_ms
