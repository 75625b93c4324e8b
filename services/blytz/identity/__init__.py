"""Who is calling: a token becomes a Principal. `Identity` is the port; each issuer is an adapter."""

from typing import Literal, Protocol

from msgspec import Struct

from blytz.kit.problems import Unauthenticated

Role = Literal["bidder", "seller", "moderator", "admin"]


class Principal(Struct, frozen=True):
    """Somebody whose token was believed."""

    id: str
    name: str
    roles: tuple[Role, ...]
    expires_at: int
    """Milliseconds since the Unix epoch; the token is worth nothing from then on."""

    def has(self, *roles: Role) -> bool:
        return any(role in self.roles for role in roles)


class TokenRefused(Unauthenticated):
    """Malformed, expired, or signed by nobody we trust. The detail never repeats the token."""

    token_was_sent = True


class Identity(Protocol):
    def verify(self, token: str) -> Principal:
        """Raises `TokenRefused`."""
