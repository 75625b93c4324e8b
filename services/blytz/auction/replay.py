"""Decides a whole auction again from its listing and its log, to check whether the log is consistent.

Pure: the caller reads the log (auction/redis/audit.py, an archive, a third party). Every event is
decided anew by the pure rules from its private part and compared with what was published, byte for byte.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from blytz.auction import rules, rules_of_time
from blytz.auction.model import Auction, Bid, Cause, Event, Listing, Outage, Party

CLOSINGS: Final = ("sold", "unsold", "cancelled")

_object = msgspec.json.Decoder(dict[str, Any])


class Entry(Struct, frozen=True):
    """One entry of the log as it is stored: nothing decoded yet, because bytes are what is compared."""

    id: str
    public: bytes
    private: bytes


class Difference(Exception):
    """The first thing that is not as the rules make it: where, and what was found in place of what."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class Replayed(Struct, frozen=True):
    """What the log makes of the auction: its state, and the answer that each recorded bid must have got."""

    auction: Auction
    seen: dict[tuple[str, str], rules.Seen]
    """By (bidder id, bid_id)."""


def replay(listing: Listing, log: Iterable[Entry]) -> Replayed:
    """Raises `Difference` at the first event that the rules do not make."""
    auction = rules.scheduled(listing)
    seen: dict[tuple[str, str], rules.Seen] = {}
    due: list[Event] = []
    """Events that the step before made and that must therefore come next."""
    for entry in log:
        seq = auction.seq + 1 - len(due)
        where = f"event {seq}"
        _check_id(entry, seq, where)
        if not due:
            auction, events = _decide(auction, entry, seen, where)
            due = list(events)
        _compare(due.pop(0), entry, where)
    if due:
        raise Difference(f"event {due[0].seq}", f"is missing: the log ends before its {due[0].kind!r}")
    return Replayed(auction, seen)


def _check_id(entry: Entry, seq: int, where: str) -> None:
    if entry.id != f"{seq}-0":
        raise Difference(where, f"expected the entry id {seq}-0, found {entry.id}")


def _decide(
    auction: Auction, entry: Entry, seen: dict[tuple[str, str], rules.Seen], where: str
) -> tuple[Auction, tuple[Event, ...]]:
    """Do again what this entry says was done."""
    try:
        public, private = _object.decode(entry.public), _object.decode(entry.private)
        kind, at = public["kind"], public["at"]
        cause = Cause(private["actor"], private["request_id"])
        if kind in {"bid", "ceiling_raised"}:
            bidder = public["bidder"] if kind == "bid" else public["leader"]
            bid = Bid(msgspec.convert(bidder, Party), private["bid_id"], private["amount"], private["bid_kind"])
            decided = _bid_again(auction, bid, seen, cause, at, where)
            return decided.auction, decided.events
        change = _decision(kind, public, private)(auction, cause, at)
    except (KeyError, TypeError, msgspec.MsgspecError) as error:
        raise Difference(where, f"cannot be read: {error!r}") from error
    if not isinstance(change, rules.Change):
        raise Difference(where, f"the rules do not allow {kind!r} here: {change}")
    if not change.events:
        raise Difference(where, f"{kind!r} once more, though the auction is {auction.status.value} already")
    return change.auction, change.events


def _bid_again(
    auction: Auction, bid: Bid, seen: dict[tuple[str, str], rules.Seen], cause: Cause, at: int, where: str
) -> rules.Recorded:
    key = (bid.bidder.id, bid.bid_id)
    # The bidder's standings are not in the log: one whose bid was recorded met the requirements then.
    decided = rules.place_bid(auction, bid, seen.get(key), auction.listing.requirements, cause, at)
    if isinstance(decided, rules.Recorded):
        seen[key] = rules.Seen(bid.amount, bid.kind, decided.receipt)
        return decided
    if key in seen:
        raise Difference(where, f"bid {bid.bid_id} of {bid.bidder.id} is recorded a second time")
    raise Difference(where, f"the rules refuse bid {bid.bid_id} of {bid.bidder.id}: {decided}")


Decision = Callable[[Auction, Cause, int], Any]


def _decision(kind: str, public: dict[str, Any], private: dict[str, Any]) -> Decision:
    """The rule that makes events of this kind, with what it was asked."""
    if kind == "extended_by_seller" and public["reason"] == "outage":
        outage = Outage(private["began_at"], private["ended_at"])
        return lambda auction, cause, at: rules_of_time.compensate(auction, outage, cause, at)
    if kind == "extended_by_seller" and public["reason"] == "clock_step":
        step_ms = public["by_ms"]
        return lambda auction, cause, at: rules_of_time.correct_clock(auction, step_ms, cause, at)
    if kind == "extended_by_seller":
        by_ms = private["asked_ms"]
        return lambda auction, cause, at: rules_of_time.change(auction, "extend", cause, at, by_ms)
    if kind == "paused":
        reason = public.get("reason")
        return lambda auction, cause, at: rules_of_time.change(auction, "pause", cause, at, reason=reason)
    if kind == "opened":
        stepped_ms = private["stepped_ms"]
        return lambda auction, cause, at: rules_of_time.open_auction(auction, cause, at, stepped_ms)
    return _DECISIONS[kind]


def _close(auction: Auction, cause: Cause, at: int) -> Any:
    # Before its end, or while it was paused, only the seller's own hammer can have closed it.
    early = auction.ends_at is None or at < auction.ends_at
    return rules_of_time.close(auction, cause, at, force=early)


_DECISIONS: Final[dict[str, Decision]] = {
    "resumed": lambda auction, cause, at: rules_of_time.change(auction, "resume", cause, at),
    "cancelled": lambda auction, cause, at: rules_of_time.change(auction, "cancel", cause, at),
    "sold": _close,
    "unsold": _close,
}


def _compare(made: Event, entry: Entry, where: str) -> None:
    public = msgspec.json.encode(made.public)
    if public != entry.public:
        raise Difference(where, _first_difference(made.public, entry.public))
    private = _object.decode(entry.private)
    for name in {**made.private, **private}:
        if made.private.get(name) != private.get(name):
            raise Difference(
                where, f"private {name}: the rules give {made.private.get(name)!r}, found {private.get(name)!r}"
            )


def _first_difference(made: dict[str, Any], stored: bytes) -> str:
    try:
        found = _object.decode(stored)
    except msgspec.MsgspecError as error:
        return f"cannot be read: {error}"
    for name in {**made, **found}:
        if made.get(name) != found.get(name):
            return f"{name}: the rules give {made.get(name)!r}, found {found.get(name)!r}"
    return "same fields, but not the same bytes"


def check_closing(replayed: Replayed, log: Iterable[Entry]) -> None:
    """A final auction has exactly one closing event, and it is the last; any other has none."""
    closings = [entry.id for entry in log if _object.decode(entry.public).get("kind") in CLOSINGS]
    final = replayed.auction.status.is_final
    if len(closings) != int(final):
        state = replayed.auction.status.value
        raise Difference("the log", f"has {len(closings)} closing events, though the auction is {state}")
    if final and closings != [f"{replayed.auction.seq}-0"]:
        raise Difference("the log", f"goes on after its closing event {closings[0]}")
