"""The HTTP calls of moderators, approvals and blocks (protocol, sections 7 and 8)."""

from litestar import Controller, delete, get, post, put
from litestar.params import JSONBody
from msgspec import convert
from msgspec.structs import asdict

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, optional_caller
from blytz.identity.http.schemas import UserId
from blytz.kit.http.empty_body import refuse_body
from blytz.kit.http.fields import PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.show.http.schemas import RowCursor, ShowId
from blytz.show.people.http import examples
from blytz.show.people.http import responses as answers
from blytz.show.people.http.schemas import (
    Approval,
    ApprovalView,
    Blocks,
    BlockView,
    ModeratorList,
    ModeratorView,
    NewModerator,
    read_approval,
    read_new_moderator,
)
from blytz.show.people.service import PeopleService


def _service_of(connection: Connection) -> PeopleService:
    service: PeopleService = connection.app.state.people
    return service


class ShowPeopleCalls(Controller):
    path = "/v1/shows/{show_id:str}"
    tags = ("shows",)

    @get("/moderators", **spec("listModerators", "The moderators of a show", answers.MODERATORS))
    async def moderators(self, request: Call, show_id: ShowId) -> ModeratorList:
        """Those whom its seller has named."""
        found = await _service_of(request).moderators(show_id, await optional_caller(request))
        return ModeratorList([convert(asdict(one), ModeratorView) for one in found])

    @post(
        "/moderators",
        **spec("nameModerator", "Name a moderator", answers.NAME, read_new_moderator),
        **SIGNED_IN,
    )
    async def name(self, request: Call, show_id: ShowId, data: JSONBody[NewModerator]) -> ModeratorView:
        """For this show; the role ends with it. Naming a user again changes the name."""
        named = await _service_of(request).name_moderator(caller_of(request), show_id, data.user_id, data.name)
        return convert(asdict(named), ModeratorView)

    @delete(
        "/moderators/{user_id:str}",
        **spec("removeModerator", "Remove a moderator", answers.REMOVE),
        **SIGNED_IN,
    )
    async def remove(self, request: Call, show_id: ShowId, user_id: UserId) -> None:
        """Removing one who was not named changes nothing."""
        await _service_of(request).remove_moderator(caller_of(request), show_id, user_id)

    @put(
        "/bidders/{user_id:str}",
        **spec("setApproval", "Approve a bidder", answers.APPROVE, read_approval),
        **SIGNED_IN,
    )
    async def approve(
        self, request: Call, show_id: ShowId, user_id: UserId, data: JSONBody[Approval]
    ) -> ApprovalView:
        """For this show, where its settings ask for approval."""
        service = _service_of(request)
        await service.set_approval(caller_of(request), show_id, user_id, approved=data.approved)
        return ApprovalView(user_id, data.approved)


class BlockCalls(Controller):
    path = "/v1/sellers/me/blocks"
    tags = ("shows",)

    @get(**spec("listBlocks", "The users whom the caller blocks", answers.BLOCKS), **SIGNED_IN)
    async def page(self, request: Call, cursor: RowCursor = None, limit: PageLimit = 100) -> Blocks:
        """The newest first."""
        found = await _service_of(request).blocks(caller_of(request), cursor, limit)
        return Blocks([convert(asdict(one), BlockView) for one in found.blocks], found.cursor)

    @put("/{user_id:str}", **spec("blockUser", "Block a user", answers.BLOCK), **SIGNED_IN)
    async def block(self, request: Call, user_id: UserId) -> BlockView:
        """They may neither bid nor speak in any show of the caller, from now on, open lots included."""
        await refuse_body(request)
        return convert(asdict(await _service_of(request).block(caller_of(request), user_id)), BlockView)

    @delete("/{user_id:str}", **spec("unblockUser", "Unblock a user", answers.UNBLOCK), **SIGNED_IN)
    async def unblock(self, request: Call, user_id: UserId) -> None:
        """Unblocking one who is not blocked changes nothing."""
        await _service_of(request).unblock(caller_of(request), user_id)


def people_routes(service: PeopleService | None = None) -> RouteGroup:
    """Without a service they can be described but not called."""
    return RouteGroup([ShowPeopleCalls, BlockCalls], examples.REQUESTS, examples.ANSWERS, {"people": service})
