"""Patterns in words: what a text may be is told to people, and a regular expression tells them little."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# One line of text: something to read in it, and no control characters, which terminals and logs would obey.
# `(?!\n)` because Python's `$` also holds before a final line break.
LINE: Final = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$(?!\n)"
TEXT: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
HTTPS_URL: Final = r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$(?!\n)"
NAME: Final = r"^[A-Za-z0-9_-]{1,64}$(?!\n)"
USER_ID: Final = r"^[!-.0-~]{1,128}$(?!\n)"
CURRENCY: Final = r"^[A-Z]{3}$(?!\n)"

_IN_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        LINE: "must be one line with something to read in it, without control characters",
        TEXT: "must have no control characters but tabs and line breaks",
        HTTPS_URL: "must be an address like https://images.example.com/1.jpg, in visible ASCII characters",
        NAME: "must be 1 to 64 of A-Z a-z 0-9 _ -",
        USER_ID: "must be 1 to 128 visible ASCII characters, none of them a slash",
        CURRENCY: "must be three capital letters, as in ISO 4217",
    }
)


def in_words(fault: str) -> str:
    """What msgspec says of a value, without the pattern that it does not match."""
    for pattern, words in _IN_WORDS.items():
        fault = fault.replace(f"Expected `str` matching regex {pattern!r}", words)
    return fault
