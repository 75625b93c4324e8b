"""What the HTTP handlers of the auction service share: the state of the application, and how they answer."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from blytz.auction.http.bids import BidRoute
from blytz.auction.http.schemas import AuctionState
from blytz.auction.model import Auction, Verb
from blytz.auction.service import AuctionService, state_for
from blytz.identity import Principal
from blytz.identity.http.callers import Connection, caller_of, operation, request_id_of, scope_of
from blytz.kit.clock import ServerClock
from blytz.kit.http.asgi import CALLER
from blytz.kit.http.litestar import Call


@dataclass(frozen=True)
class AppState:
    """`app_state` in the state of the application."""

    service: AuctionService
    clock: ServerClock
    bids: BidRoute

    def state(self, auction: Auction, reader: Principal | None) -> AuctionState:
        return msgspec.convert(state_for(auction, self.clock.now(), reader), AuctionState)


def app_state_of(connection: Connection) -> AppState:
    app_state: AppState = connection.app.state.app_state
    return app_state


async def change(
    request: Call, auction_id: str, key: str | None, verb: Verb | Literal["close"], by_ms: int = 0
) -> AuctionState:
    """The state after this change by the caller. Raises what `AuctionService` and `operation` raise."""
    requested = await operation(request, key)
    service, caller, request_id = app_state_of(request).service, caller_of(request), request_id_of(request)
    if verb == "close":
        # A second close changes nothing by itself, so the operation only serves to refuse a reused key.
        return state_for_caller(request, await service.close(caller, auction_id, request_id))
    return state_for_caller(request, await service.change(caller, auction_id, verb, request_id, by_ms, requested))


def state_for_caller(request: Call, auction: Auction) -> AuctionState:
    return app_state_of(request).state(auction, scope_of(request).get(CALLER))
