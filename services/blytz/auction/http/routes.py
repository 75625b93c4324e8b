"""The HTTP calls of the auction service (protocol, section 3)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from litestar import Controller, Litestar, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

import blytz
from blytz.auction.http import examples
from blytz.auction.http import responses as answers
from blytz.auction.http.app_state import (
    AppState,
    app_state_of,
    change,
    state_for_caller,
)
from blytz.auction.http.bids import BidRoute, is_bid
from blytz.auction.http.schemas import (
    MAX_EVENTS,
    After,
    AuctionId,
    AuctionPage,
    AuctionState,
    EventLimit,
    Events,
    EventView,
    Extension,
    NewAuction,
    NewBid,
    StatusFilter,
    read_extension,
    read_new_auction,
    read_new_bid,
)
from blytz.auction.model import Receipt, Verb
from blytz.auction.service import AuctionService
from blytz.identity.http.callers import SIGNED_IN, Access, caller_of, operation, optional_caller, request_id_of
from blytz.identity.http.routes import identity_routes
from blytz.kit.clock import ServerClock
from blytz.kit.http.asgi import AnswerCounts, App, Front, Receive, Scope, Send
from blytz.kit.http.cors import Cors
from blytz.kit.http.empty_body import refuse_body
from blytz.kit.http.fields import Cursor, IdempotencyKey, PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, litestar, spec
from blytz.kit.http.operator import Check, operator_routes
from blytz.kit.http.origins import Origins
from blytz.kit.http.responses import Responses
from blytz.kit.ids import new_id
from blytz.kit.telemetry.metrics import Metrics


def _verb(verb: Verb | Literal["close"], summary: str, effect: str, responses: Responses) -> HTTPRouteHandler:
    """The route of a change that takes no body."""

    async def handler(
        _: Any, request: Call, auction_id: AuctionId, idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        await refuse_body(request)
        return await change(request, auction_id, idempotency_key, verb)

    handler.__doc__ = effect
    about = spec(f"{verb}Auction", summary, responses)
    return post(f"/{{auction_id:str}}/{verb}", status_code=200, **about, **SIGNED_IN)(handler)


class Auctions(Controller):
    """Reading is for anyone, creating for sellers, what is done to an auction for its seller and for admins."""

    path = "/v1/auctions"
    tags = ("auctions",)

    pause = _verb("pause", "Stop the clock", "The remaining time is kept.", answers.PAUSE)
    resume = _verb("resume", "Let the clock run", "With the time that remained.", answers.RESUME)
    cancel = _verb("cancel", "Cancel the auction", "Final: there is no winner.", answers.CANCEL)
    close = _verb(
        "close",
        "Hammer now",
        "Sold to the leader when the reserve is met, whatever the clock says.",
        answers.CLOSE,
    )

    @post(
        "/{auction_id:str}/extend",
        status_code=200,
        **spec("extendAuction", "Give it more time", answers.EXTEND, read_extension),
        **SIGNED_IN,
    )
    async def extend(
        self,
        request: Call,
        auction_id: AuctionId,
        data: JSONBody[Extension],
        idempotency_key: IdempotencyKey = None,
    ) -> AuctionState:
        """As far as the hard stop allows."""
        return await change(request, auction_id, idempotency_key, "extend", data.by_ms)

    @get(**spec("listAuctions", "A page of auctions", answers.LIST))
    async def page(
        self, request: Call, status: StatusFilter = None, cursor: Cursor = None, limit: PageLimit = 20
    ) -> AuctionPage:
        """Newest first."""
        reader, app_state = await optional_caller(request), app_state_of(request)
        auctions, following = await app_state.service.list(status, cursor, limit)
        return AuctionPage([app_state.state(auction, reader) for auction in auctions], following)

    @post(**spec("createAuction", "Sell something", answers.CREATE, read_new_auction), **SIGNED_IN)
    async def create(
        self, request: Call, data: JSONBody[NewAuction], idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        """Open at once, unless `starts_at` is ahead."""
        auction = await app_state_of(request).service.open(
            caller_of(request),
            data.title,
            data.terms,
            request_id_of(request),
            starts_at=data.starts_at,
            description=data.description,
            image_urls=data.image_urls,
            operation=await operation(request, idempotency_key, new_id("auc")),
        )
        return state_for_caller(request, auction)

    @get("/{auction_id:str}", **spec("getAuction", "The state of one auction", answers.READ))
    async def state(self, request: Call, auction_id: AuctionId) -> AuctionState:
        """With `your_ceiling` when the token is its leader's. An auction of a rehearsal is there only for
        its seller, moderators and admins."""
        reader = await optional_caller(request)
        return state_for_caller(request, await app_state_of(request).service.get(auction_id, reader))

    @get("/{auction_id:str}/events", **spec("listEvents", "What happened, in order", answers.EVENTS))
    async def events(
        self, request: Call, auction_id: AuctionId, after: After = 0, limit: EventLimit = MAX_EVENTS
    ) -> Events:
        """The public part of the events with `after < seq`; those of a rehearsal only for its seller, moderators
        and admins."""
        reader = await optional_caller(request)
        auction, events = await app_state_of(request).service.events(auction_id, reader, after, limit)
        # The log may have grown since the state was read.
        last = max([auction.seq, *(event.seq for event in events)])
        return Events(msgspec.convert([event.public for event in events], list[EventView]), last)

    @post("/{auction_id:str}/bids", **spec("placeBid", "Bid", answers.BID, read_new_bid), **SIGNED_IN)
    async def bid(self, request: Call, auction_id: AuctionId, data: JSONBody[NewBid]) -> Receipt:
        """201 means recorded and on disk, as the leader (`accepted`) or not (`outbid`)."""
        bids = app_state_of(request).bids
        return await bids.decide(caller_of(request), auction_id, data, request_id_of(request))


def application(
    service: AuctionService,
    access: Access,
    clock: ServerClock,
    metrics: Metrics,
    dependencies: Mapping[str, Check],
    origins: Origins | None = None,
    others: Sequence[RouteGroup] = (),
) -> App:
    """The whole service as one ASGI application, with the calls of `others`."""
    counts = AnswerCounts(metrics)
    bids = BidRoute(service, access.identity, counts, metrics)
    groups = [
        auction_routes(AppState(service, clock, bids)),
        identity_routes(access, dev=access.issuer is not None),
        operator_routes(metrics, dependencies),
        *others,
    ]
    front = Front(cast("App", litestar_app(groups)), counts)

    def app(scope: Scope, receive: Receive, send: Send) -> Any:
        return bids(scope, receive, send) if is_bid(scope) else front(scope, receive, send)

    return Cors(app, origins) if origins else app


def auction_routes(app_state: AppState | None = None) -> RouteGroup:
    """Without a state they can be described but not called."""
    return RouteGroup([Auctions], examples.REQUESTS, examples.ANSWERS, {"app_state": app_state})


def litestar_app(groups: Sequence[RouteGroup]) -> Litestar:
    return litestar("Blytz auctions", blytz.__version__, groups, gateway_path="/auction")
