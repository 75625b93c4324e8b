"""Checks REDIS_URL, and what production refuses of it. No message contains the password."""

import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from blytz.kit.addresses import is_loopback

MIN_SECRET_LENGTH: Final = 16
WELL_KNOWN: Final = (
    *(
        "admin",
        "blytz",
        "changeme",
        "change",
        "default",
        "example",
        "foobared",
        "letmein",
        "local",
        "password",
        "pass",
    ),
    *("production", "prod", "qwerty", "redis", "root", "secret", "test", "user", "your"),
)
"""Words of examples and of common passwords."""
MIN_OTHER_LETTERS: Final = 6
"""Letters that a password needs besides those words."""
FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
OPTIONS: Final = ("db", *FILES)


def faults(url: str, *, is_production: bool) -> Iterator[str]:
    """Each is a text to be appended to the name of the variable."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        yield " is not an address, or has a port that is not a number from 0 to 65535"
        return
    if parts.scheme not in {"redis", "rediss", "unix"}:
        yield " must begin with redis://, rediss:// or unix://"
        return
    if parts.scheme == "unix" and not parts.path:
        yield " names no socket: unix:///path/to/redis.sock"
    if port == 0:
        yield " has port 0, on which nothing can listen"
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]{0,5}", parts.path):
        yield " names a database that is not a number, as in redis://127.0.0.1:6379/0"
    yield from _options(parts)
    if is_production:
        yield from _in_production(parts)


def secret_fault(text: str) -> str | None:
    """Why this is no password for production; None when it is good enough."""
    if not text:
        return "is missing"
    rest, known = re.subn("|".join(WELL_KNOWN), "", text.lower())
    if known and len(re.sub(r"[\W\d_]", "", rest)) < MIN_OTHER_LETTERS:
        return "consists of words of common passwords"
    if len(text) < MIN_SECRET_LENGTH or len(set(text)) < 6:
        return f"is too easy to guess: at least {MIN_SECRET_LENGTH} random characters"
    return None


def _options(parts: SplitResult) -> Iterator[str]:
    """A host or a password given as an option would take effect without having been checked."""
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in OPTIONS:
            # The name is not shown: it may be half of a password that contains a question mark.
            yield f" has an unknown option; it may have {', '.join(OPTIONS)}"
        elif name == "db" and not re.fullmatch("[0-9]{1,5}", value):
            yield " has a db that is not a number"
        elif name in FILES and not os.access(value, os.R_OK):
            yield f" has an {name} that is not a readable file"
    if parts.fragment:
        yield " has a # in it; in a password write %23"


def _in_production(parts: SplitResult) -> Iterator[str]:
    host = parts.hostname or "127.0.0.1"
    if parts.scheme == "redis" and not is_loopback(host):
        yield f" sends plain text to {host}: use rediss:// (TLS) for any host but this one"
    fault = secret_fault(unquote(parts.password or ""))
    # The permissions of its file protect a socket; any user of the machine may connect to a port.
    if fault and (parts.password or parts.scheme != "unix"):
        yield f": the password of Redis {fault}"
