"""How a seller changes an auction over HTTP, and who may not."""

from typing import Any

import pytest

from tests.support.http import Api, problem, wrong_fields

VERBS: dict[str, Any] = {"pause": None, "resume": None, "cancel": None, "close": None, "extend": {"by_ms": 1_000}}


def do(api: Api, auction_id: str, verb: str, by: str | None, body: Any = None) -> Any:
    return api.post(f"/v1/auctions/{auction_id}/{verb}", body or VERBS[verb], by=by)


def test_a_pause_keeps_the_remaining_time_and_a_resume_gives_it_back(api: Api, sam: str) -> None:
    auction_id = api.create(sam)
    paused = do(api, auction_id, "pause", sam)
    assert paused.status_code == 200
    state = paused.json()
    assert (state["status"], state["ends_at"]) == ("paused", None)
    assert 0 < state["remaining_ms"] <= 60_000
    problem(do(api, auction_id, "pause", sam), 409, "auction_not_open")
    problem(do(api, auction_id, "extend", sam), 409, "auction_not_open")
    resumed = do(api, auction_id, "resume", sam).json()
    assert (resumed["status"], resumed["remaining_ms"]) == ("open", None)
    event = api.get(f"/v1/auctions/{auction_id}/events").json()["events"][-1]
    assert (event["kind"], resumed["ends_at"] - event["at"]) == ("resumed", state["remaining_ms"])
    problem(do(api, auction_id, "resume", sam), 409, "auction_not_paused")


def test_a_cancelled_auction_stays_cancelled(api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam)
    api.bid(auction_id, 500, by=anna)
    assert do(api, auction_id, "cancel", sam).json()["status"] == "cancelled"
    again = do(api, auction_id, "cancel", sam)
    assert (again.status_code, again.json()["seq"]) == (200, 3)
    for verb in ("pause", "extend"):
        problem(do(api, auction_id, verb, sam), 409, "auction_not_open")
    problem(do(api, auction_id, "resume", sam), 409, "auction_not_paused")


def test_close_ends_the_auction_at_once_and_names_the_winner(api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam)
    api.bid(auction_id, 500, by=anna)
    closed = do(api, auction_id, "close", sam)
    assert closed.status_code == 200
    state = closed.json()
    assert (state["status"], state["price"], state["leader"]["name"]) == ("sold", 500, "Anna")
    assert do(api, auction_id, "close", sam).json()["seq"] == state["seq"]
    problem(do(api, auction_id, "cancel", sam), 409, "auction_not_open")
    assert do(api, api.create(sam), "close", sam).json()["status"] == "unsold"


def test_an_extension_stops_at_the_hard_stop(api: Api, sam: str) -> None:
    auction_id = api.create(sam, duration_ms=10_000, max_total_ms=15_000)
    ends_at = api.state(auction_id)["ends_at"]
    assert do(api, auction_id, "extend", sam, {"by_ms": 1_000}).json()["ends_at"] == ends_at + 1_000
    assert do(api, auction_id, "extend", sam, {"by_ms": 60_000}).json()["ends_at"] == ends_at + 5_000
    problem(do(api, auction_id, "extend", sam), 409, "hard_stop_reached")


@pytest.mark.parametrize("by_ms", ["999", "0", "-1000", "2592000001", "1e4", "1000.0", '"1000"', "true", "null"])
def test_an_extension_by_an_invalid_duration_is_refused(api: Api, sam: str, by_ms: str) -> None:
    auction_id = api.create(sam)
    assert wrong_fields(do(api, auction_id, "extend", sam, f'{{"by_ms": {by_ms}}}')) == ["by_ms"]


@pytest.mark.parametrize(
    ("verb", "was"), [("pause", "open"), ("resume", "paused"), ("cancel", "open"), ("close", "open")]
)
def test_a_call_without_a_body_refuses_any_field(api: Api, sam: str, verb: str, was: str) -> None:
    auction_id = api.create(sam)
    path = f"/v1/auctions/{auction_id}/{verb}"
    if was == "paused":
        api.post(f"/v1/auctions/{auction_id}/pause", by=sam)
    assert wrong_fields(api.post(path, {"x": 1}, by=sam)) == ["x"]
    for other in ("nonsense", "[]", '{"by_ms":1000} '):
        problem(api.post(path, other, by=sam), 422, "invalid_request")
    assert api.state(auction_id)["status"] == was
    for nothing in ("{}", "null", " "):
        if was == "paused":
            api.post(f"/v1/auctions/{auction_id}/pause", by=sam)
        assert api.post(path, nothing, by=sam).status_code == 200, nothing
        if verb == "pause":
            api.post(f"/v1/auctions/{auction_id}/resume", by=sam)


def test_a_scheduled_auction_can_be_cancelled_but_not_closed(api: Api, sam: str) -> None:
    body = {"title": "x", "terms": {}, "starts_at": api.state(api.create(sam))["server_at"] + 3_600_000}
    auction_id = api.post("/v1/auctions", body, by=sam).json()["auction_id"]
    problem(do(api, auction_id, "close", sam), 409, "auction_not_open")
    assert do(api, auction_id, "cancel", sam).json()["status"] == "cancelled"


@pytest.mark.parametrize("verb", VERBS)
def test_only_the_seller_and_admins_may_change_an_auction(api: Api, sam: str, anna: str, verb: str) -> None:
    auction_id = api.create(sam)
    for stranger in (anna, api.token("Another seller", "seller"), api.token("Mo", "moderator")):
        problem(do(api, auction_id, verb, stranger), 403, "forbidden")
    problem(do(api, auction_id, verb, None), 401, "unauthenticated")
    assert api.state(auction_id)["seq"] == 1
    answer = do(api, auction_id, verb, api.token("Ada", "admin"))
    assert answer.status_code == (409 if verb == "resume" else 200)
