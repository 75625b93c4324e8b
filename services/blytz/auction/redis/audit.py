"""Reads everything that Redis holds of one auction and compares it with a replay of its log.

Shares no code with the scripts and with `state.py` on purpose: an auditor that shares the code of what it audits
shares its mistakes. Only the names of the keys come from there.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct

from blytz.auction.model import Auction, Listing
from blytz.auction.redis.keys import INDEX, keys_of
from blytz.auction.replay import Difference, Entry, Replayed, check_closing, replay
from blytz.auction.rules import Seen

if TYPE_CHECKING:
    from redis import Redis

PAGE = 1_000
_party = msgspec.json.Encoder()
_listing = msgspec.json.Decoder(Listing)


class Record(Struct, frozen=True):
    """All that is stored of one auction, as it stood at one moment."""

    auction_id: str
    state: dict[str, bytes]
    log: list[Entry]
    bids: dict[str, str]
    """`<bid_id>:<bidder id>` -> the answer to the bid."""


def auction_ids(redis: "Redis") -> Iterator[str]:
    """Every auction that Redis knows, oldest first."""
    last = "-"
    while page := cast("list[bytes]", redis.zrange(INDEX, last, "+", bylex=True, offset=0, num=PAGE)):
        yield from (auction_id.decode() for auction_id in page)
        last = f"({page[-1].decode()}"


def read(redis: "Redis", auction_id: str) -> Record | None:
    """None when there is no such auction. State and receipts are of one moment; the log is read up to it."""
    keys = keys_of(auction_id)
    with redis.pipeline(transaction=True) as step:
        step.hgetall(keys.state)
        step.hgetall(keys.bids)
        step.xlen(keys.events)
        state, bids, entries = step.execute()
    if not state:
        return None
    return Record(
        auction_id=auction_id,
        state={name.decode(): value for name, value in state.items()},
        log=list(_log(redis, keys.events, entries)),
        bids={name.decode(): answer.decode() for name, answer in bids.items()},
    )


def _log(redis: "Redis", key: bytes, entries: int) -> Iterator[Entry]:
    """The first `entries` of the log: what came later belongs to a later state."""
    last = "-"
    while entries > 0:
        page: list[Any] = cast("list[Any]", redis.xrange(key, min=last, max="+", count=min(PAGE, entries)))
        if not page:
            return
        for entry_id, fields in page:
            yield Entry(entry_id.decode(), fields.get(b"public", b""), fields.get(b"private", b""))
        entries -= len(page)
        last = f"({page[-1][0].decode()}"


def verify(record: Record) -> Replayed:
    """Raises `Difference` with the first thing that is not as the rules make it."""
    replayed = replay(_listing_of(record), record.log)
    check_closing(replayed, record.log)
    compare(record, replayed.auction, replayed.seen)
    return replayed


def compare(record: Record, auction: Auction, seen: Mapping[tuple[str, str], Seen]) -> None:
    """Raises `Difference` with the first part of the state, and the first receipt, that is not as given."""
    if _listing_of(record) != auction.listing:
        raise Difference("state listing", "is another one")
    _compare("receipt", receipts_of(seen), record.bids)
    found = {name: value.decode(errors="backslashreplace") for name, value in record.state.items()}
    del found["listing"]
    _compare("state", state_of(auction), found)


def _listing_of(record: Record) -> Listing:
    try:
        listing = _listing.decode(record.state.get("listing", b""))
    except msgspec.MsgspecError as error:
        raise Difference("state listing", f"cannot be read: {error}") from error
    if listing.auction_id != record.auction_id:
        raise Difference("state listing", f"is the listing of {listing.auction_id}")
    return listing


def _compare(what: str, made: Mapping[str, str], found: Mapping[str, str]) -> None:
    for name in {**made, **found}:
        if name not in found:
            raise Difference(f"{what} {name}", "is missing")
        if name not in made:
            raise Difference(f"{what} {name}", f"nothing in the log accounts for {found[name]!r}")
        if made[name] != found[name]:
            raise Difference(f"{what} {name}", f"the log gives {made[name]!r}, found {found[name]!r}")


def receipts_of(recorded: Mapping[tuple[str, str], Seen]) -> dict[str, str]:
    """The hash of receipts of these bids."""
    receipts = {}
    for (bidder_id, bid_id), seen in recorded.items():
        receipt = seen.receipt
        parts = (seen.amount, seen.kind, receipt.outcome, receipt.seq, receipt.price, receipt.minimum)
        receipts[f"{bid_id}:{bidder_id}"] = " ".join(map(str, (*parts, int(receipt.leading), receipt.ends_at)))
    return receipts


def state_of(auction: Auction) -> dict[str, str]:
    """The state hash that this log makes, without the listing: terms that scripts decide by, then what changes."""
    terms, leader = auction.listing.terms, auction.leader
    fields: dict[str, object] = {
        "seller_id": auction.listing.seller.id,
        "starts_at": auction.listing.starts_at,
        "start_price": terms.start_price,
        "reserve_price": terms.reserve_price,
        "buy_now_price": terms.buy_now_price,
        "increments": " ".join(f"{price}:{step}" for price, step in terms.increments),
        "ending": terms.ending,
        "duration_ms": terms.duration_ms,
        "extension_window_ms": terms.extension_window_ms,
        "extension_ms": terms.extension_ms,
        "max_total_ms": terms.max_total_ms,
        "status": auction.status.value,
        "seq": auction.seq,
        "clock": auction.clock,
        "stepped_ms": auction.stepped_ms,
        "price": auction.price,
        "leader": _party.encode(leader).decode() if leader else None,
        "leader_id": leader.id if leader else None,
        "ceiling": auction.ceiling,
        "bid_count": auction.bid_count,
        "opened_at": auction.opened_at,
        "ends_at": auction.ends_at,
        "hard_stop_at": auction.hard_stop_at,
        "paused_at": auction.paused_at,
        "remaining_ms": auction.remaining_ms,
        "pauses": " ".join(f"{paused_at}:{resumed_at}" for paused_at, resumed_at in auction.pauses),
        "compensated_until": auction.compensated_until,
    }
    if auction.listing.requirements:
        fields["requirements"] = " ".join(auction.listing.requirements)
    return {name: "" if value is None else str(value) for name, value in fields.items()}
