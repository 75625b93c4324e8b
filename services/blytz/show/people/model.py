"""Moderators of a show, and users whom a seller blocks."""

from typing import Final

from msgspec import Struct

MAX_MODERATORS: Final = 50
"""Of one show."""
MAX_BLOCKS: Final = 10_000
"""Of one seller."""
MAX_APPROVALS: Final = 10_000
"""Of one show."""


class Moderator(Struct, frozen=True):
    user_id: str
    name: str
    """As the seller wrote it when naming them."""
    named_at: int
    """Milliseconds since the Unix epoch."""


class Block(Struct, frozen=True):
    user_id: str
    blocked_at: int
    """Milliseconds since the Unix epoch."""


class BlockPage(Struct, frozen=True):
    blocks: list[Block]
    cursor: str | None
    """Pass it to get the next page; None at the end."""
