"""Every setting of every process, in one place, read from the environment once at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

PREFIX = "BLYTZ_"


class SettingsFault(Exception):
    """The environment does not make sense; the message names every fault, one a line."""


class Settings(Struct, frozen=True, kw_only=True):
    """`BLYTZ_<NAME>` for each field, except `REDIS_URL`. Nothing here has a secret as its default."""

    env: Literal["production", "test", "dev"] = "production"
    """`dev` alone has the dev issuer and its sign-in."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """`redis://`, `rediss://` (TLS) or `unix://`; may carry user and password."""
    data: Path = Path("var/blytz")
    """Where the dev key, and under `blytz up` Redis, keep their files."""
    host: str = "127.0.0.1"
    auction_port: int = 8080
    live_port: int = 8081
    hammer_port: int = 8084
    """Only `/health`, `/ready` and `/metrics`."""
    origins: tuple[str, ...] = ()
    """Exact origins whose pages may open a socket. In dev every loopback origin may as well."""
    replicas: int = 0
    """How many replicas must hold a bid before its bidder is answered (WAIT)."""
    log: Literal["auto", "json", "console"] = "auto"
    bids_in_flight: int = 2_048
    """Per process; past it bids are refused with `overloaded`."""
    most_connections: int = 20_000
    """Per gateway process; past it a connection is closed with 4429."""
    messages_per_s: int = 50
    """Per connection, with a burst of twice as many; past it the connection is closed with 4429."""
    most_topics: int = 100
    """Watched by one connection at once."""
    send_queue_bytes: int = 262_144
    """Per connection; a reader further behind is closed with 4408."""
    heartbeat_ms: int = 20_000


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises `SettingsFault`."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        name = "REDIS_URL" if field.name == "redis_url" else PREFIX + field.name.upper()
        text = environ.get(name)
        if text is None:
            continue
        raw: Any = [part.strip() for part in text.split(",") if part.strip()] if field.name == "origins" else text
        try:
            values[field.name] = (
                Path(text) if field.type is Path else msgspec.convert(raw, field.type, strict=False)
            )
        except msgspec.ValidationError as error:
            faults.append(f"{name}={text!r}: {error}")
    if faults:
        raise SettingsFault("\n".join(faults))
    return Settings(**values)
