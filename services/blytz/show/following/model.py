"""What a user keeps an eye on."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from blytz.show.model import Show

MAX_FOLLOWED: Final = 1_000
"""Sellers and shows of one user together."""

Kind = Literal["seller", "show"]


class FollowedSeller(Struct, frozen=True):
    id: str
    name: str | None
    """As in the newest show; None for one who has made none."""


class FollowedPage(Struct, frozen=True):
    sellers: Sequence[FollowedSeller]
    shows: Sequence[Show]
    cursor: str | None
    """Pass it to get the next page; None at the end."""
