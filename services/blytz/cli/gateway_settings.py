"""What nginx is told, read from `BLYTZ_GATEWAY_<NAME>`. Nothing here reaches its configuration unchecked."""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from blytz.kit.settings import SettingsFault

PREFIX: Final = "BLYTZ_GATEWAY_"
LOOPBACK: Final = ("127.0.0.0/8", "::1")
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; media-src 'self' blob: https:"
)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")
_POLICY = re.compile(r"[A-Za-z0-9 ;:/.*'_=+-]*")

Port = Annotated[int, Meta(ge=1, le=65_535)]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Lists are separated by commas. infra/nginx/README.md says each in an operator's words."""

    hosts: tuple[str, ...] = ("127.0.0.1",)
    """Addresses to listen on; `0.0.0.0,::` for everybody."""
    http_port: Port = 80
    https_port: Port = 443
    domains: tuple[str, ...] = ()
    """Our names, the first one first. With any there is TLS, and http only leads to it."""
    auction: tuple[str, ...] = ("127.0.0.1:8080",)
    live: tuple[str, ...] = ("127.0.0.1:8081",)
    order: tuple[str, ...] = ()
    payment: tuple[str, ...] = ()
    app: Path | None = None
    """Folder of the app's files; without, a page that says what runs here."""
    csp: str = POLICY
    access_log: str = "access.log"
    """A path in the gateway's folder or a whole one, `stdout`, or `off`."""
    requests_per_s: Rate = 200
    """Over HTTP, per address."""
    requests_burst: Rate = 1_000
    requests_at_once: Rate = 500
    sockets_per_s: Rate = 100
    """New ones, per address."""
    sockets_burst: Rate = 1_000
    sockets_at_once: Rate = 5_000
    unlimited: tuple[str, ...] = ()
    """Networks to which none of these limits applies."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose `X-Forwarded-For` is believed."""
    body_kib: Annotated[int, Meta(ge=1, le=65_536)] = 64
    workers: Annotated[int, Meta(ge=1, le=256)] = 1


DEV: Final = GatewaySettings(unlimited=LOOPBACK)
"""On one's own machine everybody, `blytz simulate` too, has the same address."""


def read_gateway_settings(
    environ: Mapping[str, str] = os.environ, otherwise: GatewaySettings | None = None
) -> GatewaySettings:
    """`otherwise` says what is not in the environment. Raises SettingsFault with all that is wrong."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(GatewaySettings):
        name = PREFIX + field.name.upper()
        text = environ.get(name)
        if text is None:
            continue
        try:
            values[field.name] = _value(text, field.type)
            _check(field.name, values[field.name])
        except ValueError as error:
            faults.append(f"{name}={text!r}: {error}")
    if faults:
        raise SettingsFault("\n".join(faults))
    return msgspec.structs.replace(otherwise or GatewaySettings(), **values)


def _value(text: str, kind: Any) -> Any:
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind == Path | None:
        return Path(text).expanduser().absolute() if text else None
    return msgspec.convert(text, kind, strict=False)


def _check(field: str, value: Any) -> None:
    if field in _CHECKS:
        for one in value if isinstance(value, tuple) else (value,):
            _CHECKS[field](one)


def _matches(pattern: re.Pattern[str], what: str) -> Callable[[Any], object]:
    def check(text: Any) -> None:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {what}")

    return check


def _is_folder(path: Any) -> None:
    if path is not None and not (path / "index.html").is_file():
        raise ValueError("there is no index.html in this folder")


_CHECKS: Final[dict[str, Callable[[Any], object]]] = {
    "hosts": ipaddress.ip_address,
    "domains": _matches(_DOMAIN, "a domain name in lower case"),
    **dict.fromkeys(("auction", "live", "order", "payment"), _matches(_SERVER, "HOST:PORT")),
    "app": _is_folder,
    "csp": _matches(_POLICY, "a content security policy"),
    "access_log": _matches(re.compile(r"[A-Za-z0-9/._-]+"), "a plain path"),
    "unlimited": ipaddress.ip_network,
    "trusted_proxies": ipaddress.ip_network,
}
