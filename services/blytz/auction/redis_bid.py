"""One bid on its way to `place_bid.lua` and back: the only command that is sent often enough to be packed by hand.

What an auction's bids have in common is packed once; the rest is joined to it. Together with an answer that is
told at once this made the gateway's part of a bid a third cheaper (bench/README.md).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from blytz.auction.model import Bid, Cause, Code, Receipt, Refused
from blytz.auction.redis_state import corrupt
from blytz.kit.metrics import Histogram
from blytz.kit.redis_link import SEAMS, Part, pack
from blytz.kit.redis_pipe import Asked, Script

HEADS_KEPT: Final = 4_096
_OWN_ARGS: Final = 6
_encode = msgspec.json.Encoder().encode


class BidScript:
    """`keys` gives those of an auction; `ended_early` is told of one that was sold to a bid."""

    def __init__(
        self, script: Script, keys: Callable[[str], tuple[bytes, ...]], ended_early: Callable[[str], None]
    ) -> None:
        self.script = script
        self.keys = keys
        self.ended_early = ended_early
        self.durable_s: Histogram | None = None
        self._head = lru_cache(maxsize=HEADS_KEPT)(self._make_head)

    def command(self, auction_id: str, bid: Bid, cause: Cause) -> bytes:
        by, who, bidder = _encode(cause), bid.bidder.id.encode(), _encode(bid.bidder)
        bid_id, amount, kind = bid.bid_id.encode(), str(bid.amount).encode(), bid.kind.encode()
        # fmt: off
        return b"".join((
            self._head(auction_id),
            SEAMS[len(by)], by, SEAMS[len(who)], who, SEAMS[len(bidder)], bidder,
            SEAMS[len(bid_id)], bid_id, SEAMS[len(amount)], amount, SEAMS[len(kind)], kind,
            b"\r\n",
        ))
        # fmt: on

    def _make_head(self, auction_id: str) -> bytes:
        keys = self.keys(auction_id)
        parts: tuple[Part, ...] = (b"EVALSHA", self.script.sha, len(keys), *keys, auction_id)
        _, _, packed = pack(parts).partition(b"\r\n")
        return b"*%d\r\n%b" % (len(parts) + _OWN_ARGS, packed[:-2])


class Placing(Asked[Receipt | Refused]):
    __slots__ = ("_auction_id", "_bid", "_cause", "_script")

    def __init__(self, script: BidScript, auction_id: str, bid: Bid, cause: Cause) -> None:
        super().__init__()
        self._script = script
        self._auction_id = auction_id
        self._bid = bid
        self._cause = cause

    def read(self, reply: Any) -> Receipt | Refused:
        if self._script.durable_s is not None:
            self._script.durable_s.add(self.turn.age_s())
        if reply[0] == b"refused":
            return refused(reply)
        _, outcome, seq, price, minimum, leading, ends_at, replayed, status, _ = reply
        if status == b"sold" and not replayed:
            self._script.ended_early(self._auction_id)
        return Receipt(
            self._bid.bid_id, outcome.decode(), seq, price, minimum, leading == 1, ends_at, replayed == 1
        )

    def fault(self, text: str) -> Exception:
        return corrupt(text)

    def whole(self) -> bytes | None:
        bid = self._bid
        args = (
            self._auction_id,
            _encode(self._cause),
            bid.bidder.id,
            _encode(bid.bidder),
            bid.bid_id,
            bid.amount,
            bid.kind,
        )
        return self._script.script.whole(self._script.keys(self._auction_id), args)


def refused(reply: Any) -> Refused:
    """From any verb's reply."""
    _, code, seq, price, minimum, ends_at, _ = reply
    return Refused(Code(code.decode()), seq, price, minimum, int(ends_at) if ends_at else None)
