"""Checks the claims of a token whose signature is good, and reads the user from them."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, get_args

from blytz.identity import Principal, Role, TokenRefused
from blytz.kit.text import is_line

SKEW_S: Final = 60
"""How far an issuer's clock and ours may be apart."""
MAX_TOKEN_LENGTH: Final = 8_192
"""Characters; a longer one is refused unread."""
MAX_NAME_LENGTH: Final = 80
MAX_SUBJECT_LENGTH: Final = 255
MAX_TOKEN_AGE_S: Final = 24 * 3_600
"""No token is accepted for longer after it was issued, whatever its `exp` is, so a revocation may be forgotten
then."""
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_LATEST: Final = 2**40

Claims = Mapping[str, Any]


def user_id(issuer: str, subject: str) -> str:
    """The same person of the same issuer always has the same id, and no issuer can name a user of another. It
    does not reveal the subject, which may be an address: every viewer of an auction sees the id."""
    return "usr_" + hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:32]


def principal_of(
    claims: Claims, *, issuer: str, audiences: frozenset[str], roles_claim: str, now: float
) -> Principal:
    """`now` is in seconds since the Unix epoch. Raises `TokenRefused`."""
    if claims.get("iss") != issuer:
        raise TokenRefused("the token is of another issuer")
    _require_audience(claims, audiences)
    issued, expires = seconds(claims, "iat"), seconds(claims, "exp")
    if issued > now + SKEW_S:
        raise TokenRefused("the token is from the future")
    if "nbf" in claims and seconds(claims, "nbf") > now + SKEW_S:
        raise TokenRefused("the token is not valid yet")
    expires = min(expires, issued + MAX_TOKEN_AGE_S)
    if expires <= now - SKEW_S:
        raise TokenRefused("the token has expired")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH or not _is_text(subject):
        raise TokenRefused("the token has no usable subject")
    if "events" in claims:
        # A logout notice (OpenID Connect Back-Channel Logout, 2.4) is not a sign-in.
        raise TokenRefused("the token is not for signing in")
    # Clocks differ: a token that has just expired may still sign in, and ends SKEW_S later. Any other ends at its
    # `exp`.
    ends = expires if expires > now else expires + SKEW_S
    return Principal(
        user_id(issuer, subject),
        _name_in(claims),
        roles_in(claims, roles_claim),
        ends * 1000,
        issued * 1000,
    )


def seconds(claims: Claims, name: str) -> int:
    """A time in a token: a number of seconds since the Unix epoch. Raises `TokenRefused`."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise TokenRefused(f"the token's {name} is not a time")
    return int(value)


def roles_in(claims: Claims, name: str) -> tuple[Role, ...]:
    """The roles in this claim, a list or a text of words. Without the claim the user is a bidder; names that are
    not roles of Blytz are ignored. A dotted name is a path through nested claims, unless a claim has just that
    name."""
    found: Any = claims
    if name in claims:
        found = claims[name]
    else:
        for step in name.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if found is None:
        return ("bidder",)
    named = found.split() if isinstance(found, str) else found
    if not isinstance(named, list):
        raise TokenRefused("the token's roles are malformed")
    return tuple(role for role in ROLES if role in named)


def _require_audience(claims: Claims, audiences: frozenset[str]) -> None:
    given = claims.get("aud")
    named = [given] if isinstance(given, str) else given
    if not isinstance(named, list) or not any(isinstance(one, str) and one in audiences for one in named):
        raise TokenRefused("the token is for another audience")
    # OpenID Connect, 3.1.3.7: of several audiences, only the one that the token was issued to may accept it.
    maker = claims.get("azp")
    if "azp" in claims and len(named) > 1 and not (isinstance(maker, str) and maker in audiences):
        raise TokenRefused("the token was issued to another client")


def _is_text(value: str) -> bool:
    """Whether it can be encoded: JSON may contain half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name_in(claims: Claims) -> str:
    """The name to show. Never an e-mail address, because every viewer sees it."""
    for claim in ("name", "nickname", "preferred_username"):
        name = claims.get(claim)
        if isinstance(name, str) and name.strip() and "@" not in name:
            shown = "".join(letter for letter in name if letter.isprintable()).strip()[:MAX_NAME_LENGTH]
            return shown if is_line(shown) else "Somebody"
    return "Somebody"
