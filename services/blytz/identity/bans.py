"""Bans and revoked tokens: who is refused although an issuer accepts them."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from blytz.identity import Principal, TokenRefused
from blytz.kit.problems import Conflict, Forbidden

MAX_BANS: Final = 100_000
"""Bans, and as many revocations. Every process holds all of them, so that a check costs a bid nothing."""
POLL_EVERY_S: Final = 1.0
"""How often each process looks for changes. The promise is that a change counts everywhere within five seconds."""


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
    since the Unix epoch. `RedisBans` keeps it up to date."""

    def __init__(self) -> None:
        self.banned: Mapping[str, Ban] = {}
        self.revoked_before: Mapping[str, int] = {}

    def check(self, principal: Principal) -> None:
        """Raises `Banned`, and `TokenRefused` for a revoked token."""
        if principal.id in self.banned:
            raise Banned("this account has been banned")
        if principal.issued_at < self.revoked_before.get(principal.id, 0):
            raise TokenRefused("the token has been revoked; sign in again")
