"""The port through which topics read auctions (adapter: `live/redis/events.py`)."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from blytz.auction.model import Auction

Entry = tuple[int, bytes]
"""`seq` and public JSON of an event, as they stand in the log."""


class Reading(Struct, frozen=True):
    """An auction and events of its log, read from the same dataset."""

    auction: Auction | None
    """None when there is no such auction."""
    events: Sequence[Entry]
    """Oldest first."""
    dataset: str


class Source(Protocol):
    """`dataset` and `read` raise `StoreUnavailable` and `Overloaded`."""

    def subscribe(self, auction_id: str) -> None: ...

    def unsubscribe(self, auction_id: str) -> None: ...

    async def dataset(self) -> str:
        """The name of the stored data, the same for all gateways. It changes whenever recorded events may have
        been lost, and may change when none was."""

    async def read(self, auction_id: str, after: int | None, limit: int) -> Reading:
        """The auction and at most `limit` events: the first with `after < seq`, or the newest if `after` is None.
        Raises `CorruptAuction` too."""
