"""One auction as a gateway follows it: its last events, its state, and who reads it."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from blytz.auction import rules
from blytz.auction.model import Auction
from blytz.live import protocol

DEPTH = 500
"""How many events back a reader may resume from; further back it gets a snapshot."""


class Topic:
    """`heard` is the last event that came in. Readers may have been given less, up to some `sent`: between the two
    lies the batch that is due. Who joins, joins at `sent`, and gets the batch like everybody else."""

    def __init__(self, auction: Auction, past: Sequence[tuple[int, bytes]]) -> None:
        """`past` is the end of the log, oldest first; it may go on beyond `auction`."""
        self.auction_id = auction.listing.auction_id
        self.name = f"auction:{self.auction_id}"
        self.epoch = auction.listing.epoch
        self.heard = auction.seq
        self._log: deque[tuple[int, bytes]] = deque(maxlen=DEPTH)
        self._state: dict[str, Any] = rules.view(auction)
        self._state_json = b""
        self._remember(past)

    def _remember(self, past: Sequence[tuple[int, bytes]]) -> None:
        """Only what leads up to the present without a hole, as the log is read by counting."""
        for seq, public in past:
            if seq > self.heard:
                break
            if self._log and seq != self._log[-1][0] + 1:
                self._log.clear()
            self._log.append((seq, public))
        if self._log and self._log[-1][0] != self.heard:
            self._log.clear()

    def take(self, seq: int, public: bytes) -> bytes | None:
        """The next event, as the message for readers. None for one that is known already; raises Gap."""
        if seq <= self.heard:
            return None
        if seq != self.heard + 1:
            raise Gap
        self.heard = seq
        self._log.append((seq, public))
        return protocol.event(self.name, public)

    def since(self, after: int, epoch: str, sent: int) -> list[bytes] | None:
        """The events with `after < seq <= sent`, or None when they are not all here."""
        if epoch != self.epoch or not 0 <= after <= sent:
            return None
        oldest = self._log[0][0] if self._log else self.heard + 1
        if after < oldest - 1:
            return None
        return [public for _, public in islice(self._log, after - oldest + 1, sent - oldest + 1)]

    def reaches(self, sent: int) -> bool:
        """Can the state at `sent` still be told? Not when more is due than is remembered."""
        return bool(self._state["seq"] == sent or (self._log and self._log[0][0] <= sent))

    def state_json(self, sent: int) -> bytes:
        """The public state at `sent`, without `server_at`; made when somebody asks and something changed."""
        if self._state["seq"] != sent or not self._state_json:
            if self._state["seq"] != sent:
                _, last = self._log[sent - self._log[0][0]]
                event = msgspec.json.decode(last)
                # It carries the whole changing part of the state, under the state's own names: laid over any
                # earlier state, it gives the present one.
                self._state.update((name, event[name]) for name in event.keys() & self._state.keys())
            self._state_json = protocol.encode(self._state)
        return self._state_json


class Gap(Exception):
    """An event is missing before this one; the log in Redis has it."""
