"""The public keys of one issuer, as they are fetched, kept and renewed."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from blytz.identity import IssuerUnavailable, KeysWanted, TokenRefused
from blytz.identity.fetch import WITHIN_S, Document, FetchFault, in_background
from blytz.kit.http.pages import Dependency
from blytz.kit.problems import Overloaded

log = structlog.get_logger()

MAX_KEYS: Final = 64
MAX_KID_LENGTH: Final = 256
MIN_RSA_BITS: Final = 2_048
MAX_RSA_BITS: Final = 8_192
"""A check of a longer one costs the loop milliseconds."""
KEPT_UNSAID_S: Final = 3_600
"""Where the issuer does not say how long."""
MIN_KEPT_S: Final = 60
MAX_KEPT_S: Final = 24 * 3_600
STALE_FOR_S: Final = 6 * 3_600
"""How much longer old keys are used while new ones cannot be fetched. After that their tokens are refused."""
RETRY_S: Final = 5.0
UNKNOWN_EVERY_S: Final = 60.0
"""A token may name any key it likes: for one we do not know, no more than one look in this time."""
MAX_WAITING: Final = 1_024
GIVEN_UP_AFTER_S: Final = 30.0
"""An issuer that sends a byte now and then keeps a fetch going for hours; no caller waits that long."""
MAX_GIVEN_UP: Final = 4
"""Each holds a thread until it ends. With so many the issuer is not asked again before one has."""

_BY_CURVE: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_BY_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class Key(Struct, frozen=True):
    public: Any
    """As `cryptography` has it."""
    algorithms: frozenset[str]
    """Only what fits its kind: a token never chooses how a key is used. Never a symmetric one."""


def keys_in(jwks: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Key]:
    """Those that sign with an allowed algorithm, by `kid`. Whatever else is in the set is passed over, as RFC 7517
    asks."""
    listed = jwks.get("keys")
    found: dict[str, Key] = {}
    for jwk in listed[:MAX_KEYS] if isinstance(listed, list) else ():
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            continue
        kid, algorithms = jwk.get("kid"), _algorithms_of(jwk) & allowed
        if not algorithms or not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
            continue
        public = _public(jwk, next(iter(algorithms)))
        if public is not None:
            found[kid] = Key(public, algorithms)
    return found


def _algorithms_of(jwk: Mapping[str, Any]) -> frozenset[str]:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    fitting: frozenset[str] = frozenset()
    if kind == "RSA":
        fitting = _BY_RSA
    elif kind in ("EC", "OKP") and isinstance(curve, str) and curve in _BY_CURVE:
        fitting = frozenset({_BY_CURVE[curve]})
    named = jwk.get("alg")
    return fitting if named is None else fitting & {named if isinstance(named, str) else ""}


def _public(jwk: Mapping[str, Any], algorithm: str) -> Any:
    """None for a key that is broken, private, too short or too long."""
    if "d" in jwk:
        return None
    try:
        public = jwt.PyJWK(dict(jwk), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(public, RSAPublicKey) and not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
        return None
    return public


class KeySet:
    """Keys are kept as long as the issuer's Cache-Control says, within bounds, and renewed in the background:
    old ones are used meanwhile, and for `STALE_FOR_S` while the issuer is away. One fetch at a time, no sooner
    than `RETRY_S` after the one before, and for an unknown key no sooner than `UNKNOWN_EVERY_S`."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Document],
        allowed: frozenset[str],
        now: Callable[[], float] = time.monotonic,
        given_up_after_s: float = GIVEN_UP_AFTER_S,
    ) -> None:
        """`read` fetches the JWK set; it blocks and raises `FetchFault`. `now` is in seconds."""
        self._name = name
        self._read = read
        self._allowed = allowed
        self._now = now
        self._keys: dict[str, Key] = {}
        self._fresh_until = self._good_until = self._tried_at = float("-inf")
        self._away_since: float | None = None
        """When the first of the fetches failed of which none was good since."""
        self._fetching: asyncio.Task[None] | None = None
        self._waiting = 0
        self._given_up_after_s = given_up_after_s
        self.given_up: set[asyncio.Future[Document]] = set()
        """Fetches that go on although no caller waits any more."""

    def find(self, kid: str) -> Key:
        """Raises `KeysWanted` where `renew` may help, else `TokenRefused` or `IssuerUnavailable`."""
        now = self._now()
        if now > self._good_until:
            if self._fetching or now >= self._tried_at + RETRY_S:
                raise KeysWanted
            raise IssuerUnavailable
        if now > self._fresh_until and now >= self._tried_at + RETRY_S:
            self._begin()
        key = self._keys.get(kid)
        if key is not None:
            return key
        if self._fetching or now >= self._tried_at + UNKNOWN_EVERY_S:
            raise KeysWanted
        if now > self._fresh_until:
            raise IssuerUnavailable
        raise TokenRefused("the token is signed with a key that its issuer does not have")

    def state(self) -> Dependency:
        """The result of the last fetch; sends no request. Optional: known keys stay in use without it."""
        now = self._now()
        if self._away_since is None:
            return Dependency("up" if now <= self._good_until else "unasked", optional=True)
        left_s = self._good_until - now
        detail = "none of its tokens can be checked"
        if left_s > 0:
            detail = f"the keys it gave before are used for {left_s // 60:.0f} more minutes"
        away_for_ms = round((now - self._away_since) * 1_000)
        return Dependency("away", IssuerUnavailable.code, detail, away_for_ms, optional=True)

    async def renew(self) -> None:
        """Fetches, or waits for the fetch that is on its way. Returns when it ended, well or not, and after
        `WITHIN_S` at the latest. Raises `Overloaded` when too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise Overloaded
        self._begin()
        self._waiting += 1
        try:
            if self._fetching:
                await asyncio.wait([self._fetching], timeout=WITHIN_S)
        finally:
            self._waiting -= 1

    def _begin(self) -> None:
        if self._fetching is None and len(self.given_up) < MAX_GIVEN_UP:
            self._tried_at = self._now()
            self._fetching = asyncio.create_task(self._fetch(), name=f"keys of {self._name}")

    async def _document(self) -> Document:
        reading = in_background(self._read)
        await asyncio.wait([reading], timeout=self._given_up_after_s)
        if not reading.done():
            self.given_up.add(reading)
            reading.add_done_callback(self._forget)
            raise FetchFault(f"there is no whole answer after {self._given_up_after_s:.0f} s")
        return reading.result()

    def _forget(self, reading: "asyncio.Future[Document]") -> None:
        self.given_up.discard(reading)
        if not reading.cancelled():
            reading.exception()  # read, or asyncio logs that it never was

    def _record_failure(self) -> None:
        self._away_since = self._now() if self._away_since is None else self._away_since

    async def _fetch(self) -> None:
        try:
            document = await self._document()
            keys = keys_in(document.content, self._allowed)
            if not keys:
                raise FetchFault("there is no key in it that can be used")
        except FetchFault as fault:
            self._record_failure()
            log.warning("issuer_keys_unavailable", issuer=self._name, error=str(fault))
        except Exception:
            # What an issuer publishes is not ours: whatever it does to us, we ask again later.
            self._record_failure()
            log.exception("issuer_keys_unreadable", issuer=self._name)
        else:
            unsaid = document.max_age_s is None
            kept_s = KEPT_UNSAID_S if unsaid else min(max(document.max_age_s or 0, MIN_KEPT_S), MAX_KEPT_S)
            self._keys = keys
            self._fresh_until = self._now() + kept_s
            self._good_until = self._fresh_until + STALE_FOR_S
            self._away_since = None
            log.info("issuer_keys_fetched", issuer=self._name, keys=len(keys), kept_s=kept_s)
        finally:
            self._fetching = None
