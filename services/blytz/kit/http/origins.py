"""Whose pages may talk to us."""

import re
from collections.abc import Iterable
from typing import Final

LOOPBACK_ORIGIN: Final = r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?\Z"
"""A regular expression that Python and nginx read alike."""


class Origins:
    """Exactly those on the list, compared as text: no suffix, no pattern, no other case, scheme or port. With
    `loopback`, for dev, also those of this machine."""

    def __init__(self, allowed: Iterable[str], *, loopback: bool) -> None:
        self._allowed = frozenset(allowed)
        self._loopback = loopback

    def welcomes(self, origin: str) -> bool:
        """The value of an `Origin` header; `null` and the empty one are never allowed."""
        return origin in self._allowed or (self._loopback and bool(re.match(LOOPBACK_ORIGIN, origin)))
