"""What a Redis URL says: `redis://`, `rediss://` (TLS) or `unix://`, as `kit/config/redis_url.py` allows them.

Read here because the package `redis` costs each process 10 MB and a tenth of a second for it.
"""

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

SCHEMES: Final = ("redis", "rediss", "unix")
DEFAULT_PORT: Final = 6379


class RedisAddress(Struct, frozen=True):
    host: str = "localhost"
    port: int = DEFAULT_PORT
    socket: str = ""
    """The path of a unix socket, or empty."""
    is_tls: bool = False
    username: str = ""
    password: str = ""
    """Empty without AUTH."""
    db: int = 0
    ca_certs: str | None = None
    """Files in PEM; without this one the authorities of the system are trusted."""
    certfile: str | None = None
    keyfile: str | None = None


def address_of(url: str) -> RedisAddress:
    """Raises ValueError for another scheme, and for a port or a database that is not a number."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError("a Redis URL begins with redis://, rediss:// or unix://")
    options = dict(parse_qsl(parts.query))
    is_socket, path = parts.scheme == "unix", unquote(parts.path)
    db = options.get("db") or ("" if is_socket else path.strip("/"))
    return RedisAddress(
        host=unquote(parts.hostname or "localhost"),
        port=parts.port or DEFAULT_PORT,
        socket=path if is_socket else "",
        is_tls=parts.scheme == "rediss",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        db=int(db or 0),
        ca_certs=options.get("ssl_ca_certs"),
        certfile=options.get("ssl_certfile"),
        keyfile=options.get("ssl_keyfile"),
    )
