"""The HTTP calls of the auction service (protocol, section 3)."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from litestar import Controller, Litestar, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

import blytz
from blytz.auction.http import examples
from blytz.auction.http import responses as answers
from blytz.auction.http.admin import Admin
from blytz.auction.http.app_state import (
    SIGNED_IN,
    After,
    AppState,
    AuctionId,
    Call,
    Cursor,
    EventLimit,
    IdempotencyKey,
    Limit,
    StatusFilter,
    app_state_of,
    operation,
    optional_caller,
    service_call,
    service_call_without_body,
    shown,
)
from blytz.auction.http.bids import BidRoute, is_bid
from blytz.auction.http.schemas import (
    MOST_EVENTS,
    AuctionPage,
    AuctionState,
    Events,
    EventView,
    Extension,
    NewAuction,
    NewBid,
    SignIn,
    Token,
    read_extension,
    read_new_auction,
    read_new_bid,
    read_sign_in,
)
from blytz.auction.model import Receipt
from blytz.auction.service import AuctionService
from blytz.identity import Identity
from blytz.identity.dev import DevIssuer
from blytz.identity.service import BanService
from blytz.kit.clock import ServerClock
from blytz.kit.http.asgi import App, Front, Receive, Scope, Send, requests_counter
from blytz.kit.http.cors import Cors
from blytz.kit.http.litestar import litestar, read_by
from blytz.kit.http.operator import Check, operator_routes
from blytz.kit.http.origins import Origins
from blytz.kit.idempotency import KeyRecord
from blytz.kit.ids import new_id
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.telemetry.metrics import Metrics


class Auctions(Controller):
    """Reading is for anyone, creating for sellers, what is done to an auction for its seller and for admins."""

    path = "/v1/auctions"
    tags = ("auctions",)

    @get(operation_id="listAuctions", summary="A page of auctions", responses=answers.LIST)
    async def page(
        self, request: Call, status: StatusFilter = None, cursor: Cursor = None, limit: Limit = 20
    ) -> AuctionPage:
        """Newest first."""
        reader, app_state = await optional_caller(request), app_state_of(request)
        auctions, following = await app_state.service.list(status, cursor, limit)
        return AuctionPage([app_state.state(auction, reader) for auction in auctions], following)

    @post(
        operation_id="createAuction",
        summary="Sell something",
        dto=read_by(read_new_auction),
        return_dto=None,
        responses=answers.CREATE,
        **SIGNED_IN,
    )
    async def create(
        self, request: Call, data: JSONBody[NewAuction], idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        """Open at once, unless `starts_at` is ahead."""
        service, seller, request_id = service_call(request)
        auction = await service.open(
            seller,
            data.title,
            data.terms,
            request_id,
            starts_at=data.starts_at,
            description=data.description,
            image_urls=data.image_urls,
            operation=await operation(request, idempotency_key, new_id("auc")),
        )
        return shown(request, auction)

    @get(
        "/{auction_id:str}", operation_id="getAuction", summary="The state of one auction", responses=answers.READ
    )
    async def state(self, request: Call, auction_id: AuctionId) -> AuctionState:
        """With `your_ceiling` when the token is its leader's."""
        reader, app_state = await optional_caller(request), app_state_of(request)
        return app_state.state(await app_state.service.get(auction_id), reader)

    @get(
        "/{auction_id:str}/events",
        operation_id="listEvents",
        summary="What happened, in order",
        responses=answers.EVENTS,
    )
    async def events(
        self, request: Call, auction_id: AuctionId, after: After = 0, limit: EventLimit = MOST_EVENTS
    ) -> Events:
        """The public part of the events with `after < seq`."""
        await optional_caller(request)
        service = app_state_of(request).service
        auction = await service.get(auction_id)
        events = await service.events(auction_id, after, limit)
        # The log may have grown since the state was read.
        last = max([auction.seq, *(event.seq for event in events)])
        return Events(msgspec.convert([event.public for event in events], list[EventView]), last)

    @post(
        "/{auction_id:str}/bids",
        operation_id="placeBid",
        summary="Bid",
        dto=read_by(read_new_bid),
        return_dto=None,
        responses=answers.BID,
        **SIGNED_IN,
    )
    async def bid(self, request: Call, auction_id: AuctionId, data: JSONBody[NewBid]) -> Receipt:
        """201 means recorded and on disk, as the leader (`accepted`) or not (`outbid`)."""
        _, bidder, request_id = service_call(request)
        return await app_state_of(request).bids.decide(bidder, auction_id, data, request_id)

    @post(
        "/{auction_id:str}/pause",
        operation_id="pauseAuction",
        summary="Stop the clock",
        status_code=200,
        responses=answers.PAUSE,
        **SIGNED_IN,
    )
    async def pause(
        self, request: Call, auction_id: AuctionId, idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        """The remaining time is kept."""
        service, caller, request_id = await service_call_without_body(request)
        once = await operation(request, idempotency_key)
        return shown(request, await service.change(caller, auction_id, "pause", request_id, operation=once))

    @post(
        "/{auction_id:str}/resume",
        operation_id="resumeAuction",
        summary="Let the clock run",
        status_code=200,
        responses=answers.RESUME,
        **SIGNED_IN,
    )
    async def resume(
        self, request: Call, auction_id: AuctionId, idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        """With the time that remained."""
        service, caller, request_id = await service_call_without_body(request)
        once = await operation(request, idempotency_key)
        return shown(request, await service.change(caller, auction_id, "resume", request_id, operation=once))

    @post(
        "/{auction_id:str}/cancel",
        operation_id="cancelAuction",
        summary="Call it off",
        status_code=200,
        responses=answers.CANCEL,
        **SIGNED_IN,
    )
    async def cancel(
        self, request: Call, auction_id: AuctionId, idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        """For good: nobody wins."""
        service, caller, request_id = await service_call_without_body(request)
        once = await operation(request, idempotency_key)
        return shown(request, await service.change(caller, auction_id, "cancel", request_id, operation=once))

    @post(
        "/{auction_id:str}/close",
        operation_id="closeAuction",
        summary="Hammer now",
        status_code=200,
        responses=answers.CLOSE,
        **SIGNED_IN,
    )
    async def close(
        self, request: Call, auction_id: AuctionId, idempotency_key: IdempotencyKey = None
    ) -> AuctionState:
        """Sold to the leader when the reserve is met, whatever the clock says."""
        service, caller, request_id = await service_call_without_body(request)
        # Closing twice is one closing, so the operation is not needed: only a reused key is refused.
        await operation(request, idempotency_key)
        return shown(request, await service.close(caller, auction_id, request_id))

    @post(
        "/{auction_id:str}/extend",
        operation_id="extendAuction",
        summary="Give it more time",
        status_code=200,
        dto=read_by(read_extension),
        return_dto=None,
        responses=answers.EXTEND,
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
        service, caller, request_id = service_call(request)
        once = await operation(request, idempotency_key)
        return shown(
            request, await service.change(caller, auction_id, "extend", request_id, data.by_ms, operation=once)
        )


@post(
    "/v1/dev/sign-in",
    operation_id="signIn",
    summary="A token for whoever asks",
    tags=["dev"],
    status_code=200,
    dto=read_by(read_sign_in),
    return_dto=None,
    responses=answers.SIGN_IN,
)
async def sign_in(request: Call, data: JSONBody[SignIn]) -> Token:
    """Only where `BLYTZ_ENV=dev`."""
    issuer = app_state_of(request).issuer
    assert issuer is not None, "without an issuer this route is not there"
    return Token(issuer.issue(data.name, data.roles))


def application(
    service: AuctionService,
    identity: Identity,
    clock: ServerClock,
    metrics: Metrics,
    dependencies: Mapping[str, Check],
    issuer: DevIssuer | None,
    writes_of_user: UserLimit | None = None,
    bans: BanService | None = None,
    origins: Origins | None = None,
    keys: KeyRecord | None = None,
) -> App:
    """The whole service as one ASGI application. Without an `issuer` there is no sign-in."""
    answered = requests_counter(metrics)
    quick = BidRoute(service, identity, answered, metrics)
    app_state = AppState(service, identity, clock, quick, issuer, writes_of_user, bans, keys)
    routes = described(metrics, dependencies, app_state)
    front = Front(cast("App", routes), answered)

    def app(scope: Scope, receive: Receive, send: Send) -> Any:
        return quick(scope, receive, send) if is_bid(scope) else front(scope, receive, send)

    return Cors(app, origins) if origins else app


def described(metrics: Metrics, dependencies: Mapping[str, Check], app_state: AppState | None) -> Litestar:
    """The routes of the service. Without an `app_state` they can be described but not called."""
    routes: list[ControllerRouterHandler] = [Auctions, Admin, *operator_routes(metrics, dependencies)]
    if app_state is None or app_state.issuer is not None:
        routes.append(sign_in)
    return litestar(
        "Blytz auctions",
        blytz.__version__,
        routes,
        State({"app_state": app_state}),
        behind="/auction",
        requests=examples.REQUESTS,
        answers=examples.ANSWERS,
    )
