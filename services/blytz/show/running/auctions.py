"""The port to the auctions and offers that the lots of a show are sold in; `apps/` gives what is behind it. An id
tells which of the two it is of (`model.is_offer`)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from blytz.auction.model import Party, PauseReason, PreBid, Standing
from blytz.show.model import Closing, LotTerms


class Opening(Struct, frozen=True, kw_only=True):
    """All that is needed to open the auction or offer of a run."""

    auction_id: str
    show_id: str
    lot_id: str
    seller: Party
    title: str
    description: str
    images: tuple[str, ...]
    terms: LotTerms
    requirements: tuple[Standing, ...] = ()
    """What bidders must have."""
    pre_bids: tuple[PreBid, ...] = ()
    """In order of arrival."""


class Auctions(Protocol):
    """Every call may be repeated, and then changes nothing more. All raise `StoreUnavailable` and `Overloaded`."""

    async def check(self) -> None:
        """Returns when auctions can be opened now."""

    async def open(self, opening: Opening, standings: Mapping[Standing, Collection[str]]) -> None:
        """`standings` are those of the bidders that are known so far."""

    async def set_standing(
        self, auction_id: str, user_ids: Collection[str], standing: Standing, *, held: bool
    ) -> None: ...

    async def pause(self, auction_id: str, reason: PauseReason, operation_id: str) -> None:
        """One that is not open stays as it is; likewise below. The same operation is done once."""

    async def resume(self, auction_id: str, operation_id: str) -> None: ...

    async def close(self, auction_id: str) -> None:
        """Now: as the hammer would, or with the units that are sold."""

    async def cancel(self, auction_id: str) -> None: ...

    async def bid_in_rehearsal(self, auction_id: str, bidder: Party) -> None:
        """The minimum, unless the bidder leads already or the price is high enough."""

    async def closing(self, auction_id: str) -> Closing | None:
        """How it ended; None while it has not. One that is gone counts as cancelled."""

    async def closings(self, after: str) -> tuple[Sequence[Closing], str]:
        """Some of those that ended after this position of the list of all, the oldest first, and the position of
        the last one. The list only saves asking for each: it is short, so that what is far behind misses some."""

    async def left(self, offer_id: str) -> int | None:
        """Units of an offer that are not sold; None once it has ended or is gone."""
