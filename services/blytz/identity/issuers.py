"""Several issuers at once: a token goes to the one that it says it comes from."""

from collections.abc import Mapping
from typing import Any

from blytz.identity import Identity, Principal, TokenRefused
from blytz.identity.oidc import claims_of


class Issuers:
    """Adapters of `Identity`, by the `iss` of their tokens. The adapter checks it again, with the signature."""

    def __init__(self, issuers: Mapping[str, Identity]) -> None:
        self._issuers = dict(issuers)

    def verify(self, token: str) -> Principal:
        return self._issuer(token).verify(token)

    async def admit(self, token: str) -> Principal:
        return await self._issuer(token).admit(token)

    def _issuer(self, token: str) -> Identity:
        named: Any = claims_of(token).get("iss")
        found = self._issuers.get(named) if isinstance(named, str) else None
        if found is None:
            raise TokenRefused("the token's issuer is not trusted here")
        return found
