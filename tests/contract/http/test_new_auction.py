"""Requests for a new auction: every invalid field is named."""

import time
from typing import Any

import pytest

from tests.support.http import Api, problem, wrong_fields

MAX_AMOUNT = 10**12


def asked(api: Api, by: str, body: Any) -> list[str]:
    return wrong_fields(api.post("/v1/auctions", body, by=by))


def test_all_faults_are_named_in_one_answer(api: Api, sam: str) -> None:
    body = {
        "description": 5,
        "terms": {
            "currency": "usd",
            "start_price": "100",
            "buy_now_price": 0,
            "increments": [[0, 100], [50, 0], ["x", 1], [60]],
            "ending": "never",
            "duration_ms": 1,
            "surprise": True,
        },
        "image_urls": ["https://a.example/x", "http://a.example/x", 7],
        "starts_at": 10**14,
        "owner": "me",
    }
    assert set(asked(api, sam, body)) == {
        "title", "description", "terms.currency", "terms.start_price", "terms.buy_now_price",
        "terms.increments[1][1]", "terms.increments[2][0]", "terms.increments[3]", "terms.ending",
        "terms.duration_ms", "terms.surprise", "image_urls[1]", "image_urls[2]", "starts_at", "owner",
    }  # fmt: skip


def test_faults_between_fields_are_reported_with_faults_of_single_fields(api: Api, sam: str) -> None:
    terms = {"start_price": 500, "buy_now_price": 500, "duration_ms": 60_000, "max_total_ms": 59_999}
    crossed = ["terms.buy_now_price", "terms.max_total_ms"]
    assert asked(api, sam, {"title": "x", "terms": terms}) == crossed
    assert asked(api, sam, {"title": "", "terms": terms}) == ["title", *crossed]
    assert asked(api, sam, {"title": "x", "terms": terms, "starts_at": 10**14}) == [*crossed, "starts_at"]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[1, 100]],
        [[0, 100], [0, 200]],
        [[0, 100], [50, 200], [40, 300]],
        [[0, 200], [50, 100]],
        [[number, 1] for number in range(65)],
        [[0, 1], [MAX_AMOUNT + 1, 1]],
    ],
    ids=["none", "not from 0", "twice", "descending", "smaller step", "65 rows", "beyond money"],
)
def test_an_inconsistent_increment_table_is_refused(api: Api, sam: str, rows: Any) -> None:
    assert asked(api, sam, {"title": "x", "terms": {"increments": rows}}) == ["terms.increments"]


def test_an_increment_table_of_sixty_four_rows_is_accepted(api: Api, sam: str) -> None:
    rows = [[number * 1_000, 100 + number] for number in range(64)]
    answer = api.post("/v1/auctions", {"title": "x", "terms": {"increments": rows}}, by=sam)
    assert answer.json()["terms"]["increments"] == rows


MONEY = ("start_price", "reserve_price", "buy_now_price")
NOT_MONEY = ("0", "-1", "1.0", "1e3", str(MAX_AMOUNT + 1), str(2**53), str(2**64), '"100"', "true", "[100]", "{}")


@pytest.mark.parametrize("field", MONEY)
@pytest.mark.parametrize("amount", NOT_MONEY)
def test_an_invalid_price_is_refused_and_its_field_named(api: Api, sam: str, field: str, amount: str) -> None:
    assert asked(api, sam, f'{{"title": "x", "terms": {{"{field}": {amount}}}}}') == [f"terms.{field}"]


def test_the_smallest_and_largest_values_of_every_field_are_accepted(api: Api, sam: str) -> None:
    day = 24 * 60 * 60 * 1000
    least = {"start_price": 1, "reserve_price": 1, "buy_now_price": 2, "duration_ms": 1_000, "max_total_ms": 1_000}
    least |= {"extension_window_ms": 0, "extension_ms": 0}
    most = {
        "start_price": MAX_AMOUNT - 1,
        "reserve_price": MAX_AMOUNT,
        "buy_now_price": MAX_AMOUNT,
        "duration_ms": 30 * day,
    }
    most |= {"max_total_ms": 30 * day, "extension_window_ms": 30 * day, "extension_ms": 30 * day}
    for terms in (least, most):
        assert api.post("/v1/auctions", {"title": "x", "terms": terms}, by=sam).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 141),
        ("title", "a\nb"),
        ("title", "a\n"),
        ("title", "a\u0000"),
        ("title", "\u001b[31mred"),
        ("title", None),
        ("description", "x" * 5_001),
        ("description", "a\u0000b"),
        ("terms", None),
        ("terms", []),
        ("image_urls", "https://a.example/x"),
        ("image_urls", ["https://a.example/x"] * 11),
        ("starts_at", -1),
        ("starts_at", 1.5),
        ("starts_at", "2026-01-01"),
        ("starts_at", 2**53),
    ],
)
def test_a_field_out_of_bounds_is_refused(api: Api, sam: str, field: str, value: Any) -> None:
    assert asked(api, sam, {"title": "x", "terms": {}, field: value}) == [field]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/x", "https://", "https:///x", "//a.example/x", "javascript:alert(1)", "data:image/png,x",
        "https://a.example/a b", "https://a.example/\n", "https://user@a.example/x",
        "https://a.example/" + "x" * 2_048,
    ],
)  # fmt: skip
def test_only_https_image_urls_are_accepted(api: Api, sam: str, url: str) -> None:
    assert asked(api, sam, {"title": "x", "terms": {}, "image_urls": [url]}) == ["image_urls[0]"]


def test_a_refused_text_is_answered_with_the_rule_it_breaks(api: Api, sam: str, anna: str) -> None:
    body = {"title": " ", "description": "\x00", "image_urls": ["ftp://a"], "terms": {"currency": "usd"}}
    reply = problem(api.post("/v1/auctions", body, by=sam), 422, "invalid_request")
    odd_bid = problem(api.bid("auc_x", 5, by=anna, bid_id="a b"), 422, "invalid_request")
    odd_cursor = problem(api.get("/v1/auctions", cursor="a b"), 422, "invalid_request")
    details = [error["detail"] for one in (reply, odd_bid) for error in one["errors"]]
    assert len(details) == 5
    assert all(detail.startswith("must ") for detail in details), details
    assert odd_cursor["detail"] == "cursor: is not a cursor of this list"
    assert "regex" not in reply["detail"] + odd_bid["detail"]


def test_text_in_any_writing_system_is_stored_unchanged(api: Api, sam: str) -> None:
    body = {"title": "Łódź 😀 \u200f " + "ü" * 100, "description": "tab\tand\nlines\r\n\u2028", "terms": {}}
    state = api.post("/v1/auctions", body, by=sam).json()
    assert (state["title"], state["description"]) == (body["title"], body["description"])
    assert api.state(state["auction_id"])["title"] == body["title"]


def test_one_answer_names_a_bounded_number_of_faults(api: Api, sam: str) -> None:
    body = {f"field{number}": number for number in range(3_000)}
    answer = api.post("/v1/auctions", body, by=sam)
    assert len(wrong_fields(answer)) == 50
    assert len(answer.content) < 5_000


def test_all_texts_at_their_maximum_length_are_accepted_together_however_they_are_escaped(
    api: Api, sam: str
) -> None:
    def escaped(text: str) -> str:
        units = text.encode("utf-16-be").hex()
        return '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'

    address = "https://a.example/"
    urls = ",".join([escaped(address + "x" * (2_048 - len(address)))] * 10)
    title, description = escaped("\U0001f600" * 140), escaped("\U0001f600" * 5_000)
    increments = ",".join(f"[{row * 10**10},{10**12}]" for row in range(64))
    texts = f'"title":{title},"description":{description},"image_urls":[{urls}]'
    body = f'{{{texts},"terms":{{"increments":[{increments}]}}}}'
    answer = api.post("/v1/auctions", body, by=sam)
    assert answer.status_code == 201, answer.text[:500]


@pytest.mark.parametrize("char", ["\x80", "\x85", "\x9b", "\x9f"])
def test_control_characters_of_latin_1_are_refused_in_title_and_description(api: Api, sam: str, char: str) -> None:
    body = {"title": f"a{char}b", "description": f"a{char}b", "terms": {}}
    assert asked(api, sam, body) == ["title", "description"]


@pytest.mark.parametrize(
    "title",
    ["\u200b", "\u2800\u3164", "\u00a0 \u2060", "\ufeff\u00ad", "\u202e", "\U000e0062\U000e007f", "\U000e0100"],
)
def test_a_title_of_only_invisible_characters_is_refused(api: Api, sam: str, title: str) -> None:
    assert asked(api, sam, {"title": title, "terms": {}}) == ["title"]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"])
def test_a_title_is_one_line_and_leaves_the_direction_of_other_text_alone(api: Api, sam: str, char: str) -> None:
    assert asked(api, sam, {"title": f"a{char}b", "terms": {}}) == ["title"]


def test_a_title_may_be_written_from_right_to_left(api: Api, sam: str) -> None:
    title = "\u200f\u05e9\u05dc\u05d5\u05dd 7"

    assert api.post("/v1/auctions", {"title": title, "terms": {}}, by=sam).json()["title"] == title


def test_a_start_time_in_seconds_is_refused_and_one_an_hour_ago_is_accepted(api: Api, sam: str) -> None:
    now = int(time.time())
    assert asked(api, sam, {"title": "x", "terms": {}, "starts_at": now}) == ["starts_at"]
    assert asked(api, sam, {"title": "x", "terms": {}, "starts_at": (now - 90_000) * 1000}) == ["starts_at"]
    late = {"title": "x", "terms": {}, "starts_at": (now - 3_600) * 1000}
    assert api.post("/v1/auctions", late, by=sam).json()["status"] == "open"
