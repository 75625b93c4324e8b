"""The HTTP calls of following (protocol, section 7)."""

from litestar import Controller, delete, get, put

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of
from blytz.identity.http.schemas import UserId
from blytz.kit.http.empty_body import refuse_body
from blytz.kit.http.fields import PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.show.following.http import examples
from blytz.show.following.http import responses as answers
from blytz.show.following.http.schemas import FollowedSellerView, Following
from blytz.show.following.service import FollowingService
from blytz.show.http.schemas import RowCursor, ShowId, show_state
from blytz.show.service import ShowService


def _service_of(connection: Connection) -> FollowingService:
    service: FollowingService = connection.app.state.following
    return service


class FollowingCalls(Controller):
    """For everybody who is signed in."""

    path = "/v1"
    tags = ("shows",)

    @get("/me/following", **spec("listFollowing", "What the caller follows", answers.PAGE), **SIGNED_IN)
    async def page(self, request: Call, cursor: RowCursor = None, limit: PageLimit = 100) -> Following:
        """Sellers and bookmarked shows, the newest first."""
        page = await _service_of(request).following(caller_of(request), cursor, limit)
        shows: ShowService = request.app.state.shows
        found = zip(page.shows, await shows.figures(page.shows), strict=True)
        return Following(
            [FollowedSellerView(seller.id, seller.name) for seller in page.sellers],
            [show_state(show, of_show.facts, of_show.viewers) for show, of_show in found],
            page.cursor,
        )

    @put(
        "/sellers/{user_id:str}/follow",
        status_code=204,
        **spec("followSeller", "Follow a seller", answers.FOLLOW),
        **SIGNED_IN,
    )
    async def follow(self, request: Call, user_id: UserId) -> None:
        """Following twice is following once. Whether there is such a user is not known, so any id but one's own is
        taken. A seller's block ends a follow."""
        await refuse_body(request)
        await _service_of(request).follow_seller(caller_of(request), user_id)

    @delete(
        "/sellers/{user_id:str}/follow",
        **spec("unfollowSeller", "Follow a seller no longer", answers.UNFOLLOW),
        **SIGNED_IN,
    )
    async def unfollow(self, request: Call, user_id: UserId) -> None:
        """One who is not followed stays so."""
        await _service_of(request).unfollow_seller(caller_of(request), user_id)

    @put(
        "/shows/{show_id:str}/bookmark",
        status_code=204,
        **spec("bookmarkShow", "Bookmark a show", answers.BOOKMARK),
        **SIGNED_IN,
    )
    async def bookmark(self, request: Call, show_id: ShowId) -> None:
        """Doing it twice is doing it once."""
        await refuse_body(request)
        await _service_of(request).bookmark(caller_of(request), show_id)

    @delete(
        "/shows/{show_id:str}/bookmark",
        **spec("removeBookmark", "Remove a bookmark", answers.REMOVE_BOOKMARK),
        **SIGNED_IN,
    )
    async def remove_bookmark(self, request: Call, show_id: ShowId) -> None:
        """A show without one stays so."""
        await _service_of(request).remove_bookmark(caller_of(request), show_id)


def following_routes(service: FollowingService | None = None) -> RouteGroup:
    """Without a service they can be described but not called."""
    return RouteGroup([FollowingCalls], answers=examples.ANSWERS, state={"following": service})
