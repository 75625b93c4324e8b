"""Who is calling: a token becomes a Principal. `Identity` is the port; each issuer is an adapter."""

from typing import Literal, Protocol

from msgspec import Struct

from blytz.kit.problems import Problem, Unauthenticated

Role = Literal["bidder", "seller", "moderator", "admin"]


class Principal(Struct, frozen=True, cache_hash=True):
    """A user whose token was accepted."""

    id: str
    name: str
    roles: tuple[Role, ...]
    expires_at: int
    """Milliseconds since the Unix epoch; the token is worth nothing from then on."""
    issued_at: int = 0
    """Milliseconds since the Unix epoch, as the issuer says: a revocation ends what was issued before it."""

    def has(self, *roles: Role) -> bool:
        return any(role in self.roles for role in roles)


class TokenRefused(Unauthenticated):
    """Malformed, expired, or not signed by a trusted issuer. The detail never repeats the token."""

    token_was_sent = True


class IssuerUnavailable(Problem):
    """The issuer's keys cannot be fetched now, so the token cannot be checked."""

    status, code, title = 503, "issuer_unavailable", "The issuer of the token cannot be reached"
    retry_after_ms = 5_000


class KeysWanted(Exception):
    """The token can be checked only after its issuer's keys were fetched: `admit` waits for them."""


class Identity(Protocol):
    """Accepts or refuses tokens. `verify` is for the hot path, which waits for nothing; `admit` is for
    callers that can wait."""

    def verify(self, token: str) -> Principal:
        """At once. Raises `TokenRefused`, `Banned`, and `KeysWanted` when only `admit` can check it."""

    async def admit(self, token: str) -> Principal:
        """The same, after waiting for keys where that is needed, a few seconds at most. Raises `TokenRefused`,
        `Banned`, `IssuerUnavailable` and `Overloaded`."""
