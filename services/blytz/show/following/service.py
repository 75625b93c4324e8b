"""What signed-in users may follow."""

from typing import Final

from blytz.identity import Principal
from blytz.kit.problems import Conflict
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.following.model import MAX_FOLLOWED, FollowedPage, Kind
from blytz.show.following.store import FollowingStore
from blytz.show.model import ShowCode
from blytz.show.service import ShowService, refusal
from blytz.show.store import People

BYTES_OF_ROW: Final = 500
"""What a row takes up with its indexes; at most."""
TOO_MANY: Final = Conflict(f"a user may follow {MAX_FOLLOWED} sellers and shows", code=ShowCode.TOO_MANY)


class FollowingService:
    """For everybody who is signed in. Raises `NotFound`, `Conflict`, `RateLimited` and what the store raises."""

    def __init__(
        self,
        store: FollowingStore,
        shows: ShowService,
        people: People,
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        self._store = store
        self._shows = shows
        self._people = people
        self._stored_bytes_of_user = stored_bytes_of_user

    async def follow_seller(self, user: Principal, seller_id: str) -> None:
        """Any user but oneself, also one who has made no show yet, or never will: there is no list of users."""
        if seller_id == user.id:
            raise refusal(ShowCode.OWN_FOLLOW)
        await self._refuse_blocked(user, seller_id)
        await self._follow(user, "seller", seller_id)
        # A block that was stored since the first look has ended what was followed then, but not this.
        await self._refuse_blocked(user, seller_id)

    async def unfollow_seller(self, user: Principal, seller_id: str) -> None:
        await self._store.unfollow(user.id, "seller", seller_id)

    async def on_block(self, seller_id: str, user_id: str, is_blocked: bool) -> None:
        """Called once the block is stored. One that is lifted brings nothing back."""
        if is_blocked:
            await self._store.unfollow(user_id, "seller", seller_id)

    async def bookmark(self, user: Principal, show_id: str) -> None:
        """For those who may see the show."""
        await self._shows.get(show_id, user)
        await self._follow(user, "show", show_id)

    async def remove_bookmark(self, user: Principal, show_id: str) -> None:
        await self._store.unfollow(user.id, "show", show_id)

    async def following(self, user: Principal, cursor: str | None, limit: int) -> FollowedPage:
        """The newest first."""
        return await self._store.following(user.id, cursor, limit)

    async def _refuse_blocked(self, user: Principal, seller_id: str) -> None:
        if await self._people.is_blocked(seller_id, user.id):
            await self._store.unfollow(user.id, "seller", seller_id)
            raise refusal(ShowCode.BLOCKED)

    async def _follow(self, user: Principal, kind: Kind, followed_id: str) -> None:
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, BYTES_OF_ROW)
        if not await self._store.follow(user.id, kind, followed_id):
            raise TOO_MANY
