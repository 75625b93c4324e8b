"""Rebuilds an auction from its listing and its events alone."""

from collections.abc import Sequence

from blytz.auction import rules, rules_of_time
from blytz.auction.model import Auction, Bid, Cause, Event, Listing, Outage, Party, Verb

_VERBS: dict[str, Verb] = {"resumed": "resume", "cancelled": "cancel"}


def states_of(listing: Listing, events: Sequence[Event]) -> list[Auction]:
    """The auction before its first event and after each, so that `states_of(...)[seq]` is the state at `seq`.
    Fails at the first event that the rules would not have made."""
    auction = rules.scheduled(listing)
    states = [auction]
    made: list[Event] = []
    for event in events:
        if not made:
            auction, made = _again(auction, event)
        assert made.pop(0) == event, f"{event} is not what the rules make of {states[-1]}"
        # A buy-now bid makes two events in one step, with no state in between.
        states.append(auction)
    assert not made, f"the log ends before {made}"
    return states


def _again(auction: Auction, event: Event) -> tuple[Auction, list[Event]]:
    public, private, at = event.public, event.private, int(event.public["at"])
    cause = Cause(private["actor"], private["request_id"])
    decided: object
    if event.kind in ("bid", "ceiling_raised"):
        bidder = Party(**public.get("bidder", public["leader"]))
        bid = Bid(bidder, private["bid_id"], private["amount"], private["bid_kind"])
        decided = rules.place_bid(auction, bid, None, auction.listing.requirements, cause, at)
    elif event.kind == "extended_by_seller" and public["reason"] == "outage":
        decided = rules_of_time.compensate(auction, Outage(private["began_at"], private["ended_at"]), cause, at)
    elif event.kind == "extended_by_seller" and public["reason"] == "clock_step":
        decided = rules_of_time.correct_clock(auction, public["by_ms"], cause, at)
    elif event.kind == "extended_by_seller":
        decided = rules_of_time.change(auction, "extend", cause, at, private["asked_ms"])
    elif event.kind in ("sold", "unsold"):
        decided = rules_of_time.close(auction, cause, at, force=True)
    elif event.kind == "opened":
        decided = rules_of_time.open_auction(auction, cause, at, private["stepped_ms"])
    elif event.kind == "paused":
        decided = rules_of_time.change(auction, "pause", cause, at, reason=public["reason"])
    else:
        decided = rules_of_time.change(auction, _VERBS[event.kind], cause, at)
    assert isinstance(decided, rules.Change | rules.Recorded), f"{event} was refused: {decided}"
    return decided.auction, list(decided.events)
