"""Creating, listing and reading auctions over HTTP."""

import time
from typing import Any

import pytest
from msgspec import json

from tests.support.http import Api, problem, wrong_fields
from tests.support.redis import RedisServer

DAY_MS = 24 * 60 * 60 * 1000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_new_auction_is_open_at_once_and_shows_its_terms(api: Api, sam: str) -> None:
    body = {
        "title": "A thing",
        "description": "Old\nand worn",
        "image_urls": ["https://images.example/1.jpg"],
        "terms": {"start_price": 500, "currency": "EUR", "buy_now_price": 9_000, "increments": [[0, 50]]},
    }
    created = api.post("/v1/auctions", body, by=sam)
    assert created.status_code == 201
    state = created.json()
    assert state["auction_id"].startswith("auc_")
    assert {name: state[name] for name in ("status", "seq", "price", "minimum", "leader", "bid_count")} == {
        "status": "open", "seq": 1, "price": 0, "minimum": 500, "leader": None, "bid_count": 0,
    }  # fmt: skip
    assert state["seller"]["name"] == "Sam"
    assert (state["title"], state["description"], state["image_urls"]) == (
        "A thing",
        "Old\nand worn",
        ["https://images.example/1.jpg"],
    )
    assert state["terms"]["currency"] == "EUR"
    assert state["terms"]["increments"] == [[0, 50]]
    assert state["buy_now_price"] == 9_000
    assert state["ends_at"] - state["opened_at"] == state["terms"]["duration_ms"] == 60_000
    assert abs(state["server_at"] - state["opened_at"]) < 5_000
    later = api.state(state["auction_id"])
    assert later | {"server_at": 0} == state | {"server_at": 0}


def test_the_reserve_is_never_shown(api: Api, sam: str) -> None:
    created = api.post("/v1/auctions", {"title": "x", "terms": {"reserve_price": 777_777}}, by=sam)
    auction_id = created.json()["auction_id"]
    pages = [created.text, api.get(f"/v1/auctions/{auction_id}", by=sam).text]
    pages += [api.get(f"/v1/auctions/{auction_id}/events").text, api.get("/v1/auctions").text]
    assert not [page for page in pages if "777777" in page or "reserve_price" in page]
    assert created.json()["reserve_met"] is False


@pytest.mark.parametrize("ago_ms", [0, 1, DAY_MS - 60_000])
def test_a_start_that_has_passed_opens_at_once(api: Api, sam: str, ago_ms: int) -> None:
    body = {"title": "x", "terms": {}, "starts_at": now_ms() - ago_ms}
    assert api.post("/v1/auctions", body, by=sam).json()["status"] == "open"


def test_an_auction_may_be_scheduled_up_to_a_year_ahead(api: Api, sam: str) -> None:
    body: dict[str, Any] = {"title": "x", "terms": {}, "starts_at": now_ms() + 364 * DAY_MS}
    state = api.post("/v1/auctions", body, by=sam).json()
    assert (state["status"], state["seq"], state["ends_at"]) == ("scheduled", 0, None)
    assert state["starts_at"] == body["starts_at"]
    refused = api.post("/v1/auctions", body | {"starts_at": now_ms() + 367 * DAY_MS}, by=sam)
    assert problem(refused, 422, "invalid_request")["errors"][0]["path"] == "starts_at"


def test_only_sellers_and_admins_create(api: Api, anna: str, sam: str) -> None:
    body = {"title": "x", "terms": {}}
    problem(api.post("/v1/auctions", body, by=anna), 403, "forbidden")
    problem(api.post("/v1/auctions", body), 401, "unauthenticated")
    assert api.post("/v1/auctions", body, by=sam).status_code == 201
    assert api.post("/v1/auctions", body, by=api.token("Ada", "admin")).status_code == 201


def test_pages_list_auctions_newest_first_without_gap_or_repeat(redis: RedisServer, api: Api, sam: str) -> None:
    created = [api.create(sam) for _ in range(7)]
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        answer = api.get("/v1/auctions", limit=3, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200
        seen += [auction["auction_id"] for auction in answer.json()["auctions"]]
        cursor, pages = answer.json()["cursor"], pages + 1
    assert seen == sorted(created, reverse=True)
    assert pages <= 4


def test_a_list_can_be_filtered_by_status(redis: RedisServer, api: Api, sam: str) -> None:
    cancelled, still_open = api.create(sam), api.create(sam)
    api.post(f"/v1/auctions/{cancelled}/cancel", by=sam)

    def listed(status: str) -> list[str]:
        page = api.get("/v1/auctions", status=status).json()
        return [auction["auction_id"] for auction in page["auctions"]]

    assert listed("open") == [still_open]
    assert listed("cancelled") == [cancelled]
    assert listed("sold") == []


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"status": "closed"}, "status"),
        ({"cursor": "a b"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "x" * 65}, "cursor"),
        ({"cursor": "x\n"}, "cursor"),
        ({"statu": "open"}, "statu"),
        ({"status": "open", "Limit": 5}, "Limit"),
        ({"limit": "1.0"}, "limit"),
        ({"limit": "1e1"}, "limit"),
        ({"x" * 200: ""}, "x" * 64),
    ],
)
def test_an_invalid_query_is_refused(api: Api, params: dict[str, Any], path: str) -> None:
    body = problem(api.get("/v1/auctions", **params), 422, "invalid_request")
    assert [error["path"] for error in body["errors"]] == [path]


def test_an_unknown_query_parameter_is_refused(api: Api, sam: str) -> None:
    root = f"/v1/auctions/{api.create(sam)}"
    assert wrong_fields(api.get(root, by=sam, your_ceiling=1)) == ["your_ceiling"]
    assert wrong_fields(api.get(f"{root}/events", after="1.0")) == ["after"]
    assert wrong_fields(api.get(f"{root}/events", auction_id="x", seq=1)) == ["auction_id", "seq"]
    assert wrong_fields(api.post(f"{root}/pause?hours=1", by=sam)) == ["hours"]
    assert wrong_fields(api.post(f"{root}/bids?amount=5", {"bid_id": "b", "amount": 5}, by=sam)) == ["amount"]
    problem(api.post(f"{root}/bids?amount=5", {"bid_id": "b", "amount": 5}), 401, "unauthenticated")
    assert api.state(root.rpartition("/")[2])["seq"] == 1, "no auction was created"
    # Health checks may add parameters, which some clients use to avoid caches.
    assert api.get("/health", now=5).status_code == 200


def test_every_invalid_query_parameter_is_named(api: Api, sam: str) -> None:
    answer = api.get("/v1/auctions", limit=0, status="closed")
    assert {error["path"] for error in problem(answer, 422, "invalid_request")["errors"]} == {"limit", "status"}
    answer = api.get("/v1/auctions", limit=0, statu="open", status="closed", cursor="x")
    assert set(wrong_fields(answer)) == {"limit", "statu", "status"}
    assert set(wrong_fields(api.get("/v1/auctions", limit="1.0", status="closed"))) == {"limit", "status"}
    answer = api.get(f"/v1/auctions/{api.create(sam)}/events", after=-1, limit=501)
    assert {error["path"] for error in problem(answer, 422, "invalid_request")["errors"]} == {"after", "limit"}


def test_events_are_numbered_without_gaps_public_and_paged(api: Api, sam: str, anna: str, ben: str) -> None:
    auction_id = api.create(sam)
    api.bid(auction_id, 5_000, by=anna, kind="max")
    api.bid(auction_id, 200, by=ben)
    api.bid(auction_id, 9_000, by=anna, kind="max")
    whole = api.get(f"/v1/auctions/{auction_id}/events").json()
    assert whole["seq"] == 4
    assert [(event["seq"], event["kind"]) for event in whole["events"]] == [
        (1, "opened"),
        (2, "bid"),
        (3, "bid"),
        (4, "ceiling_raised"),
    ]
    assert whole["events"][2]["bidder"]["name"] == "Ben"
    hidden = {"ceiling", "amount", "bid_id", "bid_kind", "actor", "request_id"}
    assert not [event for event in whole["events"] if hidden & set(event)]
    page = api.get(f"/v1/auctions/{auction_id}/events", after=1, limit=2).json()
    assert page == {"events": whole["events"][1:3], "seq": 4}
    assert api.get(f"/v1/auctions/{auction_id}/events", after=4).json() == {"events": [], "seq": 4}
    assert api.get(f"/v1/auctions/{auction_id}/events", after=2**53 - 1).json() == {"events": [], "seq": 4}


def test_http_returns_every_event_of_the_log_unchanged(redis: RedisServer, api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam, duration_ms=5_000)
    api.bid(auction_id, 500, by=anna, kind="max")
    api.bid(auction_id, 900, by=anna, kind="max")
    for verb, body in (("extend", {"by_ms": 1_000}), ("pause", None), ("resume", None), ("close", None)):
        assert api.post(f"/v1/auctions/{auction_id}/{verb}", body, by=sam).status_code == 200
    entries = redis.ask("XRANGE", f"auction:{{{auction_id}}}:events", "-", "+")
    assert len(entries) == 7
    shown = api.get(f"/v1/auctions/{auction_id}/events").json()["events"]
    assert shown == [json.decode(fields[1]) for _, fields in entries]


def test_only_the_leader_sees_its_ceiling(api: Api, sam: str, anna: str, ben: str) -> None:
    auction_id = api.create(sam)
    api.bid(auction_id, 7_500, by=anna, kind="max")
    assert api.state(auction_id, by=anna)["your_ceiling"] == 7_500
    for other in (None, ben, sam, api.token("Ada", "admin")):
        assert "7500" not in api.get(f"/v1/auctions/{auction_id}", by=other).text
        assert "your_ceiling" not in api.state(auction_id, by=other)
    (mine,) = [a for a in api.get("/v1/auctions", by=anna).json()["auctions"] if a["auction_id"] == auction_id]
    assert mine["your_ceiling"] == 7_500


@pytest.mark.parametrize("auction_id", ["auc_none", "x" * 65, "a b", "a}b", "%00", "%0A", "ł"])
def test_an_auction_that_does_not_exist_is_not_found(api: Api, sam: str, auction_id: str) -> None:
    root = f"/v1/auctions/{auction_id}"
    answers = [api.get(root), api.get(f"{root}/events")]
    answers += [api.post(f"{root}/{verb}", by=sam) for verb in ("pause", "resume", "cancel", "close")]
    answers.append(api.post(f"{root}/extend", {"by_ms": 1_000}, by=sam))
    answers.append(api.post(f"{root}/bids", {"bid_id": "b", "amount": 1}, by=sam))
    for answer in answers:
        problem(answer, 404, "auction_not_found")


def test_a_page_of_one_status_reads_full_states_only_of_the_auctions_it_returns(
    api: Api, sam: str, shared_redis: RedisServer
) -> None:
    for _ in range(20):
        api.create(sam)
    cancelled = api.create(sam)
    api.post(f"/v1/auctions/{cancelled}/cancel", by=sam)

    def whole_states_read() -> int:
        found = shared_redis.info("commandstats").get("cmdstat_hgetall", "calls=0")
        return int(found.partition("calls=")[2].partition(",")[0])

    before = whole_states_read()
    assert len(api.get("/v1/auctions", status="open", limit=3).json()["auctions"]) == 3
    assert whole_states_read() - before == 3
