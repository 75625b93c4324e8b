"""Terms that a seller may not set: the field and the reason."""

from typing import Any

import msgspec
import pytest

from blytz.auction.model import Auction, Terms
from blytz.auction.rules import faults_in


def refused(**terms: Any) -> str:
    """The error when these terms are parsed, `''` if they are well formed."""
    try:
        msgspec.convert(terms, Terms, strict=True)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def test_the_default_terms_of_the_protocol_are_valid() -> None:
    assert faults_in(Terms()) == []


@pytest.mark.parametrize(
    ("terms", "field", "why"),
    [
        ({"increments": ()}, "increments", "1 to 64 rows"),
        ({"increments": tuple((row, 1) for row in range(65))}, "increments", "1 to 64 rows"),
        ({"increments": ((1, 100),)}, "increments", "start from price 0"),
        ({"increments": ((0, 100), (0, 200))}, "increments", "higher price"),
        ({"increments": ((0, 100), (500, 200), (400, 300))}, "increments", "higher price"),
        ({"increments": ((0, 100), (500, 99))}, "increments", "smaller than the step"),
        ({"increments": ((0, 100), (10**12 + 1, 200))}, "increments", "above 1000000000000"),
        ({"start_price": 500, "buy_now_price": 500}, "buy_now_price", "above start_price"),
        ({"start_price": 500, "buy_now_price": 499}, "buy_now_price", "above start_price"),
        ({"reserve_price": 501, "buy_now_price": 500}, "buy_now_price", "at least reserve_price"),
        ({"duration_ms": 5_000, "max_total_ms": 4_999}, "max_total_ms", "shorter than duration_ms"),
    ],
)
def test_a_fault_names_its_field_and_says_why(terms: dict[str, Any], field: str, why: str) -> None:
    ((found, detail),) = faults_in(Terms(**terms))
    assert found == field
    assert why in detail


@pytest.mark.parametrize(
    "terms",
    [
        {"increments": tuple((row, 1) for row in range(64))},
        {"increments": ((0, 1),)},
        {"increments": ((0, 100), (1, 100))},
        {"increments": ((0, 100), (10**12, 200))},
        {"start_price": 500, "buy_now_price": 501},
        {"reserve_price": 500, "buy_now_price": 500},
        {"duration_ms": 5_000, "max_total_ms": 5_000},
        {"start_price": 500, "reserve_price": 1},
    ],
)
def test_terms_at_their_bounds_are_valid(terms: dict[str, Any]) -> None:
    assert faults_in(Terms(**terms)) == []


def test_all_faults_are_reported_together() -> None:
    terms = Terms(increments=(), start_price=9, buy_now_price=9, duration_ms=5_000, max_total_ms=1_000)
    assert [field for field, _ in faults_in(terms)] == ["increments", "buy_now_price", "max_total_ms"]


@pytest.mark.parametrize("field", ["start_price", "reserve_price", "buy_now_price"])
def test_a_price_is_a_whole_number_from_one_to_10_to_the_12(field: str) -> None:
    for fine in (1, 10**12):
        assert refused(**{field: fine}) == ""
    for wrong in (0, -1, 10**12 + 1, 2**53, 2**64, 1.5, float("nan"), "7", "1e3", True):
        assert f"$.{field}" in refused(**{field: wrong})


@pytest.mark.parametrize(
    ("field", "least"),
    [("duration_ms", 1_000), ("max_total_ms", 1_000), ("extension_window_ms", 0), ("extension_ms", 0)],
)
def test_a_duration_is_at_most_thirty_days(field: str, least: int) -> None:
    most = 30 * 24 * 60 * 60 * 1000
    for fine in (least, most):
        assert refused(**{field: fine}) == ""
    for wrong in (least - 1, most + 1, 2**53, 1.5, "60000"):
        assert f"$.{field}" in refused(**{field: wrong})


@pytest.mark.parametrize(
    "rows", [[[0]], [[0, 1, 2]], [[-1, 5]], [[0, 0]], [[0, 10**12 + 1]], [[0, "1"]], [[0.5, 1]], "0:1"]
)
def test_a_row_of_increments_is_a_price_and_a_step(rows: Any) -> None:
    assert "$.increments" in refused(increments=rows)


@pytest.mark.parametrize(
    ("field", "value"), [("currency", "usd"), ("currency", "EURO"), ("ending", "never"), ("surprise", 1)]
)
def test_an_unknown_enum_value_is_refused(field: str, value: object) -> None:
    assert field in refused(**{field: value})


def test_a_currency_is_checked_for_the_form_of_iso_4217_only() -> None:
    assert [refused(currency=code) for code in ("EUR", "XTS", "ZZZ")] == ["", "", ""]


def test_terms_are_immutable() -> None:
    with pytest.raises(AttributeError):
        Terms().start_price = 5  # type: ignore[misc]
    assert Auction.__struct_config__.frozen
