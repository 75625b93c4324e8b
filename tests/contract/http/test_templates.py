"""Templates of terms over HTTP."""

from typing import Any

import pytest

from tests.contract.http.test_shows import call
from tests.support.http import Api, problem, wrong_fields

PATH = "/v1/terms-templates"


def test_a_seller_keeps_templates_of_his_own(api: Api) -> None:
    seller, other = api.token("A seller with templates", "seller"), api.token("Another of them", "seller")
    body = {"name": "Fast", "terms": {"start_price": 700, "reserve_price": 5_123}}

    made, again = (api.post(PATH, body, by=seller, Idempotency_Key="t-1").json() for _ in range(2))

    assert made == again
    assert (made["terms"]["start_price"], made["terms"]["reserve_price"]) == (700, 5_123)
    problem(api.post(PATH, body, by=seller), 409, "name_taken")
    renamed = call(api, "PATCH", f"{PATH}/{made['template_id']}", {"name": "Quick"}, by=seller).json()
    assert renamed == made | {"name": "Quick"}
    assert api.get(PATH, by=seller).json() == {"templates": [renamed]}
    assert api.get(PATH, by=other).json() == {"templates": []}
    for method, change in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        problem(call(api, method, f"{PATH}/{made['template_id']}", change, by=other), 403, "forbidden")
    assert call(api, "DELETE", f"{PATH}/{made['template_id']}", by=seller).status_code == 204
    problem(
        call(api, "PATCH", f"{PATH}/{made['template_id']}", {"name": "A"}, by=seller), 404, "template_not_found"
    )


@pytest.mark.parametrize(
    ("body", "paths"),
    [({}, ["name", "terms"]), ({"name": "A", "terms": {"buy_now_price": 1}}, ["terms.buy_now_price"])],
)
def test_every_wrong_field_of_a_template_is_named(api: Api, sam: str, body: Any, paths: list[str]) -> None:
    assert wrong_fields(api.post(PATH, body, by=sam)) == paths
