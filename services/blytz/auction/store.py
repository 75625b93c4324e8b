"""The port through which everything reaches an auction. Two adapters keep the same promises: `RedisStore`
(auction/redis/store.py), and one in memory for tests (tests/support/memory_store.py)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from blytz.auction.model import (
    MAX_PRE_BIDS,
    Auction,
    Bid,
    Cause,
    Event,
    Listing,
    NotYet,
    Outage,
    PauseReason,
    PreBid,
    Receipt,
    Refused,
    Standing,
    Status,
    Verb,
)
from blytz.kit.answer import Answer
from blytz.kit.problems import CorruptRecord


class CorruptAuction(CorruptRecord):
    """The stored auction is not valid (wrong type, number out of range). Nothing was written."""

    status, code, title = 500, "corrupt_auction", "The stored auction is not valid; nothing was changed"


class Closed(Struct, frozen=True):
    """The auction is over. `event` is its one closing event, however often the hammer falls."""

    status: Status
    event: Event


class Page(Struct, frozen=True):
    auctions: Sequence[Auction]
    cursor: str | None
    """Pass it to get the next page; None at the end."""


NO_STANDINGS: Final[Mapping[Standing, Collection[str]]] = {}


def check_pre_bids(listing: Listing, pre_bids: Sequence[PreBid]) -> None:
    """For adapters: raises `ValueError` where `create` says so."""
    if len(pre_bids) > MAX_PRE_BIDS:
        raise ValueError(f"an auction opens with at most {MAX_PRE_BIDS} pre-bids")
    if pre_bids and listing.starts_at is not None:
        raise ValueError("only an auction that opens at once takes pre-bids")


class AuctionStore(Protocol):
    """Every verb is atomic: it decides, records and announces in one step, or does nothing.

    All raise `StoreUnavailable`, `Overloaded` and `CorruptAuction`. No permissions are checked here:
    that is the service's work.
    """

    async def create(
        self,
        listing: Listing,
        cause: Cause,
        operation_id: str = "",
        *,
        standings: Mapping[Standing, Collection[str]] = NO_STANDINGS,
        pre_bids: Sequence[PreBid] = (),
    ) -> Auction:
        """Record the auction and open it when its time has come. The same id again changes nothing. With an
        `operation_id`, a repetition within 24 hours gets the first answer; it raises `NotFound` when the auction
        has been deleted meanwhile.

        `standings` gives the ids of the bidders who have each from the start. `pre_bids`, at most `MAX_PRE_BIDS`,
        are decided in this order in the step that opens the auction; whether one counts, `receipt` tells. Raises
        `ValueError` for more, and for an auction with `starts_at`, which is opened by the hammer."""

    async def open(self, auction_id: str, cause: Cause) -> Auction | NotYet | Refused:
        """Open a scheduled auction whose `starts_at` has passed; one already open is left as it is."""

    def place_bid(self, auction_id: str, bid: Bid, cause: Cause) -> Answer[Receipt | Refused]:
        """Decide one bid. The result means it is durable (protocol, section 5); else `NotDurable`."""

    async def change(
        self,
        auction_id: str,
        verb: Verb,
        cause: Cause,
        by_ms: int = 0,
        operation_id: str = "",
        reason: PauseReason = "seller",
    ) -> Auction | Refused:
        """Do what a seller asks for; `by_ms` is for `extend`, `reason` for `pause`. With an `operation_id`,
        a repetition within 24 hours of one that was not refused changes nothing and gets the first answer."""

    async def close(
        self, auction_id: str, cause: Cause, *, force: bool = False, outage: Outage | None = None
    ) -> Closed | NotYet | Refused:
        """Let the hammer fall. Before `ends_at` only `force` (the seller's own hammer) closes. The time of an
        `outage` that the auction has not got back is given back first, in the same step."""

    async def set_standing(
        self, auction_id: str, bidder_ids: Collection[str], standing: Standing, *, held: bool = True
    ) -> None:
        """Say that these bidders have this standing on this auction from now on, or, with `held` False, that they
        no longer have it. It decides every later bid; bids that were recorded stay. Safe to repeat."""

    async def get(self, auction_id: str) -> Auction | None: ...

    async def list(self, status: Status | None, cursor: str | None, limit: int) -> Page:
        """Newest first. A page may be short, even empty, while `cursor` says there is more."""

    async def events(self, auction_id: str, after: int, limit: int) -> Sequence[Event]:
        """Events with `after < seq`, oldest first, at most `limit`."""

    async def receipt(self, auction_id: str, bidder_id: str, bid_id: str) -> Receipt | None:
        """The answer to this recorded bid, if there was one."""

    async def now(self) -> int:
        """The store's clock, which alone decides (milliseconds since the Unix epoch)."""
