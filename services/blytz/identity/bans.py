"""Who may no longer come in, although an issuer says who they are."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from blytz.identity import Principal, TokenRefused
from blytz.kit.problems import Conflict, Forbidden

MAX_BANS: Final = 100_000
"""Of each kind. Every process keeps them all, so that asking costs a bid nothing."""
SEEN_WITHIN_S: Final = 1.0
"""How often each process looks for news; the promise is that they count everywhere within five seconds."""


class Banned(Forbidden):
    code, title = "banned", "This account may not be used here"


class TooManyBans(Conflict):
    code, title = "too_many_bans", "No more can be kept"


class Ban(Struct, frozen=True):
    user_id: str
    reason: str
    """For operators. The banned user does not see it."""
    banned_by: str
    banned_at: int


class Bans:
    """A process's copy of who is banned, and of whose tokens are revoked: those issued before a moment, in ms
    since the Unix epoch. `redis_bans` keeps it true."""

    def __init__(self) -> None:
        self.banned: Mapping[str, Ban] = {}
        self.revoked_before: Mapping[str, int] = {}

    def check(self, principal: Principal) -> None:
        """Raises `Banned`, and `TokenRefused` for a revoked token."""
        if principal.id in self.banned:
            raise Banned("this account has been banned")
        if principal.issued_at < self.revoked_before.get(principal.id, 0):
            raise TokenRefused("the token has been revoked; sign in again")
