"""What the HTTP calls of moderators, approvals and blocks take and give (protocol, sections 7 and 8)."""

from typing import Annotated

from msgspec import Meta, Struct

from blytz.kit.http.fields import Name
from blytz.kit.http.parse import Parser
from blytz.kit.text import USER_ID


class NewModerator(Struct, frozen=True, forbid_unknown_fields=True):
    user_id: Annotated[str, Meta(pattern=USER_ID)]
    name: Name


class ModeratorView(Struct, frozen=True):
    user_id: str
    name: str
    named_at: int


class ModeratorList(Struct, frozen=True):
    """In the order in which they were named."""

    moderators: list[ModeratorView]


class Approval(Struct, frozen=True, forbid_unknown_fields=True):
    approved: bool


class ApprovalView(Struct, frozen=True):
    user_id: str
    approved: bool


class BlockView(Struct, frozen=True):
    user_id: str
    blocked_at: int


class Blocks(Struct, frozen=True):
    """The newest first."""

    blocks: list[BlockView]
    cursor: str | None


read_new_moderator = Parser(NewModerator)
read_approval = Parser(Approval)
