"""What a seller lets be said in his shows: a list of words, and links. Pure.

A word is found however it is written: in any case or width, with accents, with look-alikes of other alphabets and
digits for letters, with letters repeated, with marks inside it (`b.a.d`), or spelled out (`b a d`). It is found as
a whole word only: a list that has `ass` does not refuse `class`. Every text is read once, from left to right, and
at most `MAX_OPEN` words are followed at a time, so that no text and no list can hold up other speakers.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from blytz.kit.text import is_ignorable
from blytz.show.chat.look_alikes import BEFORE_NORMALIZATION, LETTERS, MARKS

MAX_WORDS: Final = 500
MAX_WORD_LENGTH: Final = 40
"""Characters."""
MAX_OPEN: Final = 64
"""Words that are followed at a time; further ones that begin meanwhile are not found."""
MAX_LETTERS_OF_CHARACTER: Final = 4
_MASK: Final = "*"
# With a scheme, with www, or a name whose end is a common domain or that goes on with a path.
_LINK: Final = re.compile(
    r"https?://\S|\bwww\.\S|[a-z0-9]\.(?:com|net|org|info|biz|shop|store|live|link|app|dev|io|me|tv|gg|ly)\b"
    r"|[a-z0-9]\.[a-z]{2,24}/\S",
    re.IGNORECASE,
)


class Judged(NamedTuple):
    text: str | None
    """As it is said; None when a word of it is not allowed."""
    is_changed: bool = False
    """Words of it are masked."""
    links: bool | None = None
    """True: shown as clickable links; false: as plain text; None: the text has none."""


class _Letter(NamedTuple):
    letters: str
    """Those that it may stand for; empty for a mark or a space."""
    is_mark: bool
    """It may also stand for nothing, and a word may begin after it and end before it."""
    is_space: bool
    at: int
    """Where in the text."""


class _Node:
    """Of the tree of all words of a list: the letters up to here."""

    __slots__ = ("has_space", "is_word", "letter", "more")

    def __init__(self, letter: str = "") -> None:
        self.letter = letter
        self.more: dict[str, _Node] = {}
        self.is_word = False
        self.has_space = False
        """A list may have two words as one entry."""


class ChatRules(Struct, frozen=True, dict=True):
    words: tuple[str, ...] = ()
    links: Literal["text", "allowed"] = "text"
    on_match: Literal["refuse", "mask"] = "refuse"

    def judge(self, text: str) -> Judged:
        """`text` is one line of at most 300 characters."""
        links = self.links == "allowed" if _LINK.search(text) else None
        spans = self._found(text) if self.words else []
        if not spans:
            return Judged(text, links=links)
        if self.on_match == "refuse":
            return Judged(None)
        masked = list(text)
        for first, last in spans:
            for at in range(first, last + 1):
                masked[at] = masked[at] if masked[at].isspace() else _MASK
        return Judged("".join(masked), is_changed=True, links=links)

    @cached_property
    def _words(self) -> _Node:
        root = _Node()
        for word in self.words:
            node = root
            for letter in _letters_of(word):
                if letter.letters:
                    node = node.more.setdefault(letter.letters[0], _Node(letter.letters[0]))
                elif letter.is_space:
                    node.has_space = True
            node.is_word = node is not root
        return root

    def _found(self, text: str) -> list[tuple[int, int]]:
        """From where to where in the text."""
        found = []
        letters = _letters_of(text)
        open_words: _Open = {}
        begins = True
        for index, letter in enumerate(letters):
            if letter.is_space and not _is_spelled_out(letters, index):
                open_words = {node: span for node, span in open_words.items() if node.has_space}
            elif letter.letters:
                open_words = self._follow(open_words, letter, begins=begins)
                if _is_end(letters, index + 1):
                    found += [span for node, span in open_words.items() if node.is_word]
            begins = letter.is_mark or letter.is_space
        return found

    def _follow(self, open_words: "_Open", letter: _Letter, *, begins: bool) -> "_Open":
        """The words that go on with this letter or begin with it."""
        following: _Open = {}
        starts = [(self._words, (letter.at, letter.at))] if begins else []
        for node, span in [*open_words.items(), *starts]:
            longer = (span[0], letter.at)
            for each in letter.letters:
                if further := node.more.get(each):
                    following.setdefault(further, longer)
            if node.letter and node.letter in letter.letters:
                following.setdefault(node, longer)
            elif node.letter and letter.is_mark:
                following.setdefault(node, span)
            if len(following) >= MAX_OPEN:
                break
        return following


_Open = dict[_Node, tuple[int, int]]
"""Words that may still be found, and from where to where in the text they have been so far."""


def _is_end(letters: Sequence[_Letter], index: int) -> bool:
    return index == len(letters) or letters[index].is_mark or letters[index].is_space


def _is_spelled_out(letters: Sequence[_Letter], index: int) -> bool:
    """Whether single letters stand on both sides of this space."""
    return _is_single(letters, index - 1, -1) and _is_single(letters, index + 1, 1)


def _is_single(letters: Sequence[_Letter], index: int, step: int) -> bool:
    if not 0 <= index < len(letters) or not letters[index].letters:
        return False
    beyond = index + step
    return not 0 <= beyond < len(letters) or letters[beyond].is_space or letters[beyond].is_mark


def _letters_of(text: str) -> list[_Letter]:
    return list(_read(text))


def _read(text: str) -> Iterator[_Letter]:
    is_in_small_letters = False
    for at, character in enumerate(text.translate(BEFORE_NORMALIZATION)):
        # Fillers are letters to Unicode, but show nothing.
        if not character.isascii() and is_ignorable(character):
            continue
        plain = unicodedata.normalize("NFKD", character)
        # A sign for a whole phrase is no letter.
        for folded in plain if len(plain) <= MAX_LETTERS_OF_CHARACTER else " ":
            category = unicodedata.category(folded)
            if category in ("Mn", "Me", "Cf"):
                continue
            if folded == "I" and is_in_small_letters:
                # Within small letters it is rather an l.
                yield _Letter("il", is_mark=False, is_space=False, at=at)
            elif folded in MARKS:
                yield _Letter(MARKS[folded], is_mark=True, is_space=False, at=at)
            elif category[0] in "LN":
                for each in folded.casefold():
                    yield _Letter(LETTERS.get(each, each), is_mark=False, is_space=False, at=at)
            else:
                yield _Letter("", is_mark=True, is_space=folded.isspace(), at=at)
        is_in_small_letters = character.islower() or (character == "I" and is_in_small_letters)


NO_RULES: Final = ChatRules()
read_rules: Final = msgspec.json.Decoder(ChatRules).decode
