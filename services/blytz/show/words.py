"""The words of a text, the same on every database, so that a search finds the same shows on each."""

import re
import unicodedata
from typing import Final

MAX_WORDS: Final = 400
"""Of one text: enough for the title, the tags and most descriptions."""
MAX_WORD_LENGTH: Final = 64
"""Longer ones are cut, on both databases: PostgreSQL takes no more than 2,046 bytes."""
MAX_SEARCHED: Final = 8
"""Words of one search; more are left out."""
_WORD = re.compile(r"[^\W_]+")


def words_of(*texts: str) -> list[str]:
    """Without case, accents and width: `Émail` and `EMAIL` are one word. No word twice."""
    folded = unicodedata.normalize("NFKD", " ".join(texts)).casefold()
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    words = (word[:MAX_WORD_LENGTH] for word in _WORD.findall(plain))
    return list(dict.fromkeys(words))[:MAX_WORDS]
