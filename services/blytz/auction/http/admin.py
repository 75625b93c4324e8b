"""The calls of admins: who is shut out, from all of the platform."""

from typing import Annotated

from litestar import Controller, delete, get, put
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Struct

from blytz.auction.http.app_state import SIGNED_IN, Call, Limit, app_state_of, service_call
from blytz.auction.http.responses import LIFT, ONE_BAN, PAGE_OF_BANS, PUT_BAN, REVOKE
from blytz.auction.http.schemas import Line, Moment
from blytz.identity import Principal
from blytz.identity.bans import Ban
from blytz.identity.service import BanService
from blytz.kit.http.litestar import read_by
from blytz.kit.http.parse import Parser
from blytz.kit.text import USER_ID

UserId = Annotated[str, PathParameter(pattern=USER_ID, description="as events and `authenticated` name them")]
Cursor = Annotated[str, QueryParameter(max_length=128, description="of the page before")]


class NewBan(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Line
    """For operators; a banned user does not see it."""


class NewRevocation(Struct, frozen=True, forbid_unknown_fields=True):
    """`before` is now when it is null or missing."""

    before: Moment | None = None


class Revocation(Struct, frozen=True):
    user_id: str
    revoked_before: Moment


class BanPage(Struct, frozen=True):
    bans: list[Ban]
    cursor: str | None


read_new_ban = Parser(NewBan)
read_new_revocation = Parser(NewRevocation)


class Admin(Controller):
    """What is changed here counts everywhere within five seconds, open connections included."""

    path = "/v1/admin"
    tags = ("admin",)

    @get("/bans", operation_id="listBans", summary="Who is banned", responses=PAGE_OF_BANS, **SIGNED_IN)
    async def page(self, request: Call, cursor: Cursor = "", limit: Limit = 20) -> BanPage:
        """By user id."""
        service, caller = _asked(request)
        bans, following = service.list(caller, cursor, limit)
        return BanPage(list(bans), following)

    @get(
        "/bans/{user_id:str}",
        operation_id="getBan",
        summary="Why somebody is banned",
        responses=ONE_BAN,
        **SIGNED_IN,
    )
    async def one(self, request: Call, user_id: UserId) -> Ban:
        service, caller = _asked(request)
        return service.get(caller, user_id)

    @put(
        "/bans/{user_id:str}",
        operation_id="ban",
        summary="Shut somebody out",
        dto=read_by(read_new_ban),
        return_dto=None,
        responses=PUT_BAN,
        **SIGNED_IN,
    )
    async def ban(self, request: Call, user_id: UserId, data: JSONBody[NewBan]) -> Ban:
        """Every call with a token of theirs is answered with 403 `banned`, and their connections are closed with
        4401. What they bid before stands."""
        service, caller = _asked(request)
        return await service.ban(caller, user_id, data.reason)

    @delete(
        "/bans/{user_id:str}", operation_id="liftBan", summary="Let them in again", responses=LIFT, **SIGNED_IN
    )
    async def lift(self, request: Call, user_id: UserId) -> None:
        """Nothing happens to who is not banned."""
        service, caller = _asked(request)
        await service.lift(caller, user_id)

    @put(
        "/revocations/{user_id:str}",
        operation_id="revokeTokens",
        summary="End somebody's tokens",
        dto=read_by(read_new_revocation),
        return_dto=None,
        responses=REVOKE,
        **SIGNED_IN,
    )
    async def revoke(self, request: Call, user_id: UserId, data: JSONBody[NewRevocation]) -> Revocation:
        """Those issued before a moment, which never goes back: a lost phone, say. A new sign-in is welcome."""
        service, caller = _asked(request)
        return Revocation(user_id, await service.revoke(caller, user_id, data.before))


def _asked(request: Call) -> tuple[BanService, Principal]:
    return app_state_of(request).bans, service_call(request)[1]
