"""Which texts may be said, and how they are said."""

import pytest

from blytz.show.chat.service import chat_line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  Hello  ", "Hello"),
        ("x" * 300 + " ", "x" * 300),
        ("x" * 301, None),
        ("", None),
        (" \u200b\u2060 ", None),
        ("one\ntwo", None),
        ("one\u2028two", None),
        ("one\u2029two", None),
        ("bell \x07", None),
        ("\x9bescape", None),
        ("pay \u202ereversed\u202c now", "pay reversed now"),
        ("\u2066isolated\u2069", "isolated"),
        ("in\u200bvis\u00adible\ufeff", "invisible"),
        ("👩\u200d🚀 can fly", "👩\u200d🚀 can fly"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("https://example.com", "https://example.com"),
    ],
)
def test_a_text_is_said_or_refused(text: str, said: str | None) -> None:
    assert chat_line(text) == said
