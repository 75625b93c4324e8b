"""The guard of every route that needs a signed-in caller, and the caller that it leaves for the handler."""

from dataclasses import dataclass
from typing import Any, Final, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from blytz.identity import Identity, Principal
from blytz.identity.dev import DevIssuer
from blytz.identity.service import BanService
from blytz.kit.http.asgi import CALLER, REQUEST_ID, bearer_token
from blytz.kit.http.litestar import Call
from blytz.kit.idempotency import BYTES_OF_KEY, KeyRecord, Operation, operation_of
from blytz.kit.problems import NotFound
from blytz.kit.ratelimit.user_limit import UserLimit

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True)
class Access:
    """`access` in the state of the application: what the guards and the routes of identity need."""

    identity: Identity
    issuer: DevIssuer | None = None
    """None outside dev, where there is no such sign-in."""
    writes_of_user: UserLimit | None = None
    stored_bytes_of_user: UserLimit | None = None
    ban_service: BanService | None = None
    keys: KeyRecord | None = None
    """Without it no Idempotency-Key is remembered."""

    @property
    def bans(self) -> BanService:
        """Raises `NotFound` when this service keeps no bans."""
        if self.ban_service is None:
            raise NotFound
        return self.ban_service


def access_of(connection: Connection) -> Access:
    access: Access = connection.app.state.access
    return access


def scope_of(connection: Connection) -> dict[str, Any]:
    # Litestar's type of a scope knows only the keys of ASGI itself.
    return cast("dict[str, Any]", connection.scope)


async def _admit(connection: Connection) -> Principal:
    """Puts the caller into the scope too, for the handler and the log line. Raises `Unauthenticated`, `Banned` and
    `IssuerUnavailable`."""
    authorization = connection.headers.get("authorization")
    token = bearer_token(authorization.encode("latin-1") if authorization else None)
    caller = scope_of(connection)[CALLER] = await access_of(connection).identity.admit(token)
    return caller


async def signed_in(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard, because guards run before the body is read: 401 and 429 come before 422. It counts every call as a
    write: all of them are, except reading bans. Bids do not pass here and have a limit of their own."""
    caller = await _admit(connection)
    limit = access_of(connection).writes_of_user
    if limit is not None:
        limit.take(caller.id)


SIGNED_IN: Final[dict[str, Any]] = {"guards": [signed_in], "security": [{"bearer": []}]}


def caller_of(connection: Connection) -> Principal:
    """For the handlers of routes that are `SIGNED_IN`."""
    caller: Principal = scope_of(connection)[CALLER]
    return caller


async def optional_caller(connection: Connection) -> Principal | None:
    """Reading needs no token, but one that is sent must be valid. Raises what `_admit` raises."""
    return await _admit(connection) if "authorization" in connection.headers else None


def request_id_of(request: Call) -> str:
    request_id: str = scope_of(request)[REQUEST_ID]
    return request_id


async def operation(request: Call, key: str | None, subject_id: str = "") -> Operation:
    """What this request of a `SIGNED_IN` caller asks for, the same for each repetition with its `Idempotency-Key`;
    `subject_id` is the id of what it would create. Raises `KeyReused`, `RateLimited`, and what the store
    raises."""
    keys = access_of(request).keys
    if key is None or keys is None:
        return Operation("", subject_id)
    if limit := access_of(request).stored_bytes_of_user:
        limit.take(caller_of(request).id, BYTES_OF_KEY)
    identified_by = (request.method, request.scope["path"], await request.body())
    return await operation_of(keys, caller_of(request).id, key, identified_by, subject_id)
