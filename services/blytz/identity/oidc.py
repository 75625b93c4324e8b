"""Any issuer of OpenID Connect: found by discovery, its tokens checked with its own keys."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import jwt

from blytz.identity import IssuerUnavailable, KeysWanted, Principal, TokenRefused
from blytz.identity.claims import MAX_TOKEN_LENGTH, principal_of
from blytz.identity.fetch import Document, FetchFault, fetch
from blytz.identity.keys import ALGORITHMS, KeySet
from blytz.kit.addresses import is_trusted
from blytz.kit.http.pages import Dependency

DISCOVERY: Final = "/.well-known/openid-configuration"
_REFUSED_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64"})
"""With these a token brings its own key, or needs an extension (RFC 7515, 4.1; RFC 7797)."""
_KINDS: Final = frozenset({"jwt", "at+jwt"})
"""The `typ` of tokens for signing in. With the same keys issuers also sign others, such as logout tokens (RFC
8725, 3.11)."""
_UNCHECKED: Final[dict[str, Any]] = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}
"""PyJWT leaves these claims unchecked, because claims.py checks them with a clock that is passed in."""

Clock = Callable[[], float]
"""Seconds since the Unix epoch."""


class OidcIssuer:
    """Accepts tokens that `issuer` signed for one of `audiences`. An adapter of `Identity`."""

    def __init__(
        self,
        issuer: str,
        audiences: frozenset[str],
        *,
        roles_claim: str = "roles",
        loopback: bool = False,
        clock: Clock = time.time,
        keys: KeySet | None = None,
    ) -> None:
        """`loopback` allows plain HTTP from this machine. Without `keys`, those of the issuer's discovery are
        used."""
        self.issuer = issuer
        self._audiences = audiences
        self._roles_claim = roles_claim
        self._loopback = loopback
        self._clock = clock
        self._keys = keys or KeySet(issuer, self._discover, ALGORITHMS)

    def verify(self, token: str) -> Principal:
        """Raises `IssuerUnavailable` as well, where a fetch failed a moment ago."""
        header = header_of(token)
        if not _REFUSED_HEADERS.isdisjoint(header):
            raise TokenRefused("the token's header asks for what is not done here")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _KINDS:
            raise TokenRefused("the token is for something else than signing in")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or not isinstance(kid, str):
            raise TokenRefused("the token does not say how it is signed")
        key = self._keys.find(kid)
        if algorithm not in key.algorithms:
            raise TokenRefused("the token is not signed in the way of its key")
        try:
            claims = jwt.decode(token, key.public, algorithms=[algorithm], options=_UNCHECKED)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError):
            _refuse()
        return self.principal(claims)

    async def admit(self, token: str) -> Principal:
        try:
            return self.verify(token)
        except KeysWanted:
            await self._keys.renew()
        try:
            return self.verify(token)
        except KeysWanted:
            raise IssuerUnavailable from None

    def state(self) -> Dependency:
        """The result of the last fetch of its keys. Sends no request."""
        return self._keys.state()

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Of claims whose signature was checked."""
        return principal_of(
            claims,
            issuer=self.issuer,
            audiences=self._audiences,
            roles_claim=self._roles_claim,
            now=self._clock(),
        )

    def _discover(self) -> Document:
        """The discovery document is read for every fetch, so that an issuer may move its keys."""
        found = fetch(self.issuer.rstrip("/") + DISCOVERY).content
        if found.get("issuer") != self.issuer:
            raise FetchFault("the discovery document is of another issuer")
        address = found.get("jwks_uri")
        if not isinstance(address, str) or not is_trusted(address, loopback=self._loopback):
            raise FetchFault("the discovery document names no address of keys that may be trusted")
        return fetch(address)


def header_of(token: str) -> dict[str, Any]:
    """The header, unverified. Raises `TokenRefused`."""
    return _unverified(token, jwt.get_unverified_header)


def claims_of(token: str) -> dict[str, Any]:
    """The claims, unverified: they only say which issuer to ask. Raises `TokenRefused`."""
    return _unverified(token, lambda text: jwt.decode(text, options={"verify_signature": False}))


def _unverified(token: str, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        _refuse()
    try:
        return dict(read(token))
    except (jwt.PyJWTError, ValueError, RecursionError):
        _refuse()


def _refuse() -> NoReturn:
    raise TokenRefused("the token is not valid") from None
