"""How text of other users is shown."""

import pytest

from blytz.kit.text import isolated


@pytest.mark.parametrize("mark", ["\u202e", "\u202a", "\u2066", "\u2067", "\u2069", "\u202c"])
def test_a_text_cannot_change_the_direction_of_the_text_around_it(mark: str) -> None:
    assert isolated(f"a{mark}b") == "\u2068ab\u2069"


def test_a_right_to_left_text_is_left_unchanged() -> None:
    assert isolated("\u05e9\u05dc\u05d5\u05dd 7") == "\u2068\u05e9\u05dc\u05d5\u05dd 7\u2069"


def test_a_text_cannot_send_commands_to_a_terminal() -> None:
    assert isolated("a\x1b]0;title\x07\x9bb") == "\u2068a]0;titleb\u2069"


def test_plain_ascii_is_left_unchanged() -> None:
    assert isolated("Maya Rosen") == "Maya Rosen"
