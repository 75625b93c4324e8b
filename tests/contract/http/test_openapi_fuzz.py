"""Requests generated from the service's own OpenAPI: every answer is one that it documents, and none a 500."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from blytz.apps.auction import openapi
from tests.contract.specs.request_oracle import Contract
from tests.support.http import Api

EXAMPLES = 60
MANY = 1_000
"""For each operation, several minutes for all of them."""
GENERATED_ONLY = settings(
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
)

schema = schemathesis.openapi.from_dict(openapi())


@pytest.fixture(scope="module")
def auction_id(api: Api, sam: str) -> str:
    return api.create(sam, duration_ms=30 * 24 * 60 * 60 * 1000)


@pytest.fixture(scope="module")
def contract() -> Iterator[Contract]:
    contract = Contract(openapi())
    yield contract
    # If only one operation is run, it may have no invalid requests.
    if contract.requests.total() > EXAMPLES * 10:
        assert min(contract.requests[True], contract.requests[False]) > contract.requests.total() / 5, (
            contract.requests
        )
        assert contract.requests[None] < contract.requests.total() / 50, contract.requests


@schema.parametrize()
@settings(GENERATED_ONLY, max_examples=EXAMPLES, derandomize=True)  # A failure is then caused by a change.
def test_every_answer_is_as_documented(
    case: schemathesis.Case[Any], api: Api, sam: str, auction_id: str, contract: Contract
) -> None:
    _try(case, api, sam, auction_id, contract)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@schema.parametrize()
@settings(GENERATED_ONLY, max_examples=MANY, derandomize=False, print_blob=True)
def test_every_answer_to_very_many_requests_is_as_documented(
    case: schemathesis.Case[Any], api: Api, sam: str, auction_id: str, contract: Contract
) -> None:
    _try(case, api, sam, auction_id, contract)


def _try(case: schemathesis.Case[Any], api: Api, token: str, auction_id: str, contract: Contract) -> None:
    if "auction_id" in case.path_parameters and len(str(case.path_parameters["auction_id"])) % 2:
        case.path_parameters["auction_id"] = auction_id
    answer = case.call(base_url=str(api.http.base_url).rstrip("/"), headers={"Authorization": f"Bearer {token}"})
    contract.check(case, answer)


def test_the_served_openapi_document_is_the_one_that_specs_are_made_from(api: Api) -> None:
    served = api.get("/v1/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.json() == json.loads(json.dumps(openapi()))
    assert served.json()["openapi"].startswith("3.1")
