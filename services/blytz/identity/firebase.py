"""ID tokens of Firebase Authentication, checked as its documentation asks ("Verify ID tokens using a third-party
JWT library"), and those of its emulator, which are not signed."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from blytz.identity import Principal, TokenRefused
from blytz.identity.claims import SKEW_S, seconds
from blytz.identity.fetch import fetch
from blytz.identity.keys import KeySet
from blytz.identity.oidc import Clock, OidcIssuer, claims_of, header_of

KEYS_URL: Final = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
ISSUERS: Final = "https://securetoken.google.com/"
ALGORITHMS: Final = frozenset({"RS256"})
MAX_SUBJECT_LENGTH: Final = 128


class FirebaseIssuer(OidcIssuer):
    """Accepts the ID tokens of one Firebase project."""

    def __init__(
        self, project: str, *, keys_url: str = KEYS_URL, roles_claim: str = "roles", clock: Clock = time.time
    ) -> None:
        super().__init__(
            ISSUERS + project,
            frozenset({project}),
            roles_claim=roles_claim,
            clock=clock,
            keys=KeySet("firebase", partial(fetch, keys_url), ALGORITHMS),
        )

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        principal = super().principal(claims)
        if seconds(claims, "auth_time") > self._clock() + SKEW_S:
            raise TokenRefused("the token is of a sign-in in the future")
        if len(claims["sub"]) > MAX_SUBJECT_LENGTH:
            raise TokenRefused("the token has no usable subject")
        return principal


class FirebaseEmulator(FirebaseIssuer):
    """Accepts unsigned tokens of the emulator, which anyone can write. Wired only where nobody bids
    for real (apps/signing_in.py)."""

    def verify(self, token: str) -> Principal:
        if header_of(token).get("alg") != "none" or not token.endswith("."):
            raise TokenRefused("the token is not one of the emulator")
        return self.principal(claims_of(token))

    async def admit(self, token: str) -> Principal:
        return self.verify(token)
