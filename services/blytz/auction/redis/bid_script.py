"""One bid on its way to `place_bid.lua` and back: the only command that is sent often enough to be packed by hand.

What the bids of an auction have in common is packed once, and what those of a bidder have; the rest is joined to
it. Together with an answer that is passed on at once this took a quarter off the Python of a bid (decision 0005).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, get_args

import msgspec

from blytz.auction.model import Bid, BidKind, Cause, Code, Party, Receipt, Refused
from blytz.auction.redis.state import corrupt, text
from blytz.kit.redis.link import LENGTH_HEADERS, Part, pack
from blytz.kit.redis.pipe import RedisPipe, Script, Turn
from blytz.kit.telemetry.metrics import Histogram

MAX_CACHED: Final = 4_096
"""Auctions, and bidders, whose part of a command is cached."""
ARGS_AFTER_ID: Final = 7
"""Arguments of the script that follow the auction's id."""
Placed = tuple[str, Bid, Cause]
_encode = msgspec.json.Encoder().encode


class BidScript:
    """Makes the command, and reads the reply (`ReplyReader` in `kit/redis/pipe.py`). `keys` gives those of an
    auction; `ended_early` is called for an auction that was sold to a bid; `expected` gives the time for the check
    of the clock, in ms; `checked` raises where a refusal may not be passed on."""

    def __init__(
        self,
        script: Script,
        pipe: RedisPipe,
        keys: Callable[[str], tuple[bytes, ...]],
        ended_early: Callable[[str], None],
        expected: Callable[[], int | None],
        checked: Callable[[Refused], Refused],
    ) -> None:
        self._script = script
        self._pipe = pipe
        self._time_of_turn, self._time = -1, b""
        self._keys = keys
        self._ended_early = ended_early
        self._expected = expected
        self._checked = checked
        self._head = lru_cache(maxsize=MAX_CACHED)(self._make_head)
        self.durable_s = Histogram("", "")

    def command(self, auction_id: str, bid: Bid, cause: Cause) -> bytes:
        by, bid_id, amount = _encode(cause), bid.bid_id.encode(), str(bid.amount).encode()
        # fmt: off
        return b"".join((
            self._head(auction_id), LENGTH_HEADERS[len(by)], by, self._packed_time(),
            _pack_bidder(bid.bidder),
            LENGTH_HEADERS[len(bid_id)], bid_id, LENGTH_HEADERS[len(amount)], amount, _TAILS[bid.kind],
        ))
        # fmt: on

    def read(self, request: Placed, reply: Any, turn: Turn) -> Receipt | Refused:
        self.durable_s.add(turn.age_s())
        if reply[0] == b"refused":
            return self._checked(refused(reply))
        _, outcome, seq, price, minimum, leading, ends_at, replayed, status, _ = reply
        if status == b"sold" and not replayed:
            self._ended_early(request[0])
        bid_id = request[1].bid_id
        return Receipt(bid_id, outcome.decode(), seq, price, minimum, leading == 1, ends_at, replayed == 1)

    def fault(self, text: str) -> Exception:
        return corrupt(text)

    def with_source(self, request: Placed) -> bytes:
        auction_id, bid, cause = request
        bidder = bid.bidder
        by = (auction_id, _encode(cause), text(self._expected()))
        args = (*by, bidder.id, _encode(bidder), bid.bid_id, bid.amount, bid.kind)
        return self._script.with_source(self._keys(auction_id), args)

    def _packed_time(self) -> bytes:
        """The same for all bids that leave in one write."""
        if self._time_of_turn != self._pipe.turns:
            self._time_of_turn, self._time = self._pipe.turns, _without_count((text(self._expected()),))
        return self._time

    def _make_head(self, auction_id: str) -> bytes:
        keys = self._keys(auction_id)
        parts: tuple[Part, ...] = (b"EVALSHA", self._script.sha, len(keys), *keys, auction_id)
        return b"*%d" % (len(parts) + ARGS_AFTER_ID) + _without_count(parts)


@lru_cache(maxsize=MAX_CACHED)
def _pack_bidder(bidder: Party) -> bytes:
    return _without_count((bidder.id, _encode(bidder)))


def _without_count(parts: tuple[Part, ...]) -> bytes:
    """From the end of the line that counts the parts to where the last of them ends."""
    packed = pack(parts)
    return packed[packed.index(b"\r\n") : -2]


_TAILS: Final = {kind: _without_count((kind,)) + b"\r\n" for kind in get_args(BidKind)}


def refused(reply: Any) -> Refused:
    """From any verb's reply."""
    _, code, seq, price, minimum, ends_at, _ = reply
    return Refused(Code(code.decode()), seq, price, minimum, int(ends_at) if ends_at else None)
