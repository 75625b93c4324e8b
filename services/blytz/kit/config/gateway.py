"""Every setting of the gateway (nginx): `BLYTZ_GATEWAY_<NAME>` for each field. `specs/settings.md` is made from
this file too. Every value is checked before it gets into nginx's configuration."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from blytz.kit.addresses import address_fault, network_fault
from blytz.kit.config.fields import Check, Port, SettingsFault, Texts, TextsOrNone, matches, read_fields

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
_PLACE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?")
_LOG = re.compile(r"[A-Za-z0-9/._-]+")

Rate = Annotated[int, Meta(ge=1, le=1_000_000)]


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Limits are per client address; an IPv6 /64 network counts as one address."""

    hosts: Texts = ("127.0.0.1",)
    """Addresses to listen on; `0.0.0.0,::` are all."""
    http_port: Port = 80
    """With domains it only redirects to https, and answers Let's Encrypt's challenges."""
    https_port: Port = 443
    """Only with domains."""
    domains: Texts = ()
    """Domain names of the platform, the main one first. With any there is TLS, and http only redirects to
    https."""
    auction: Texts = ("127.0.0.1:8080",)
    """`HOST:PORT` of the auction service; several share the load. Names are resolved once, at start."""
    live: Texts = ("127.0.0.1:8081",)
    """`HOST:PORT` of the live service; several share the load."""
    order: Texts = ()
    """`HOST:PORT` of the order service; without one its URLs answer `service_absent`."""
    payment: Texts = ()
    """`HOST:PORT` of the payment service; without one its URLs answer `service_absent`."""
    app: Path | None = None
    """Folder of the web app's files; its `index.html` answers every URL of the app. Without it, a page says what
    runs here."""
    images_url: str = ""
    """The public address of the bucket of images: `https://images.example.com`. Browsers are sent there for an
    image that is not in the folder `images` of the data folder."""
    csp: str = POLICY
    """The whole `Content-Security-Policy`. Set it when the app needs sign-in, payments or video of other sites."""
    access_log: str = "access.log"
    """A path, relative to the gateway's folder or absolute, or `stdout`, or `off`."""
    requests_per_s: Rate = 200
    """HTTP requests of one address; past this rate and the burst, 429."""
    requests_burst: Rate = 1_000
    """HTTP requests of one address at once, after a pause."""
    requests_at_once: Rate = 500
    """Unanswered HTTP requests of one address; open WebSockets do not count."""
    sockets_per_s: Rate = 100
    """New WebSockets of one address; past this rate and the burst, 429."""
    sockets_burst: Rate = 1_000
    """New WebSockets of one address at once, after a pause."""
    sockets_at_once: Rate = 5_000
    """Open WebSockets of one address."""
    unlimited: TextsOrNone = ()
    """Networks without any of these limits; under `blytz up` those of loopback."""
    origins: Texts = ()
    """The same list as for the services: pages of these origins may read the refusals of nginx itself. Under
    `blytz up` those of loopback as well."""
    trusted_proxies: Texts = ()
    """Networks of proxies whose `X-Forwarded-For` is trusted, read from its right end."""
    body_kib: Annotated[int, Meta(ge=1, le=65_536)] = 192
    """The largest request body, in KiB; the services accept 192."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Worker processes of nginx; one serves about ten thousand viewers."""


DEV: Final = GatewaySettings(unlimited=LOOPBACK)
"""On a developer's machine all clients, `blytz simulate` included, have the same address."""


def gateway_variable(field: str) -> str:
    """The name of the variable that sets this field. Gateway and services read one list of origins."""
    return "BLYTZ_ORIGINS" if field == "origins" else PREFIX + field.upper()


def read_gateway_settings(
    environ: Mapping[str, str] | None = None, otherwise: GatewaySettings | None = None
) -> GatewaySettings:
    """From the environment of this process unless another is given; `otherwise` has the values of what is not set.
    Raises `SettingsFault` with all faults."""
    read = read_fields(GatewaySettings, os.environ if environ is None else environ, gateway_variable, _CHECKS)
    settings: GatewaySettings = msgspec.structs.replace(otherwise or GatewaySettings(), **read.values)
    faults = [*read.faults, *_across(settings)]
    if faults:
        raise SettingsFault("\n".join(faults))
    return settings


def _across(settings: GatewaySettings) -> list[str]:
    faults = []
    if settings.domains and settings.http_port == settings.https_port:
        names = f"{gateway_variable('http_port')} and {gateway_variable('https_port')}"
        faults.append(f"{names} are both {settings.http_port}; give each its own")
    if settings.domains and settings.images_url.startswith("http://"):
        name = gateway_variable("images_url")
        faults.append(f"{name} must be an https:// address: pages over https show no other images")
    return faults


def _server_fault(text: Any) -> str | None:
    found = _SERVER.fullmatch(text)
    return None if found and 0 < int(found[1]) <= 65_535 else "is not HOST:PORT"


def _folder_fault(path: Any) -> str | None:
    can_read = os.access(path / "index.html", os.R_OK)
    return None if can_read else "has no readable index.html"


_CHECKS: Final[dict[str, Check]] = {
    "hosts": address_fault,
    "domains": matches(_DOMAIN, "is not a domain name in lower case"),
    **dict.fromkeys(("auction", "live", "order", "payment"), _server_fault),
    "app": _folder_fault,
    "images_url": matches(_PLACE, "is not the address of images; write it as https://images.example.com"),
    "csp": matches(_POLICY, "is not a content security policy"),
    "access_log": matches(_LOG, "is not a plain path"),
    "origins": matches(_ORIGIN, "is not an origin; write it as https://shop.example.com"),
    "unlimited": network_fault,
    "trusted_proxies": network_fault,
}
