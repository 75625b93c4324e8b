"""What the HTTP calls of identity take and give (protocol, section 3)."""

from typing import Annotated

from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from blytz.identity import Role
from blytz.identity.bans import Ban
from blytz.kit.http.fields import Line, Moment, Name
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


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """The same name is the same person."""

    name: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=4)] = ("bidder",)


class Token(Struct, frozen=True):
    token: str


read_new_ban = Parser(NewBan)
read_new_revocation = Parser(NewRevocation)
read_sign_in = Parser(SignIn)
