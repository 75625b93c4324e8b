"""Which texts are accepted, with each pattern in words for people, and how text of other users is shown."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Terminals and logs would obey these.
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"
# Embeddings, overrides and isolates, which reach beyond the end of a text when they are unbalanced.
_DIRECTION: Final = "\u202a-\u202e\u2066-\u2069"
# All of Unicode's Default_Ignorable_Code_Point: fillers, joiners, tags, marks of direction and variation. The
# characters themselves, because not every dialect of regular expressions knows `\u2000`. JavaScript needs its `u`
# flag for those above U+FFFF, as JSON Schema recommends.
_IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# With the spaces: a name of nothing else shows nothing.
_INVISIBLE: Final = f" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000\ufff9-\ufffb{_IGNORABLE}"
_NOT_IN_LINE: Final = f"{_CONTROL}\u2028\u2029{_DIRECTION}"
# One line with something visible in it. `(?!\n)` because Python's `$` also holds before a final line break.
LINE: Final = rf"^[^{_NOT_IN_LINE}]*[^{_CONTROL}{_INVISIBLE}][^{_NOT_IN_LINE}]*$(?!\n)"
LINE_OR_NOTHING: Final = rf"^$|{LINE}"
TEXT: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
HTTPS_URL: Final = r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$(?!\n)"
# Of an upload (`show/images/rules.py`), or anywhere.
IMAGE_URL: Final = rf"^/images/[0-9a-f]{{2}}/[0-9a-f]{{64}}-[0-9]{{1,4}}\.webp$(?!\n)|{HTTPS_URL}"
NAME: Final = r"^[A-Za-z0-9_-]{1,64}$(?!\n)"
USER_ID: Final = r"^[!-.0-~]{1,128}$(?!\n)"
CURRENCY: Final = r"^[A-Z]{3}$(?!\n)"

_LINE_IN_WORDS: Final = "one line with something visible in it, without control characters or marks of direction"
_IN_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        LINE: f"must be {_LINE_IN_WORDS}",
        LINE_OR_NOTHING: f"must be empty, or {_LINE_IN_WORDS}",
        TEXT: "must have no control characters but tabs and line breaks",
        IMAGE_URL: "must be that of an upload, or like https://images.example.com/1.jpg, in visible ASCII",
        NAME: "must be 1 to 64 of A-Z a-z 0-9 _ -",
        USER_ID: "must be 1 to 128 visible ASCII characters, none of them a slash",
        CURRENCY: "must be three capital letters, as in ISO 4217",
    }
)

_CONTROL_OR_DIRECTION: Final = re.compile(f"[{_CONTROL}{_DIRECTION}]")


def isolated(text: str) -> str:
    """Text of another user for a terminal or page: it cannot change the direction of the text around it, nor send
    commands. Control characters are removed, and its own embeddings, overrides and isolates too, because an
    unbalanced one would reach beyond its end. Visible ASCII needs no isolation and stays as it is."""
    if text.isascii() and text.isprintable():
        return text
    return f"\u2068{_CONTROL_OR_DIRECTION.sub('', text)}\u2069"


_DIRECTION_OR_WIDTHLESS: Final = re.compile(f"[\u00ad\u200b\u2060-\u2065\ufeff{_DIRECTION}]")


def without_direction(text: str) -> str:
    """Without embeddings, overrides and isolates, which would reach beyond the end of the text, and without
    characters that show nothing and join nothing."""
    return text if text.isascii() else _DIRECTION_OR_WIDTHLESS.sub("", text)


_is_ignorable: Final = re.compile(f"[{_IGNORABLE}]").match


def is_ignorable(character: str) -> bool:
    """Whether it shows nothing, whatever stands around it."""
    return _is_ignorable(character) is not None


def is_line(text: str) -> bool:
    """Whether it is one line with something visible, without control characters and marks of direction."""
    return re.search(LINE, text) is not None


def in_words(fault: str) -> str:
    """What msgspec says of a value, without the pattern that it does not match."""
    for pattern, words in _IN_WORDS.items():
        fault = fault.replace(f"Expected `str` matching regex {pattern!r}", words)
    return fault
