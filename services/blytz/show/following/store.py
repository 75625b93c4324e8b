"""The port to what users follow."""

from typing import Protocol

from blytz.show.following.model import FollowedPage, Kind


class FollowingStore(Protocol):
    """All raise `StoreUnavailable` and `Overloaded`."""

    async def follow(self, user_id: str, kind: Kind, followed_id: str) -> bool:
        """Following twice is following once. False, with nothing changed, past `MAX_FOLLOWED`."""

    async def unfollow(self, user_id: str, kind: Kind, followed_id: str) -> None: ...

    async def following(self, user_id: str, cursor: str | None, limit: int) -> FollowedPage:
        """The newest first: `limit` of both together, less the shows that nobody but their makers may see."""
