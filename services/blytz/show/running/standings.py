"""Which bidders a seller takes: told to the auctions of open lots, and to the chats of shows, at once."""

from collections.abc import Collection, Mapping
from typing import Protocol

from blytz.auction.model import Standing
from blytz.show.running.auctions import Auctions
from blytz.show.running.store import RunStore
from blytz.show.store import People


class Chats(Protocol):
    """Raises `StoreUnavailable` and `Overloaded`."""

    async def set_blocked(self, show_id: str, user_ids: Collection[str], *, held: bool = True) -> None:
        """Who may not speak in this show."""


async def standings_of(people: People, show_id: str, seller_id: str) -> Mapping[Standing, Collection[str]]:
    """Of a lot that opens now."""
    return {
        Standing.BLOCKED: await people.blocked(seller_id),
        Standing.APPROVED: await people.approved(show_id),
    }


class StandingChanges:
    """Called once the change is stored, and again when the call is repeated. A lot that opens meanwhile misses
    nothing: either it is open already and told, or it reads what is stored."""

    def __init__(self, runs: RunStore, auctions: Auctions, chats: Chats) -> None:
        self._runs = runs
        self._auctions = auctions
        self._chats = chats

    async def on_block(self, seller_id: str, user_id: str, is_blocked: bool) -> None:
        for auction_id in await self._runs.open_auctions(seller_id=seller_id):
            await self._auctions.set_standing(auction_id, [user_id], Standing.BLOCKED, held=is_blocked)
        for show_id in await self._runs.shows_on(seller_id):
            await self._chats.set_blocked(show_id, [user_id], held=is_blocked)

    async def on_approval(self, show_id: str, user_id: str, is_approved: bool) -> None:
        for auction_id in await self._runs.open_auctions(show_id=show_id):
            await self._auctions.set_standing(auction_id, [user_id], Standing.APPROVED, held=is_approved)
