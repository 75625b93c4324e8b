"""A change keeps what it does not name: the terms of lots and templates, the settings of shows."""

from typing import Any

import pytest

from tests.contract.http.test_shows import call, made
from tests.support.http import Api, wrong_fields

TERMS = {"start_price": 500, "reserve_price": 900, "duration_ms": 7_000}
FIXED = {"format": "fixed", "price": 1_000, "quantity": 4, "per_buyer": 2}


@pytest.fixture(scope="module")
def sam(api: Api) -> str:
    """A seller of these tests alone: others look for a show of Sam's on the first page of his."""
    return api.token("A seller who changes", "seller")


def lot_of(api: Api, by: str, terms: dict[str, Any], **fields: Any) -> str:
    show_id = made(api, by)["show_id"]
    answer = api.post(f"/v1/shows/{show_id}/lots", {"title": "Tea bowl", "terms": terms, **fields}, by=by)
    assert answer.status_code == 201, answer.text
    return f"/v1/lots/{answer.json()['lot_id']}"


def test_a_change_of_one_term_of_a_lot_keeps_the_others_and_its_reserve(api: Api, sam: str) -> None:
    path = lot_of(api, sam, TERMS)

    changed = call(api, "PATCH", path, {"terms": {"start_price": 600}}, by=sam).json()["terms"]

    assert (changed["start_price"], changed["duration_ms"]) == (600, 7_000)
    # The reserve is hidden, but a price to buy at once must not be below it.
    below = call(api, "PATCH", path, {"terms": {"buy_now_price": 899}}, by=sam)
    assert wrong_fields(below) == ["terms.buy_now_price"]
    assert call(api, "PATCH", path, {"terms": {"buy_now_price": 900}}, by=sam).status_code == 200
    # And of what it has, nothing may contradict what comes.
    assert wrong_fields(call(api, "PATCH", path, {"terms": {"start_price": 900}}, by=sam)) == [
        "terms.buy_now_price"
    ]


def test_null_takes_a_term_away_where_a_lot_may_do_without_it(api: Api, sam: str) -> None:
    path = lot_of(api, sam, TERMS)

    both = {"terms": {"reserve_price": None, "buy_now_price": 501}}
    assert call(api, "PATCH", path, both, by=sam).json()["terms"]["buy_now_price"] == 501
    assert wrong_fields(call(api, "PATCH", path, {"terms": {"start_price": None}}, by=sam)) == [
        "terms.start_price"
    ]


def test_another_format_starts_from_its_defaults(api: Api, sam: str) -> None:
    path = lot_of(api, sam, TERMS)

    missing = call(api, "PATCH", path, {"terms": {"format": "fixed", "price": 700}}, by=sam)
    assert wrong_fields(missing) == ["terms.quantity"]
    fixed = call(api, "PATCH", path, {"terms": FIXED}, by=sam).json()["terms"]
    assert fixed == {**FIXED, "currency": "USD", "sale": None}

    cheaper = call(api, "PATCH", path, {"terms": {"price": 800}}, by=sam).json()["terms"]
    assert cheaper == {**fixed, "price": 800}
    assert wrong_fields(call(api, "PATCH", path, {"terms": {"start_price": 5}}, by=sam)) == ["terms.start_price"]

    auction = call(api, "PATCH", path, {"terms": {"format": "auction", "start_price": 600}}, by=sam).json()[
        "terms"
    ]
    assert (auction["start_price"], auction["duration_ms"]) == (600, 60_000)


def test_a_lot_that_comes_up_again_keeps_the_terms_that_are_not_named(api: Api, sam: str) -> None:
    path = lot_of(api, sam, TERMS)
    show_id = api.get(path).json()["show_id"]
    for act in (f"/v1/shows/{show_id}/start", f"/v1/shows/{show_id}/next", f"{path}/close"):
        assert api.post(act, by=sam).status_code == 200

    wrong = api.post(f"{path}/rerun", {"terms": {"buy_now_price": 500}}, by=sam)
    assert wrong_fields(wrong) == ["terms.buy_now_price"]
    again = api.post(f"{path}/rerun", {"terms": {"start_price": 400}}, by=sam).json()

    assert (again["run"], again["terms"]["start_price"], again["terms"]["duration_ms"]) == (2, 400, 7_000)


def test_a_change_of_one_term_of_a_template_keeps_the_others(api: Api) -> None:
    seller = api.token("A seller with one template", "seller")
    template = api.post("/v1/terms-templates", {"name": "Seven seconds", "terms": TERMS}, by=seller).json()
    path = f"/v1/terms-templates/{template['template_id']}"

    changed = call(api, "PATCH", path, {"terms": {"start_price": 600}}, by=seller).json()

    assert changed == {**template, "terms": {**template["terms"], "start_price": 600}}
    refused = call(api, "PATCH", path, {"terms": {"buy_now_price": 600}}, by=seller)
    assert wrong_fields(refused) == ["terms.buy_now_price"]
    without = call(api, "PATCH", path, {"terms": {"reserve_price": None}}, by=seller).json()
    assert without["terms"]["reserve_price"] is None


def test_a_change_of_one_setting_keeps_the_others_at_every_level(api: Api, sam: str) -> None:
    requirements = {"approval": True, "card": False}
    show = made(api, sam, settings={"slow_mode_ms": 4_000, "bidder_requirements": requirements})
    path = f"/v1/shows/{show['show_id']}"

    changed = call(api, "PATCH", path, {"settings": {"bidder_requirements": {"card": True}}}, by=sam).json()

    assert changed["settings"] == {**show["settings"], "bidder_requirements": {"approval": True, "card": True}}
    for_ever = call(api, "PATCH", path, {"settings": {"host_away_pause_ms": None}}, by=sam).json()
    assert for_ever["settings"] == {**changed["settings"], "host_away_pause_ms": None}
