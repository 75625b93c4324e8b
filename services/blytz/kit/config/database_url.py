"""Checks DATABASE_URL, and what production refuses of it. No message contains the password."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from blytz.kit.addresses import is_loopback
from blytz.kit.config.redis_url import secret_fault

ENCRYPTED: Final = ("verify-ca", "verify-full")
MODES: Final = ("disable", "allow", "prefer", "require", *ENCRYPTED)


def faults(url: str, *, is_production: bool) -> Iterator[str]:
    """Each is a text to be appended to the name of the variable. None for an empty one: SQLite."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises
    except ValueError:
        yield " is not an address, or has a port that is not a number from 0 to 65535"
        return
    if parts.scheme not in {"postgresql", "postgres"}:
        yield " must begin with postgresql://; without it SQLite is used"
        return
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if set(options) - {"host", "sslmode"}:
        # The name is not shown: it may be half of a password that contains a question mark.
        yield " has an unknown option; it may have host (the folder of a unix socket) and sslmode"
    if options.get("sslmode", "prefer") not in MODES:
        yield f" has an sslmode that is none of {', '.join(MODES)}"
    if parts.fragment:
        yield " has a # in it; in a password write %23"
    is_socket = options.get("host", "").startswith("/")
    if is_production and not is_socket:
        host = parts.hostname or "127.0.0.1"
        if not is_loopback(host) and options.get("sslmode") not in ENCRYPTED:
            yield f" does not check who {host} is: add ?sslmode=verify-full"
        if fault := secret_fault(unquote(parts.password or "")):
            yield f": the password of PostgreSQL {fault}"
