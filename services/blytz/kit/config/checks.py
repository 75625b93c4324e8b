"""Checks that types cannot express: the form of a text, faults across settings, and what production refuses."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from blytz.kit.addresses import is_trusted, network_fault
from blytz.kit.config import database_url, redis_url
from blytz.kit.config.fields import Check, matches, shown
from blytz.kit.config.model import Settings

NO_ISSUER: Final = (
    "no token issuer is configured: outside BLYTZ_ENV=dev no user could sign in; "
    "set BLYTZ_FIREBASE_PROJECT or BLYTZ_OIDC_ISSUERS"
)
_HOST = r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)"
_ORIGIN = re.compile(rf"https?://{_HOST}(:[0-9]{{1,5}})?")
_PUBLIC = re.compile(rf"https?://{_HOST}(:[0-9]{{1,5}})?/?")
_EMULATOR = re.compile(rf"(https?://)?{_HOST}(:[0-9]{{1,5}})?")
_LISTEN = re.compile(r"(?=.{1,253}\Z)[0-9a-fA-F:.]+|(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PROJECT = re.compile(r"[A-Za-z0-9.:-]{1,64}")
_URL = re.compile(r"https?://[!-~]+")
_LIVEKIT = re.compile(rf"(wss?|https?)://{_HOST}(:[0-9]{{1,5}})?/?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ENDPOINT = re.compile(rf"https?://{_HOST}(:[0-9]{{1,5}})?(/[A-Za-z0-9._~-]+)*/?")
_REGION = re.compile(r"[a-z][a-z0-9-]{1,31}")
MIN_LIVEKIT_SECRET: Final = 32

Variable = Callable[[str], str]
"""The name of the variable that sets a field."""


def faults(
    settings: Settings, variable: Variable, broken: frozenset[str] = frozenset(), *, signs_in: bool = False
) -> list[str]:
    """One line each: the variable, what is wrong with it, what to do. No line contains a secret. A `broken` field
    was reported already and has its default here, which is not checked."""
    is_production = settings.env == "production"
    found = [*_issuers(settings, variable)]
    if "redis_url" not in broken:
        name = variable("redis_url")
        found += [f"{name}{fault}" for fault in redis_url.faults(settings.redis_url, is_production=is_production)]
    if "database_url" not in broken:
        name = variable("database_url")
        found += [
            f"{name}{fault}" for fault in database_url.faults(settings.database_url, is_production=is_production)
        ]
    found += _livekit(settings, variable, broken)
    found += _images(settings, variable, broken)
    if is_production:
        found += _wildcards(settings, variable)
        if settings.firebase_auth_emulator_host or "firebase_auth_emulator_host" in broken:
            name = variable("firebase_auth_emulator_host")
            found.append(f"{name} is set: anybody could sign in as any user; unset it, production has no emulator")
    may_sign_in = settings.env == "dev" or settings.firebase_project or settings.oidc_issuers
    if signs_in and not may_sign_in and not broken & {"env", "firebase_project", "oidc_issuers"}:
        found.append(NO_ISSUER)
    return found


def _origin_fault(text: str) -> str | None:
    is_origin = text in {"*", "null"} or _ORIGIN.fullmatch(text.replace("*", "x"))
    return None if is_origin else "is not an origin; write it as https://shop.example.com"


def _issuer_fault(pair: str) -> str | None:
    issuer, _, audience = pair.rpartition("=")
    if issuer and audience and _URL.fullmatch(issuer):
        return None
    return "must be an issuer and its audience: https://login.example.com=shop"


CHECKS: Final[Mapping[str, Check]] = {
    "host": matches(_LISTEN, "is not an address of a machine; write it as 127.0.0.1, :: or localhost"),
    "origins": _origin_fault,
    "oidc_issuers": _issuer_fault,
    "firebase_project": matches(_PROJECT, "is not a project id"),
    "firebase_keys_url": matches(_URL, "must be an https:// address"),
    "firebase_auth_emulator_host": matches(_EMULATOR, "must be HOST:PORT"),
    "livekit_url": matches(_LIVEKIT, "is not the address of a LiveKit; write it as wss://video.example.com"),
    "images_bucket": matches(_BUCKET, "names no bucket: 3 to 63 of a-z, 0-9, dots and hyphens"),
    "images_endpoint": matches(_ENDPOINT, "is not the address of an S3; write it as https://s3.example.com"),
    "images_region": matches(_REGION, "names no region: at most 32 of a-z, 0-9 and hyphens"),
    "public_url": matches(_PUBLIC, "is not the address of a platform; write it as https://bid.example.com"),
    "trusted_proxies": network_fault,
}
"""By field."""


def _issuers(settings: Settings, variable: Variable) -> Iterator[str]:
    loopback = settings.env != "production"
    for pair in settings.oidc_issuers:
        issuer = pair.rpartition("=")[0]
        if not is_trusted(issuer, loopback=loopback):
            yield f"{variable('oidc_issuers')}: {shown(issuer)} must be an https:// address"
    if settings.firebase_keys_url and not is_trusted(settings.firebase_keys_url, loopback=loopback):
        yield f"{variable('firebase_keys_url')} must be an https:// address"


def _livekit(settings: Settings, variable: Variable, broken: frozenset[str]) -> Iterator[str]:
    names = ("livekit_url", "livekit_api_key", "livekit_api_secret")
    if broken.intersection(names):
        return
    missing = [variable(name) for name in names if not getattr(settings, name)]
    if missing and len(missing) < len(names):
        yield f"{', '.join(missing)}: LiveKit needs all three of its settings, or none"
    elif not missing and settings.env == "production":
        if not settings.livekit_url.startswith(("wss://", "https://")):
            yield f"{variable('livekit_url')} must be a wss:// address: pages over https connect to no other"
        if len(settings.livekit_api_secret) < MIN_LIVEKIT_SECRET:
            yield f"{variable('livekit_api_secret')} is shorter than {MIN_LIVEKIT_SECRET} characters"


def _images(settings: Settings, variable: Variable, broken: frozenset[str]) -> Iterator[str]:
    names = ("images_bucket", "images_key_id", "images_secret_key")
    if broken.intersection(names):
        return
    missing = [variable(name) for name in names if not getattr(settings, name)]
    if missing and len(missing) < len(names):
        yield f"{', '.join(missing)}: a bucket for images needs a key and its secret too"
    elif missing and settings.images_endpoint:
        yield f"{variable('images_endpoint')} is set without {variable('images_bucket')}: name the bucket there"


def _wildcards(settings: Settings, variable: Variable) -> Iterator[str]:
    for origin in settings.origins:
        if "*" in origin or origin == "null":
            yield f"{variable('origins')}: {shown(origin)} admits pages of other sites; name each origin exactly"
