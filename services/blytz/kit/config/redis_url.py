"""What may stand in REDIS_URL, and what production refuses of it. No message repeats the password."""

import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SHORTEST_SECRET: Final = 16
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
"""Words that stand in examples, and in everybody's first guesses."""
LEFT: Final = 6
"""Letters that a password needs besides those words."""
FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
OPTIONS: Final = ("db", *FILES)
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|::1)")


def is_loopback(host: str) -> bool:
    return bool(_LOOPBACK.fullmatch(host))


def faults(url: str, *, is_production: bool) -> Iterator[str]:
    """Each is to be read behind the name of the variable."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        yield " is no address, or has a port that is not a number from 0 to 65535"
        return
    if parts.scheme not in {"redis", "rediss", "unix"}:
        yield " must begin with redis://, rediss:// or unix://"
        return
    if parts.scheme == "unix" and not parts.path:
        yield " names no socket: unix:///path/to/redis.sock"
    if port == 0:
        yield " has port 0, on which nobody listens"
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]{0,5}", parts.path):
        yield " names a database that is not a number, as in redis://127.0.0.1:6379/0"
    yield from _options(parts)
    if is_production:
        yield from _in_production(parts)


def secret_fault(text: str) -> str | None:
    """Why this may not guard anything in production."""
    if not text:
        return "is missing"
    left, known = re.subn("|".join(WELL_KNOWN), "", text.lower())
    if known and len(re.sub(r"[\W\d_]", "", left)) < LEFT:
        return "is made of words that everybody tries first"
    if len(text) < SHORTEST_SECRET or len(set(text)) < 6:
        return f"is too easy to guess: at least {SHORTEST_SECRET} characters, made by chance"
    return None


def _options(parts: SplitResult) -> Iterator[str]:
    """A host or a password among them would be believed, and looked at by nobody."""
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in OPTIONS:
            # Its name may be half of a password that holds a question mark.
            yield f" has an option that we do not know; it may have {', '.join(OPTIONS)}"
        elif name == "db" and not re.fullmatch("[0-9]{1,5}", value):
            yield " has a db that is not a number"
        elif name in FILES and not os.access(value, os.R_OK):
            yield f" has an {name} that is no file which we may read"
    if parts.fragment:
        yield " has a # in it; in a password write %23"


def _in_production(parts: SplitResult) -> Iterator[str]:
    host = parts.hostname or "127.0.0.1"
    if parts.scheme == "redis" and not is_loopback(host):
        yield f" speaks plain text to {host}: use rediss:// (TLS) for any host but this one"
    fault = secret_fault(unquote(parts.password or ""))
    # The rights of its file guard a socket; to a port anybody on the machine may connect.
    if fault and (parts.password or parts.scheme != "unix"):
        yield f": the password of Redis {fault}"
