"""What every HTTP handler of the auction service works with: the shared state, the caller, forms of parameters."""

from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from blytz.auction.http.bids import BidRoute
from blytz.auction.http.schemas import MOST_EVENTS, MOST_LISTED, AuctionState, read_nothing
from blytz.auction.model import Auction, Status
from blytz.auction.service import AuctionService, state_for
from blytz.identity import Identity, Principal
from blytz.identity.dev import DevIssuer
from blytz.identity.service import BanService
from blytz.kit.clock import ServerClock
from blytz.kit.http.asgi import CALLER, REQUEST_ID, bearer_token
from blytz.kit.idempotency import KeyRecord, Operation, operation_of
from blytz.kit.problems import NotFound
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.text import NAME

Call = Request[Any, Any, Any]
AuctionId = Annotated[str, PathParameter(description="as given when the auction was created")]
StatusFilter = Annotated[Status | None, QueryParameter(description="only these")]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST_LISTED)]
Cursor = Annotated[str | None, QueryParameter(pattern=NAME, description="of the page before")]
After = Annotated[int, QueryParameter(ge=0, le=2**53 - 1, description="the last `seq` that is known")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        pattern=NAME,
        description="sent again within 24 hours: the first answer, and nothing is done twice",
    ),
]
EventLimit = Annotated[int, QueryParameter(ge=1, le=MOST_EVENTS)]


class AppState:
    """What the handlers work with."""

    def __init__(
        self,
        service: AuctionService,
        identity: Identity,
        clock: ServerClock,
        bids: BidRoute,
        issuer: DevIssuer | None,
        writes_of_user: UserLimit | None = None,
        bans: BanService | None = None,
        keys: KeyRecord | None = None,
    ) -> None:
        self.service = service
        self.identity = identity
        self.clock = clock
        self.bids = bids
        self.issuer = issuer
        self.writes_of_user = writes_of_user
        self._bans = bans
        self.keys = keys

    @property
    def bans(self) -> BanService:
        """Raises `NotFound` when this service keeps no bans."""
        if self._bans is None:
            raise NotFound
        return self._bans

    async def caller(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
        """Raises `Unauthenticated`, `Banned` and `IssuerUnavailable`."""
        authorization = connection.headers.get("authorization")
        return await self.identity.admit(bearer_token(authorization.encode("latin-1") if authorization else None))

    def state(self, auction: Auction, reader: Principal | None) -> AuctionState:
        return msgspec.convert(state_for(auction, self.clock.now(), reader), AuctionState)


def _scope(connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
    # Litestar's type of a scope knows only the keys of ASGI itself.
    return cast("dict[str, Any]", connection.scope)


def app_state_of(connection: ASGIConnection[Any, Any, Any, Any]) -> AppState:
    app_state: AppState = connection.app.state.app_state
    return app_state


async def signed_in(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard, because guards come before the body is read: 401 and 429 go before 422. Everything that needs
    somebody signed in changes something, except bids, which take a shorter way and have a limit of their own."""
    app_state = app_state_of(connection)
    caller = _scope(connection)[CALLER] = await app_state.caller(connection)
    if app_state.writes_of_user is not None:
        app_state.writes_of_user.take(caller.id)


SIGNED_IN: Final[dict[str, Any]] = {"guards": [signed_in], "security": [{"bearer": []}]}


async def optional_caller(request: Call) -> Principal | None:
    """Watching needs no token; one that is sent must be good. Raises what `AppState.caller` does."""
    if "authorization" not in request.headers:
        return None
    # Into the scope, for the line of the log.
    caller = _scope(request)[CALLER] = await app_state_of(request).caller(request)
    return caller


def service_call(request: Call) -> tuple[AuctionService, Principal, str]:
    """The service, who asks it, and the name of the request."""
    scope = _scope(request)
    return app_state_of(request).service, scope[CALLER], scope[REQUEST_ID]


async def service_call_without_body(request: Call) -> tuple[AuctionService, Principal, str]:
    """The same, for calls whose address says all: a field in a body is refused as any that is not known."""
    body = await request.body()
    # Many a library says `null` for no body.
    if body.strip() not in (b"", b"null"):
        read_nothing(body)
    return service_call(request)


async def operation(request: Call, key: str | None, subject_id: str = "") -> Operation:
    """What this request asks for, the same for each repetition with its `Idempotency-Key`; `subject_id` is the id
    of what it would create. Raises `KeyReused`, and what the store raises."""
    keys = app_state_of(request).keys
    if key is None or keys is None:
        return Operation("", subject_id)
    named = (request.method, request.scope["path"], await request.body())
    return await operation_of(keys, _scope(request)[CALLER].id, key, named, subject_id)


def shown(request: Call, auction: Auction) -> AuctionState:
    return app_state_of(request).state(auction, _scope(request).get(CALLER))
