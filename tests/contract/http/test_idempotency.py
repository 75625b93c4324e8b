"""A write repeated with its Idempotency-Key is executed once, and every repetition gets the first answer."""

import concurrent.futures
import itertools
from typing import Any

import httpx
import pytest

from tests.support.http import Api, problem, wrong_fields

THING = {"title": "A thing", "terms": {}}
_numbers = itertools.count(1)


def new_key() -> str:
    return f"key-{next(_numbers)}"


def sent(api: Api, path: str, body: Any, by: str, key: str) -> httpx.Response:
    return api.post(f"/v1/auctions{path}", body, by=by, idempotency_key=key)


def without_time(answer: httpx.Response) -> dict[str, Any]:
    """Without the time of the answer, which is the only difference in a repetition."""
    assert answer.is_success, answer.text
    return {name: value for name, value in answer.json().items() if name != "server_at"}


def kinds(api: Api, auction_id: str) -> list[str]:
    return [event["kind"] for event in api.get(f"/v1/auctions/{auction_id}/events").json()["events"]]


def test_a_repeated_creation_makes_one_auction(api: Api, sam: str, anna: str) -> None:
    key = new_key()
    first = sent(api, "", THING, sam, key)
    api.bid(first.json()["auction_id"], 500, by=anna)
    second = sent(api, "", THING, sam, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert without_time(second) == without_time(first)


@pytest.mark.parametrize(
    ("verb", "body", "before"),
    [
        ("extend", {"by_ms": 5_000}, ""),
        ("pause", None, ""),
        ("resume", None, "pause"),
        ("cancel", None, ""),
        ("close", None, ""),
    ],
)
def test_a_repeated_write_makes_one_event(api: Api, sam: str, verb: str, body: Any, before: str) -> None:
    auction_id, key = api.create(sam), new_key()
    if before:
        sent(api, f"/{auction_id}/{before}", None, sam, new_key())
    first = sent(api, f"/{auction_id}/{verb}", body, sam, key)
    so_far = kinds(api, auction_id)
    assert without_time(sent(api, f"/{auction_id}/{verb}", body, sam, key)) == without_time(first)
    assert kinds(api, auction_id) == so_far


def test_a_repeated_write_gets_its_first_answer_even_if_the_auction_has_changed(
    api: Api, sam: str, anna: str
) -> None:
    auction_id, key = api.create(sam), new_key()
    first = sent(api, f"/{auction_id}/extend", {"by_ms": 5_000}, sam, key)
    api.bid(auction_id, 500, by=anna)
    assert without_time(sent(api, f"/{auction_id}/extend", {"by_ms": 5_000}, sam, key)) == without_time(first)


def test_without_a_key_every_write_is_executed(api: Api, sam: str) -> None:
    auction_id = api.create(sam)
    for _ in range(2):
        assert api.post(f"/v1/auctions/{auction_id}/extend", {"by_ms": 5_000}, by=sam).status_code == 200
    assert kinds(api, auction_id) == ["opened", "extended_by_seller", "extended_by_seller"]


def test_a_key_with_another_body_or_address_is_refused(api: Api, sam: str) -> None:
    auction_id, other, key = api.create(sam), api.create(sam), new_key()
    sent(api, f"/{auction_id}/extend", {"by_ms": 5_000}, sam, key)
    for path, body in ((f"/{auction_id}/extend", {"by_ms": 6_000}), (f"/{other}/extend", {"by_ms": 5_000}),
                       (f"/{auction_id}/pause", None), (f"/{auction_id}/close", None), ("", THING)):  # fmt: skip
        problem(sent(api, path, body, sam, key), 409, "idempotency_key_reused")
    assert kinds(api, auction_id) == ["opened", "extended_by_seller"]


def test_two_users_may_use_the_same_key(api: Api, sam: str) -> None:
    tim, key = api.token("Tim", "seller"), new_key()
    ids = {sent(api, "", THING, by, key).json()["auction_id"] for by in (sam, tim)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "key!", "a.b"])
def test_a_malformed_key_is_refused_and_named(api: Api, sam: str, key: str) -> None:
    assert wrong_fields(sent(api, "", THING, sam, key)) == ["idempotency_key"]


def test_a_key_may_have_64_characters(api: Api, sam: str) -> None:
    assert sent(api, "", THING, sam, "a-_Z" * 15 + "0000").status_code == 201


def test_a_malformed_request_does_not_use_up_its_key(api: Api, sam: str) -> None:
    key = new_key()
    assert sent(api, "", {"title": "A thing"}, sam, key).status_code == 422
    assert sent(api, "", THING, sam, key).status_code == 201


def test_of_many_concurrent_requests_with_one_key_exactly_one_is_executed(api: Api, sam: str) -> None:
    auction_id, key = api.create(sam), new_key()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(sent, api, f"/{auction_id}/extend", {"by_ms": 5_000}, sam, key) for _ in range(8)]
        answers = [without_time(call.result()) for call in calls]
    assert answers == [answers[0]] * 8
    assert kinds(api, auction_id) == ["opened", "extended_by_seller"]
