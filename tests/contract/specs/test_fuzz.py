"""Requests generated from every service's document, through the gateway: every answer conforms, none is a 500."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import missing_required_header, unsupported_method

from tests.contract.specs.request_oracle import Contract
from tests.support.example_runner import ExampleRunner
from tests.support.platform import Platform
from tests.support.specs import SPECS, document

EXAMPLES = 12
"""For each operation: all of them together stay well under 40 s."""
MANY = 400
GENERATED_ONLY = settings(
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
)


def _public(path: Path) -> dict[str, Any]:
    """The document without the operations that are not public."""
    whole: dict[str, Any] = document(f"openapi/{path.name}")
    public = {
        route: item
        for route, item in whole["paths"].items()
        if not any("servers" in operation for operation in item.values())
    }
    return {**whole, "paths": public}


[auction] = [_public(path) for path in sorted(SPECS.glob("openapi/*.yaml"))]
schema = schemathesis.openapi.from_dict(auction)


@pytest.fixture(scope="module")
def runner(platform: Platform) -> Iterator[ExampleRunner]:
    runner = ExampleRunner(platform)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def auction_id(runner: ExampleRunner) -> str:
    return runner.open(duration_ms=30 * 24 * 60 * 60 * 1000)


@pytest.fixture(scope="module")
def contract() -> Iterator[Contract]:
    contract = Contract(auction)
    yield contract
    # If only one operation is run, it may have no invalid requests.
    if contract.requests.total() > EXAMPLES * 10:
        requests = contract.requests
        assert min(requests[True], requests[False]) > requests.total() / 5, requests
        assert requests[None] < requests.total() / 50, requests


@schema.parametrize()
@settings(GENERATED_ONLY, max_examples=EXAMPLES, derandomize=True)  # A failure is then caused by a change.
def test_every_answer_through_the_gateway_conforms_to_its_document(
    case: schemathesis.Case[Any], runner: ExampleRunner, auction_id: str, contract: Contract
) -> None:
    _try(case, runner, auction_id, contract)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@schema.parametrize()
@settings(GENERATED_ONLY, max_examples=MANY, derandomize=False, print_blob=True)
def test_every_answer_to_very_many_requests_through_the_gateway_conforms_to_its_document(
    case: schemathesis.Case[Any], runner: ExampleRunner, auction_id: str, contract: Contract
) -> None:
    _try(case, runner, auction_id, contract)


def _try(case: schemathesis.Case[Any], runner: ExampleRunner, auction_id: str, contract: Contract) -> None:
    if "auction_id" in case.path_parameters and len(str(case.path_parameters["auction_id"])) % 2:
        case.path_parameters["auction_id"] = auction_id
    # A new user each time, so that no user limit is reached.
    token = runner.person("seller", "admin")
    answer = case.call(base_url=f"{runner.platform.url}/auction", headers={"Authorization": f"Bearer {token}"})
    contract.check(case, answer, missing_required_header, unsupported_method)
