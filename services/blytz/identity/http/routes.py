"""The HTTP calls of identity: bans and revocations for admins, and the sign-in of dev."""

from litestar import Controller, delete, get, post, put
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from blytz.identity.bans import Ban
from blytz.identity.http import examples
from blytz.identity.http import responses as answers
from blytz.identity.http.callers import SIGNED_IN, Access, access_of, caller_of
from blytz.identity.http.schemas import (
    BanPage,
    Cursor,
    NewBan,
    NewRevocation,
    Revocation,
    SignIn,
    Token,
    UserId,
    read_new_ban,
    read_new_revocation,
    read_sign_in,
)
from blytz.kit.http.fields import PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, spec


class Admin(Controller):
    """A change counts everywhere within five seconds, open connections included."""

    path = "/v1/admin"
    tags = ("admin",)

    @get("/bans", **spec("listBans", "Who is banned", answers.LIST), **SIGNED_IN)
    async def page(self, request: Call, cursor: Cursor = "", limit: PageLimit = 20) -> BanPage:
        """Ordered by user id."""
        bans, following = access_of(request).bans.list(caller_of(request), cursor, limit)
        return BanPage(list(bans), following)

    @get("/bans/{user_id:str}", **spec("getBan", "Read a user's ban", answers.READ), **SIGNED_IN)
    async def one(self, request: Call, user_id: UserId) -> Ban:
        return access_of(request).bans.get(caller_of(request), user_id)

    @put("/bans/{user_id:str}", **spec("ban", "Ban a user", answers.BAN_OR_REVOKE, read_new_ban), **SIGNED_IN)
    async def ban(self, request: Call, user_id: UserId, data: JSONBody[NewBan]) -> Ban:
        """Every call with a token of theirs is answered with 403 `banned`, and their connections are closed with
        4401. What they bid before stands."""
        return await access_of(request).bans.ban(caller_of(request), user_id, data.reason)

    @delete("/bans/{user_id:str}", **spec("liftBan", "Lift a ban", answers.LIFT), **SIGNED_IN)
    async def lift(self, request: Call, user_id: UserId) -> None:
        """Changes nothing for a user who is not banned."""
        await access_of(request).bans.lift(caller_of(request), user_id)

    @put(
        "/revocations/{user_id:str}",
        **spec("revokeTokens", "Revoke a user's tokens", answers.BAN_OR_REVOKE, read_new_revocation),
        **SIGNED_IN,
    )
    async def revoke(self, request: Call, user_id: UserId, data: JSONBody[NewRevocation]) -> Revocation:
        """Refuses the tokens that were issued before a moment, for example after a phone was lost. The moment
        never moves back. A token from a new sign-in is accepted."""
        before = await access_of(request).bans.revoke(caller_of(request), user_id, data.before)
        return Revocation(user_id, before)


@post(
    "/v1/dev/sign-in",
    tags=["dev"],
    status_code=200,
    **spec("signIn", "Get a token for a development user", answers.SIGN_IN, read_sign_in),
)
async def sign_in(request: Call, data: JSONBody[SignIn]) -> Token:
    """Only where `BLYTZ_ENV=dev`."""
    issuer = access_of(request).issuer
    assert issuer is not None, "without an issuer this route is not there"
    return Token(issuer.issue(data.name, data.roles))


def identity_routes(access: Access | None = None, *, dev: bool) -> RouteGroup:
    """Without an `access` they can be described but not called."""
    handlers: list[ControllerRouterHandler] = [Admin, sign_in] if dev else [Admin]
    return RouteGroup(handlers, examples.REQUESTS, examples.ANSWERS, {"access": access})
