"""How a copy stands in the tables: JSON, compressed. A log is lines of `{"public":…,"private":…}`, in chunks of
`EVENTS_IN_CHUNK`, so that reading some events unpacks little. Public and private parts keep their bytes."""

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from blytz.auction.archive import Copy
from blytz.auction.model import Auction, Event
from blytz.auction.replay import Difference, Entry
from blytz.auction.rules import Seen

EVENTS_IN_CHUNK: Final = 500


class _Line(Struct, frozen=True):
    public: Raw
    private: Raw


class Row(Struct, frozen=True):
    """What is stored besides the log."""

    state: bytes
    receipts: bytes
    events: int
    log_sha256: str


Receipts = list[tuple[str, str, Seen]]
"""Bidder id, bid_id, the answer."""

_encode = msgspec.json.Encoder().encode
_lines = msgspec.json.Decoder(_Line)
_auction = msgspec.json.Decoder(Auction)
_receipts = msgspec.json.Decoder(Receipts)
_object = msgspec.json.Decoder(dict[str, Any])


def packed(copy: Copy) -> tuple[Row, list[bytes]]:
    """The row, and the chunks of the log. Takes about 3 us of CPU an event."""
    chunks, digest = [], hashlib.sha256()
    for first in range(0, len(copy.log), EVENTS_IN_CHUNK):
        lines = b"".join(
            b'{"public":%b,"private":%b}\n' % (entry.public, entry.private)
            for entry in copy.log[first : first + EVENTS_IN_CHUNK]
        )
        digest.update(lines)
        chunks.append(zlib.compress(lines))
    receipts: Receipts = [(*key, seen) for key, seen in copy.seen.items()]
    state, answers = zlib.compress(_encode(copy.auction)), zlib.compress(_encode(receipts))
    return Row(state, answers, len(copy.log), digest.hexdigest()), chunks


def unpacked(row: Row, chunks: Sequence[bytes]) -> Copy:
    """Raises `Difference` when something cannot be read, or the log has another hash or length."""
    try:
        texts = [zlib.decompress(chunk) for chunk in chunks]
        log = [entry for chunk in texts for entry in _entries(chunk)]
        seen = {(bidder_id, bid_id): each for bidder_id, bid_id, each in receipts_of(row.receipts)}
        auction = auction_of(row.state)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise Difference("the archive", f"cannot be read: {error}") from error
    found = hashlib.sha256(b"".join(texts)).hexdigest()
    if (found, len(log)) != (row.log_sha256, row.events):
        raise Difference("the archive", f"has {len(log)} of {row.events} events, and a log of hash {found}")
    numbered = [Entry(f"{seq}-0", entry.public, entry.private) for seq, entry in enumerate(log, start=1)]
    return Copy(auction, numbered, seen)


def auction_of(state: bytes) -> Auction:
    return _auction.decode(zlib.decompress(state))


def receipts_of(receipts: bytes) -> Receipts:
    return _receipts.decode(zlib.decompress(receipts))


def events_of(chunk: bytes, first_seq: int, after: int, limit: int) -> list[Event]:
    """At most `limit` events with `after < seq` of a chunk that begins at `first_seq`."""
    skipped = max(0, after + 1 - first_seq)
    lines = _lines.decode_lines(zlib.decompress(chunk))[skipped : skipped + limit]
    return [Event(_object.decode(line.public), _object.decode(line.private)) for line in lines]


def _entries(lines: bytes) -> list[Entry]:
    return [Entry("", bytes(line.public), bytes(line.private)) for line in _lines.decode_lines(lines)]
