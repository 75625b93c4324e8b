"""Wiring of identity: whose tokens this process accepts."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from blytz.apps.wiring import dev_issuer
from blytz.identity import Identity
from blytz.identity.bans import Bans
from blytz.identity.dev import ISSUER
from blytz.identity.firebase import KEYS_URL, FirebaseEmulator, FirebaseIssuer
from blytz.identity.issuers import Issuers
from blytz.identity.oidc import OidcIssuer
from blytz.identity.redis.tokens import SharedIdentity
from blytz.identity.remembered import RememberedIdentity
from blytz.kit.config.checks import NO_ISSUER
from blytz.kit.config.fields import SettingsFault
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency
from blytz.kit.redis.pipe import RedisPipe


def identity(issuers: Mapping[str, Identity], bans: Bans, pipe: RedisPipe, settings: Settings) -> Identity:
    """Each process remembers what it has verified, and Redis what all have."""
    accepted = " ".join(
        [*sorted(issuers), *settings.oidc_issuers, settings.firebase_project, settings.roles_claim]
    )
    return RememberedIdentity(SharedIdentity(Issuers(issuers), pipe, accepted), bans)


def states(issuers: Mapping[str, Identity]) -> dict[str, Callable[[], Dependency]]:
    """For `/ready`: the state of each issuer whose keys are fetched. The dev issuer's are in the data folder, the
    emulator has none."""
    return {
        f"issuer:{_without_secrets(name)}": issuer.state
        for name, issuer in issuers.items()
        if isinstance(issuer, OidcIssuer) and not isinstance(issuer, FirebaseEmulator)
    }


def _without_secrets(address: str) -> str:
    """Without user and password, which do not belong there but must not be shown by `/ready`."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def issuers(settings: Settings) -> dict[str, Identity]:
    """Raises `SettingsFault` when no way to sign in is configured."""
    found = _issuers(settings)
    if not found:
        raise SettingsFault(NO_ISSUER)
    return found


def _issuers(settings: Settings) -> dict[str, Identity]:
    issuers: dict[str, Identity] = {}
    if dev := dev_issuer(settings):
        issuers[ISSUER] = dev
    if settings.firebase_project:
        firebase = _firebase(settings)
        issuers[firebase.issuer] = firebase
    audiences: dict[str, set[str]] = {}
    for pair in settings.oidc_issuers:
        issuer, _, audience = pair.rpartition("=")
        audiences.setdefault(issuer, set()).add(audience)
    for issuer, wanted in audiences.items():
        issuers[issuer] = OidcIssuer(
            issuer,
            frozenset(wanted),
            roles_claim=settings.roles_claim,
            loopback=settings.env != "production",
        )
    return issuers


def _firebase(settings: Settings) -> FirebaseIssuer:
    """The emulator signs nothing, so whoever accepts its tokens accepts anybody. It is used only when two settings
    ask for it: an environment other than production, and the variable of Firebase's own tools."""
    kind = FirebaseIssuer
    if settings.env != "production" and settings.firebase_auth_emulator_host:
        kind = FirebaseEmulator
    return kind(
        settings.firebase_project,
        keys_url=settings.firebase_keys_url or KEYS_URL,
        roles_claim=settings.roles_claim,
    )
