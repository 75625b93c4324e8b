"""Who may see the auctions of rehearsals: their sellers, the moderators of their shows, and those of the platform.

Ids say which auctions these are, so nothing is asked for any other."""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from blytz.auction.model import Auction, is_rehearsal

ModeratorsOf = Callable[[str], Awaitable[Collection[str]]]
"""The users who are named as moderators of the show that has this auction, while it is not over. Raises
`StoreUnavailable` and `Overloaded`."""
ROLES: Final = ("moderator", "admin")
"""Who has one of them on the platform sees every rehearsal."""


async def no_moderators(auction_id: str) -> Collection[str]:  # noqa: ARG001 - of the port
    """For a platform without shows."""
    return ()


async def readers_of(auction: Auction, moderators: ModeratorsOf) -> Collection[str] | None:
    """The users who may see it, besides those with one of `ROLES`; None for everybody."""
    listing = auction.listing
    if not is_rehearsal(listing.auction_id):
        return None
    return {listing.seller.id, *await moderators(listing.auction_id)}
