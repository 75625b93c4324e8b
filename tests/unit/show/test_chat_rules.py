"""Which words are found in a message, and what becomes of it."""

import time

import pytest

from blytz.show.chat.rules import MAX_WORDS, ChatRules, Judged

BAD = ChatRules(("bad", "scam", "hello", "idiot", "Schei\u00dfe", "\u0434\u0443\u0440\u0430\u043a", "two words"))


@pytest.mark.parametrize(
    "text",
    [
        "bad",
        "so BAD!",
        "\uff22\uff41\uff44",
        "b\u00e1d",
        "ba\u0301d",
        "b\u0430d",
        "b\u03b1d",
        "8ad",
        "b4d",
        "b@d",
        "baaaaaad",
        "b.a.d",
        "b-a_d",
        "b\u200bad",
        "b a d",
        "oh b a d!",
        "bad-tempered",
        "he11o",
        "heIIo",
        "hel!o",
        "1d!0t",
        "\U0001d51f\U0001d51e\U0001d521",
        "SCHEISSE",
        "\u0414\u0423\u0420\u0410\u041a",
        "two words",
        "two.words",
        # Invisible: Hangul fillers, of which one is taken apart into another, and what Unicode keeps for later.
        "s\u3164c\uffa0a\u115fm",
        "s\ufff0c\U000e0fffa\u2065m",
        "s\u2800cam",
        # Small capitals, of which capital and small letter are the same, and letters with hooks and strokes.
        "\u0299\u1d00\u1d05",
        "\ua731\u1d04\u1d00\u1d0d",
        "b\u0251d",
        "\u0253\u2c65\u0257",
        # White on dark, alone, among plain letters and beside a word.
        "\U0001f171ad",
        "\U0001f171\U0001f170\U0001f173",
        "\U0001f1e7\U0001f1e6\U0001f1e9",
        "bad\U0001f1e9\U0001f1ea",
        "scam\U0001f171",
        "s\u00a2am",
        # Cherokee in both cases, Coptic, Lisu, Armenian, the Greek lunate sigma in both cases.
        "s\u13dfam",
        "\uabaacam",
        "\u2c83ad",
        "\ua4e2cam",
        "idi\u0585t",
        "s\u03f2am",
        "S\u03f9AM",
    ],
)
def test_a_word_is_found_however_it_is_written(text: str) -> None:
    assert BAD.judge(text) == Judged(None)


@pytest.mark.parametrize(
    "text",
    [
        "badly",
        "a badge",
        "Sindbad",
        "helo",
        "hell",
        "b ad",
        "b. A dog",
        "idio",
        "bd",
        "100 %",
        "I am",
        "words two",
        "\u0241ad",
        "s\u3164cams",
        "5\u00a2 am",
    ],
)
def test_what_only_resembles_a_word_is_said(text: str) -> None:
    assert BAD.judge(text) == Judged(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("so bad!", "so ***!"),
        ("b a d, BAD", "* * *, ***"),
        ("a b.a.d day \U0001f600", "a ***** day \U0001f600"),
        ("fine", "fine"),
    ],
)
def test_masked_words_leave_the_rest_as_it_was(text: str, masked: str) -> None:
    judged = ChatRules(("bad",), on_match="mask").judge(text)

    assert judged == Judged(masked, is_changed=masked != text)


@pytest.mark.parametrize(
    ("text", "has_link"),
    [
        ("see https://example.com/a", True),
        ("see WWW.example.de", True),
        ("buy at example.com", True),
        ("buy at example.de/bowl", True),
        ("Nice.Thanks", False),
        ("1.50 or 2.20", False),
        ("a/b", False),
    ],
)
def test_a_link_is_a_link_only_where_the_seller_allows_it(text: str, has_link: bool) -> None:
    assert ChatRules().judge(text).links is (False if has_link else None)
    assert ChatRules(links="allowed").judge(text).links is (True if has_link else None)


@pytest.mark.parametrize("text", ["!" * 300, "1l" * 150, "a." * 150, "a " * 150, "www." * 75, "a.b" * 100])
def test_no_text_and_no_list_takes_long(text: str) -> None:
    words = tuple(f"{number:09b}".replace("0", "i").replace("1", "l") for number in range(MAX_WORDS))
    rules = ChatRules((*words, *("a" * length for length in range(1, 40))))
    rules.judge("warm")

    def seconds() -> float:
        began = time.process_time()
        rules.judge(text)
        return time.process_time() - began

    # The quickest, because a processor that others use too is slower for everybody.
    assert min(seconds() for _ in range(3)) < 0.1
