"""Digits three lines high, for what must be read from across the room."""

from typing import Final

ROWS: Final = 3
_GLYPHS: Final = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", "▀▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ":": (" ", "▀", "▀"),
    ".": (" ", " ", "▀"),
    ",": (" ", " ", "▄"),
}


def big(text: str) -> tuple[str, ...]:
    """Three lines of equal width. What is not a digit or its punctuation (a currency's sign) stays small, on the
    first line."""
    columns = [_GLYPHS.get(char, (char, " " * len(char), " " * len(char))) for char in text]
    return tuple(" ".join(column[row] for column in columns) for row in range(ROWS))
