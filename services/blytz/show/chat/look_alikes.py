"""Characters that look like Latin letters. Pure.

Unicode keeps a table of confusable characters (UTS #39). The libraries that carry it take a megabyte and more, and
are no longer kept, or new and native. This is what people write in chats of it. Latin variants are found by their
names in Unicode, so that a later version adds to them. Others are escaped: they look like what they are read as.
"""

import re
import unicodedata
from string import ascii_lowercase
from typing import Final

_LATIN: Final = (range(0x80, 0x2B0), range(0x1D00, 0x1DC0), range(0x2C60, 0x2C80), range(0xA720, 0xAB70))
_VARIANT: Final = re.compile(
    r"LATIN (?:LETTER SMALL CAPITAL|SMALL LETTER(?: DOTLESS| SCRIPT)?) ([A-Z])(?: WITH .*)?"
)
_SIGNS: Final = (
    "NEGATIVE CIRCLED LATIN CAPITAL LETTER",
    "NEGATIVE SQUARED LATIN CAPITAL LETTER",
    "REGIONAL INDICATOR SYMBOL LETTER",
)


def _latin_variants() -> dict[str, str]:
    """Small capitals, and letters with strokes and hooks, which no normalization takes apart."""
    characters = (chr(code) for codes in _LATIN for code in codes)
    named = ((each, _VARIANT.fullmatch(unicodedata.name(each, ""))) for each in characters)
    return {each: found[1].lower() for each, found in named if found}


def _signs() -> dict[str, str]:
    """White letters on dark, and those of flags."""
    return {
        unicodedata.lookup(f"{sign} {letter.upper()}"): letter for sign in _SIGNS for letter in ascii_lowercase
    }


def _alike(characters: str, letters: str) -> dict[str, str]:
    return dict(zip(characters, letters, strict=True))


_CYRILLIC: Final = _alike(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
    "\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u04cf\u0475\u04af\u0461",
    "abekmhopctyxijsdqwhlvyw",
)
_GREEK: Final = _alike("\u03b1\u03b2\u03b5\u03b9\u03ba\u03bf\u03c1\u03c4\u03c7\u03c9", "abeikoptxw") | {
    "\u03b7": "nh",
    "\u03bc": "um",
    "\u03bd": "nv",
    "\u03c5": "uy",
}
_COPTIC: Final = _alike(
    "\u2c81\u2c83\u2ca5\u2c89\u2c8f\u2c93\u2c95\u2c99\u2c9b\u2c9f\u2ca3\u2ca7\u2ca9\u2cad\u2c8d", "abcehikmnoptyxz"
)
_ARMENIAN: Final = _alike("\u0585\u057d\u0570\u0578\u0581\u0566", "ouhngq")
# In the case that folding gives, which is the capital one.
_CHEROKEE: Final = _alike(
    "\u13aa\u13f4\u13cf\u13df\u13a0\u13ac\u13c0\u13f3\u13bb\u13c2\u13a5\u13ab\u13e6\u13de\u13b7"
    "\u13e2\u13a1\u13d2\u13d5\u13da\u13a2\u13d9\u13b3\u13d4\u13a9\u13bd\u13c3",
    "abbcdegghhijklmprrsstvwwyyz",
)
_LISU: Final = _alike(
    "\ua4ee\ua4d0\ua4da\ua4d3\ua4f0\ua4dd\ua4d6\ua4e7\ua4f2\ua4d9\ua4d7\ua4e1\ua4df"
    "\ua4e0\ua4f3\ua4d1\ua4e3\ua4e2\ua4d4\ua4f4\ua4e6\ua4ea\ua4eb\ua4ec\ua4dc",
    "abcdefghijklmnoprstuvwxyz",
)

LETTERS: Final = (
    _latin_variants()
    | {"\u0251": "a", "\u025b": "e", "\u0269": "i", "\u0185": "b"}
    | _CYRILLIC
    | _GREEK
    | _COPTIC
    | _ARMENIAN
    | _CHEROKEE
    | _LISU
    | {"0": "0o", "1": "1il", "3": "3e", "4": "4a", "5": "5s", "7": "7t", "8": "8b"}
)
"""What a character stands for, after normalization and folding of its case. Of several the first one stands for a
letter of the list."""
MARKS: Final = _signs() | {
    "@": "a",
    "$": "s",
    "!": "il",
    "|": "il",
    "+": "t",
    "\u20ac": "e",
    "\u00a2": "c",
    "\u00a3": "l",
    "\u00a5": "y",
    "\u00a7": "s",
    "\u00a9": "c",
    "\u00ae": "r",
    "\u00d7": "x",
}
"""What stands for a letter, or for nothing."""
BEFORE_NORMALIZATION: Final = str.maketrans("\u03f2\u03f9", "cC")
"""The lunate sigma, which normalization makes another sigma."""
