"""The state hash of an auction in Redis: how a new auction writes it, and how it is read."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import structlog

from blytz.auction.model import Auction, Listing, Party, PreBid, Status
from blytz.auction.store import CorruptAuction
from blytz.kit.redis.link import Part

log = structlog.get_logger()
_json = msgspec.json.Encoder()
_listing = msgspec.json.Decoder(Listing)
_party = msgspec.json.Decoder(Party)


def corrupt(text: str) -> CorruptAuction:
    """Logs what is not valid in Redis, and returns the exception for it."""
    log.error("corrupt_auction", error=text)
    return CorruptAuction()


def text(number: int | None) -> str:
    """A number as an argument of the scripts; '' when there is none."""
    return "" if number is None else str(number)


def new_state(listing: Listing) -> list[Part]:
    """The state hash of a new auction, as field, value, field, value. What scripts decide by stands in fields
    of its own; the listing as a whole is for readers."""
    terms = listing.terms
    state: dict[str, Part] = {
        "listing": _json.encode(listing),
        "seller_id": listing.seller.id,
        "starts_at": text(listing.starts_at),
        "start_price": terms.start_price,
        "reserve_price": text(terms.reserve_price),
        "buy_now_price": text(terms.buy_now_price),
        "increments": " ".join(f"{price}:{step}" for price, step in terms.increments),
        "ending": terms.ending,
        "duration_ms": terms.duration_ms,
        "extension_window_ms": terms.extension_window_ms,
        "extension_ms": terms.extension_ms,
        "max_total_ms": text(terms.max_total_ms),
        "status": Status.SCHEDULED.value,
        **dict.fromkeys(("seq", "clock", "price", "ceiling", "bid_count", "compensated_until", "stepped_ms"), 0),
        **dict.fromkeys(("leader", "leader_id", "opened_at", "ends_at", "hard_stop_at"), ""),
        **dict.fromkeys(("paused_at", "remaining_ms", "pauses"), ""),
    }
    if listing.requirements:
        state["requirements"] = " ".join(listing.requirements)
    return [part for pair in state.items() for part in pair]


def packed_pre_bids(pre_bids: Sequence[PreBid]) -> list[Part]:
    """Four arguments of open.lua for each: bidder id, bidder, bid_id, amount."""
    encode = _json.encode
    parts = ((each.bidder.id, encode(each.bidder), each.bid_id, each.amount) for each in pre_bids)
    return list(chain.from_iterable(parts))


def whole(digits: bytes) -> int:
    """As strict as the scripts: to `int` alone, '7 ', '+7' and '1_0' are numbers too."""
    number = int(digits)
    if str(number).encode() != digits or not 0 <= number < 2**53:
        raise ValueError(digits)
    return number


def pauses_of(stored: bytes) -> tuple[tuple[int, int], ...]:
    """From `paused_at:resumed_at ...`."""
    pairs = (pair.split(b":") for pair in stored.split(b" ") if stored)
    return tuple((whole(paused_at), whole(resumed_at)) for paused_at, resumed_at in pairs)


def auction_of(reply: Any) -> Auction | None:
    """The state hash as it comes from HGETALL."""
    if not reply:
        return None
    state = {name.decode(): value for name, value in zip(reply[::2], reply[1::2], strict=True)}

    def maybe(name: str) -> int | None:
        return whole(state[name]) if state[name] else None

    try:
        return Auction(
            listing=_listing.decode(state["listing"]),
            status=Status(state["status"].decode()),
            seq=whole(state["seq"]),
            clock=whole(state["clock"]),
            price=whole(state["price"]),
            leader=_party.decode(state["leader"]) if state["leader"] else None,
            ceiling=whole(state["ceiling"]),
            bid_count=whole(state["bid_count"]),
            opened_at=maybe("opened_at"),
            ends_at=maybe("ends_at"),
            hard_stop_at=maybe("hard_stop_at"),
            paused_at=maybe("paused_at"),
            remaining_ms=maybe("remaining_ms"),
            pauses=pauses_of(state["pauses"]),
            compensated_until=whole(state["compensated_until"]),
            stepped_ms=int(state["stepped_ms"]),
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise corrupt(f"{state.get('listing', b'')[:80]!r}: {error!r}") from error
