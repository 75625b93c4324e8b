"""Every example of the OpenAPI documents, sent through the gateway, gets the documented answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from blytz.auction.redis.keys import keys_of
from tests.support.example_runner import ExampleRunner, is_as_shown
from tests.support.operations import Operation, operations
from tests.support.platform import Platform
from tests.support.refusals import WAYS

OPERATIONS = operations()
ONLY_ON_FAILURE = {"auction_ended", "lot_damaged", "too_many_bans"}
"""Theirs is another file: they need a platform that is not well."""
GOOD = [
    pytest.param(operation, status, name, id=f"{operation.id}-{name}")
    for operation in OPERATIONS
    for status in operation.document["responses"]
    if status.startswith("2")
    for name in operation.answer(status).get("examples", {"": None})
]
REFUSED = [
    pytest.param(operation, status, code, id=f"{operation.id}-{code}")
    for operation in OPERATIONS
    for status in operation.document["responses"]
    if status.startswith("4")
    for code in operation.answer(status).get("examples", {})
    if code not in ONLY_ON_FAILURE
]
MAX_TRIES = 200
AT_ONCE = 16


@pytest.fixture(scope="module")
def runner(platform: Platform) -> Iterator[ExampleRunner]:
    runner = ExampleRunner(platform)
    yield runner
    runner.close()


@pytest.fixture(autouse=True)
def other_bidders(runner: ExampleRunner) -> None:
    """Resets the bidders: on a fast machine these tests together exceed the bid limit of one user."""
    runner.anna, runner.ben = runner.person("bidder"), runner.person("bidder")


@pytest.mark.parametrize(("operation", "status", "name"), GOOD)
def test_a_good_request_is_answered_as_shown(
    runner: ExampleRunner, operation: Operation, status: str, name: str
) -> None:
    is_as_shown(runner.send(runner.good(operation, name)), operation, status, name)


@pytest.mark.parametrize(("operation", "status", "code"), REFUSED)
def test_a_refusal_is_answered_as_shown(
    runner: ExampleRunner, operation: Operation, status: str, code: str
) -> None:
    ask = WAYS[code](runner, operation)
    if operation.id == "placeBid" and code in {"bidder_blocked", "bidder_not_approved", "card_required"}:
        with redis.Redis.from_url(runner.platform.redis_url) as store:
            keys = keys_of(ask.parts["auction_id"])
            store.sadd(keys.bidders, f"blocked:{runner.user_id(ask.token)}" if code == "bidder_blocked" else "")
            required = {"bidder_not_approved": "approved", "card_required": "has_card"}
            if code in required:
                store.hset(keys.state, "requirements", required[code])
    if code != "rate_limited":
        is_as_shown(runner.send(ask), operation, status, code)
        return
    # Many at once: one after the other they may be slower than the limit recovers.
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(runner.send, [ask] * MAX_TRIES)
        refused = next((answer for answer in answers if answer.status_code == int(status)), None)
        threads.shutdown(cancel_futures=True)
    assert refused, "the limit was not reached"
    is_as_shown(refused, operation, status, code)
