"""What the HTTP calls of following give (protocol, section 7)."""

from msgspec import Struct

from blytz.show.http.schemas import ShowState


class FollowedSellerView(Struct, frozen=True):
    """`name` is that of the newest show; null for one who has made no show, as an id of nobody has not."""

    id: str
    name: str | None


class Following(Struct, frozen=True):
    """The newest first in both lists; a page has `limit` of both together at most."""

    sellers: list[FollowedSellerView]
    shows: list[ShowState]
    cursor: str | None
