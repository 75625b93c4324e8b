"""Every setting of the gateway: what nginx is told. `BLYTZ_GATEWAY_<NAME>` for each field; `specs/settings.md` is
made from this file too. Nothing here reaches nginx's configuration unchecked."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from blytz.kit.addresses import address_fault, network_fault
from blytz.kit.config.fields import Check, Port, SettingsFault, Texts, TextsOrNone, read_fields

PREFIX: Final = "BLYTZ_GATEWAY_"
LOOPBACK: Final = ("127.0.0.0/8", "::1")
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; media-src 'self' blob: https:"
)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_POLICY = re.compile(r"[A-Za-z0-9 ;:/.*'_=+-]*")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
_LOG = re.compile(r"[A-Za-z0-9/._-]+")

Rate = Annotated[int, Meta(ge=1, le=1_000_000)]


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Limits are by address, an IPv6 network of 64 bits counting as one."""

    hosts: Texts = ("127.0.0.1",)
    """Addresses to listen on; `0.0.0.0,::` for everybody."""
    http_port: Port = 80
    """With domains it only leads to https, and shows Let's Encrypt that they are ours."""
    https_port: Port = 443
    """Only with domains."""
    domains: Texts = ()
    """Names of the platform, the first one first. With any there is TLS, and http only leads to it."""
    auction: Texts = ("127.0.0.1:8080",)
    """Where the auction service is, `HOST:PORT`; several share the work. Names are looked up once, at start."""
    live: Texts = ("127.0.0.1:8081",)
    """Where the live service is; several share the work."""
    order: Texts = ()
    """Where the order service is; without, its addresses say `service_absent`."""
    payment: Texts = ()
    """Where the payment service is; without, its addresses say `service_absent`."""
    app: Path | None = None
    """Folder of the app's files, with an `index.html` that answers at every address of the app; without, a page
    that says what runs here."""
    csp: str = POLICY
    """The whole `Content-Security-Policy`: to be said when the app needs sign-in, payments or video from
    elsewhere."""
    access_log: str = "access.log"
    """A path in the gateway's folder or a whole one, `stdout`, or `off`."""
    requests_per_s: Rate = 200
    """HTTP requests of one address; past it and the burst 429."""
    requests_burst: Rate = 1_000
    """So many at once, of an address that has been quiet."""
    requests_at_once: Rate = 500
    """Of one address, not answered yet; open WebSockets are not among them."""
    sockets_per_s: Rate = 100
    """New WebSockets of one address; past it and the burst 429."""
    sockets_burst: Rate = 1_000
    """So many at once, of an address that has been quiet."""
    sockets_at_once: Rate = 5_000
    """Open WebSockets of one address."""
    unlimited: TextsOrNone = ()
    """Networks without any of these limits; under `blytz up` those of loopback."""
    origins: Texts = ()
    """The same list as for the services: pages of these origins may read the refusals of nginx itself. Under
    `blytz up` those of loopback as well."""
    trusted_proxies: Texts = ()
    """Networks whose `X-Forwarded-For` is believed, from its right end."""
    body_kib: Annotated[int, Meta(ge=1, le=65_536)] = 192
    """The largest body of a request; the services take 192 KiB."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes of nginx; one serves some ten thousand viewers."""


DEV: Final = GatewaySettings(unlimited=LOOPBACK)
"""On one's own machine everybody, `blytz simulate` too, has the same address."""


def gateway_variable(field: str) -> str:
    """The name of the variable that sets this field. Gateway and services read one list of origins."""
    return "BLYTZ_ORIGINS" if field == "origins" else PREFIX + field.upper()


def read_gateway_settings(
    environ: Mapping[str, str] | None = None, otherwise: GatewaySettings | None = None
) -> GatewaySettings:
    """Of the process's own environment unless another is given; `otherwise` says what is not in it. Raises
    `SettingsFault` with all that is wrong."""
    read = read_fields(GatewaySettings, os.environ if environ is None else environ, gateway_variable, _CHECKS)
    settings: GatewaySettings = msgspec.structs.replace(otherwise or GatewaySettings(), **read.values)
    faults = [*read.faults, *_across(settings)]
    if faults:
        raise SettingsFault("\n".join(faults))
    return settings


def _across(settings: GatewaySettings) -> list[str]:
    if settings.domains and settings.http_port == settings.https_port:
        names = f"{gateway_variable('http_port')} and {gateway_variable('https_port')}"
        return [f"{names} are both {settings.http_port}; give each its own"]
    return []


def _matches(pattern: re.Pattern[str], what: str) -> Check:
    return lambda text: None if pattern.fullmatch(text) else f"is not {what}"


def _server_fault(text: Any) -> str | None:
    found = _SERVER.fullmatch(text)
    return None if found and 0 < int(found[1]) <= 65_535 else "is not HOST:PORT"


def _folder_fault(path: Any) -> str | None:
    can_read = os.access(path / "index.html", os.R_OK)
    return None if can_read else "there is no index.html in this folder that we may read"


_CHECKS: Final[dict[str, Check]] = {
    "hosts": address_fault,
    "domains": _matches(_DOMAIN, "a domain name in lower case"),
    **dict.fromkeys(("auction", "live", "order", "payment"), _server_fault),
    "app": _folder_fault,
    "csp": _matches(_POLICY, "a content security policy"),
    "access_log": _matches(_LOG, "a plain path"),
    "origins": _matches(_ORIGIN, "an origin; write it as https://shop.example.com"),
    "unlimited": network_fault,
    "trusted_proxies": network_fault,
}
