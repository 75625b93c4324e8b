"""What no single setting can tell of itself: faults across settings, and what production refuses."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from blytz.kit.settings import Settings

SHORTEST_SECRET: Final = 16
WELL_KNOWN: Final = frozenset(
    {"admin", "blytz", "changeme", "default", "example", "foobared", "password", "redis", "secret", "test"}
)
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?\Z")
_PROJECT = re.compile(r"[A-Za-z0-9.:-]{1,64}\Z")
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|::1)\Z")

Variable = Callable[[str], str]
"""The name of the variable that sets a field."""


def faults(settings: "Settings", variable: Variable) -> list[str]:
    """One line each: the variable, what is wrong with it, what to do. No line repeats a secret."""
    found = [*_redis_form(settings, variable), *_origins(settings, variable), *_issuers(settings, variable)]
    if settings.env == "production":
        found += [*_redis_in_production(settings, variable), *_wildcards(settings, variable)]
        if settings.firebase_auth_emulator_host:
            name = variable("firebase_auth_emulator_host")
            found.append(f"{name} is set: anybody could sign in as anybody; unset it, production has no emulator")
    return found


def secret_fault(text: str) -> str | None:
    """Why this may not guard anything in production."""
    if not text:
        return "is missing"
    if text.lower().strip("0123456789!-_") in WELL_KNOWN:
        return "is one that everybody tries first"
    if len(text) < SHORTEST_SECRET or len(set(text)) < 6:
        return f"is too easy to guess: at least {SHORTEST_SECRET} characters, made by chance"
    return None


def is_loopback(host: str) -> bool:
    return bool(_LOOPBACK.match(host))


def _redis_form(settings: "Settings", variable: Variable) -> Iterator[str]:
    name = variable("redis_url")
    try:
        parts = urlsplit(settings.redis_url)
        port = parts.port
    except ValueError:
        yield f"{name} has a port that is not a number from 0 to 65535"
        return
    if parts.scheme not in {"redis", "rediss", "unix"}:
        yield f"{name} must begin with redis://, rediss:// or unix://"
    elif parts.scheme == "unix" and not parts.path:
        yield f"{name} names no socket: unix:///path/to/redis.sock"
    elif port == 0:
        yield f"{name} has port 0, on which nobody listens"


def _redis_in_production(settings: "Settings", variable: Variable) -> Iterator[str]:
    try:
        parts = urlsplit(settings.redis_url)
        host = parts.hostname or "127.0.0.1"
    except ValueError:
        return
    name = variable("redis_url")
    is_here = parts.scheme == "unix" or is_loopback(host)
    if parts.scheme == "redis" and not is_here:
        yield f"{name} speaks plain text to {host}: use rediss:// (TLS) for any host but this one"
    fault = secret_fault(unquote(parts.password or ""))
    if fault and (parts.password or not is_here):
        yield f"{name}: the password of Redis {fault}"


def _origins(settings: "Settings", variable: Variable) -> Iterator[str]:
    for origin in settings.origins:
        if "*" not in origin and origin != "null" and not _ORIGIN.match(origin):
            yield f"{variable('origins')}: {origin!r} is no origin; write it as https://shop.example.com"


def _issuers(settings: "Settings", variable: Variable) -> Iterator[str]:
    plain_text = settings.env != "production"
    for pair in settings.oidc_issuers:
        issuer, _, audience = pair.rpartition("=")
        if not issuer or not audience:
            yield f"{variable('oidc_issuers')}: {pair!r} must be an issuer and its audience: https://login.example.com=shop"
        elif not _is_safe_address(issuer, plain_text=plain_text):
            yield f"{variable('oidc_issuers')}: {issuer!r} must be an https:// address"
    if settings.firebase_project and not _PROJECT.match(settings.firebase_project):
        yield f"{variable('firebase_project')}={settings.firebase_project!r} is no project id"
    if settings.firebase_keys_url and not _is_safe_address(settings.firebase_keys_url, plain_text=plain_text):
        yield f"{variable('firebase_keys_url')} must be an https:// address"
    if not settings.roles_claim:
        yield f"{variable('roles_claim')} is empty: name the claim that lists roles"


def _is_safe_address(url: str, *, plain_text: bool) -> bool:
    """Keys that came in plain text could be anybody's; only a developer's own machine may send them so."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return plain_text and parts.scheme == "http" and is_loopback(parts.hostname or "")


def _wildcards(settings: "Settings", variable: Variable) -> Iterator[str]:
    for origin in settings.origins:
        if "*" in origin or origin == "null":
            yield f"{variable('origins')}: {origin!r} lets pages of strangers in; name each origin exactly"
