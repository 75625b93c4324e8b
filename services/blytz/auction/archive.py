"""The ports of the archive: where closed auctions are kept for good, and what Redis still holds of them.

An auction is copied once, with its log as it stood in Redis, byte for byte; a copy never changes. Adapters:
`auction/sql/store.py` and `auction/redis/closed.py`.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from blytz.auction.model import Auction, Event, Status
from blytz.auction.replay import Difference, Entry, check_closing, replay
from blytz.auction.rules import Seen


class Copy(Struct, frozen=True):
    """All that is kept of a closed auction: its final state, its whole log, and the answer to each recorded bid by
    (bidder id, bid_id). State and answers follow from the log; they are kept so that reading needs no replay."""

    auction: Auction
    log: Sequence[Entry]
    seen: dict[tuple[str, str], Seen]


def check_copy(copy: Copy) -> None:
    """Decide every event again. Raises `Difference` unless the log gives this state and these answers. Takes about
    80 us of CPU an event."""
    replayed = replay(copy.auction.listing, copy.log)
    check_closing(replayed, copy.log)
    if replayed.auction != copy.auction:
        raise Difference("the final state", f"the log gives {replayed.auction}, found {copy.auction}")
    if replayed.seen != copy.seen:
        raise Difference("the receipts", "are not those that the log gives")


class AuctionArchive(Protocol):
    """Every call raises `StoreUnavailable` and `Overloaded`. Ids are compared byte by byte."""

    async def add(self, copy: Copy) -> None:
        """Keep it for good. One that is there already stays as it is."""

    async def copy(self, auction_id: str) -> Copy | None:
        """Everything, as it was added. Raises `Difference` when the stored log has another hash than when it was
        added, or cannot be read."""

    async def get(self, auction_id: str) -> Auction | None: ...

    async def page(self, status: Status | None, before: str | None, limit: int) -> Sequence[Auction]:
        """At most `limit`, the newest first, with ids below `before`."""

    async def events(self, auction_id: str, after: int, limit: int) -> Sequence[Event]:
        """Events with `after < seq`, oldest first, at most `limit`."""

    async def seen(self, auction_id: str, bidder_id: str, bid_id: str) -> Seen | None:
        """What is known of this recorded bid, if there was one."""


class HeldAuction(Protocol):
    """All that Redis holds of one closed auction, as it was read. Both checks take CPU in proportion to the log;
    they may run in another thread."""

    def replayed(self) -> Copy:
        """Decide every event again. Raises `Difference` unless state and receipts follow from the log, and the
        auction is closed. Takes about 80 us of CPU an event."""

    def check_against(self, copy: Copy) -> None:
        """Raises `Difference` unless the copy has this state, this log and these receipts."""


class ClosedAuctions(Protocol):
    """The closed auctions in Redis: those to be archived, and those that are archived and still held. Every call
    raises `StoreUnavailable` and `Overloaded`."""

    async def to_archive(self, limit: int) -> Sequence[str]:
        """Those that have been closed the longest."""

    async def to_release(self, limit: int) -> Sequence[str]:
        """Archived ones that Redis need not hold any longer."""

    async def counts(self) -> tuple[int, int]:
        """How many closed auctions Redis holds, and for how many ms the oldest has waited for the archive."""

    async def read(self, auction_id: str) -> HeldAuction | None:
        """None when there is nothing left of it. Raises `Difference` when it cannot be read."""

    async def set_archived(self, auction_id: str, closed_at: int) -> None:
        """It is in the archive, and was closed then."""

    async def set_unarchived(self, auction_id: str) -> None:
        """The archive has lost it: archive it again."""

    async def postpone(self, auction_id: str) -> None:
        """Archive it, or compare it with its copy, again in an hour: a person has to look at it."""

    async def release(self, auction_id: str) -> bool:
        """Delete everything of it, in steps that may be repeated; False when Redis has it as not closed."""
