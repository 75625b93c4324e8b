"""What holds for every call: tokens, problems, body sizes, request ids, operator pages."""

import re
import time
from typing import Any

import httpx
import pytest
from msgspec import json

from blytz.apps.auction import openapi
from tests.support.http import Api, problem, wrong_fields
from tests.support.livekit import NONE_CONFIGURED
from tests.support.redis import RedisServer

LIMIT = 192 * 1024


def post_bid(api: Api, auction_id: str, by: str | None, **headers: str) -> httpx.Response:
    return api.post(f"/v1/auctions/{auction_id}/bids", {"bid_id": "b", "amount": 500}, by=by, **headers)


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "\u00ff", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "a b", "x" * 5_000]
)
def test_an_unsigned_token_is_refused(api: Api, sam: str, token: str) -> None:
    auction_id = api.create(sam)
    headers = {b"authorization": b"Bearer " + token.encode("latin-1")}
    for method, path in (
        ("POST", f"/v1/auctions/{auction_id}/bids"),
        ("POST", "/v1/auctions"),
        ("GET", "/v1/auctions"),
    ):
        answer = api.http.request(method, path, headers=headers, json={} if method == "POST" else None)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert token not in answer.text or len(token) < 5


def test_without_a_token_the_answer_asks_for_one(api: Api, sam: str) -> None:
    auction_id = api.create(sam)
    for answer in (post_bid(api, auction_id, None), api.post("/v1/auctions", {})):
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    basic = post_bid(api, auction_id, None, authorization="Basic c2FtOnNhbQ==")
    problem(basic, 401, "unauthenticated")


def test_an_expired_token_is_refused(api: Api, sam: str) -> None:
    expired = api.token("Anna", lasts_s=-1)
    problem(post_bid(api, api.create(sam), expired), 401, "unauthenticated")
    problem(api.get("/v1/auctions", by=expired), 401, "unauthenticated")


def test_permissions_are_checked_before_the_request(api: Api, sam: str) -> None:
    for path in ("/v1/auctions", f"/v1/auctions/{api.create(sam)}/bids", "/v1/auctions/auc_x/extend"):
        problem(api.post(path, "nonsense"), 401, "unauthenticated")


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v2/auctions", "/v1/auctions/a/b/c", "/v1/nothing", "/schema", "/%00", "/auction/v1/auctions"],
)
def test_an_unknown_route_is_answered_with_a_problem(api: Api, path: str) -> None:
    problem(api.get(path), 404, "not_found")


@pytest.mark.parametrize("name", ["%FE", "a%C3", "%ED%A0%80", "%F5%80%80%80", "%00", "a%0A"])
def test_an_id_in_a_path_that_is_not_text_is_malformed_or_not_found(api: Api, sam: str, name: str) -> None:
    """Bytes that are not UTF-8, and characters that no id has, never match the id of another auction or user."""
    admin = api.token("Ada", "admin")
    problem(api.get(f"/v1/auctions/{name}"), 404, "auction_not_found")
    problem(api.get(f"/v1/auctions/{name}/events"), 404, "auction_not_found")
    problem(api.post(f"/v1/auctions/{name}/pause", by=sam), 404, "auction_not_found")
    problem(api.bid(name, 500, by=sam), 404, "auction_not_found")
    banned = api.http.put(
        f"/v1/admin/bans/{name}", json={"reason": "x"}, headers={"authorization": f"Bearer {admin}"}
    )
    assert wrong_fields(banned) == ["user_id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/auctions", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("DELETE", "/v1/auctions/", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PUT", "/v1//auctions/auc_x//", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/v1/auctions/auc_x", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1/auctions/auc_x/bids", {"POST", "OPTIONS"}),
        ("POST", "/v1/auctions/auc_x/events", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/health", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_an_unsupported_method_is_refused_with_the_allowed_ones(
    api: Api, method: str, path: str, allowed: set[str]
) -> None:
    answer = api.http.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_head_answers_as_get_does_without_the_body(api: Api, sam: str) -> None:
    root = f"/v1/auctions/{api.create(sam)}"
    for path in (root, f"{root}/events", "/v1/auctions", "/health", "/ready", "/v1/auctions/auc_none"):
        whole, head = api.get(path), api.http.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        for name in ("content-type", "content-length"):
            assert head.headers[name] == whole.headers[name], path
    refused = api.http.head(f"{root}/bids")
    assert (refused.status_code, refused.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("path", ["/v1/auctions", "/v1/auctions/auc_x/bids", "/v1/auctions/auc_x/extend"])
def test_a_body_larger_than_64_kib_is_refused(api: Api, sam: str, path: str) -> None:
    at_the_limit = api.post(path, " " * LIMIT, by=sam)
    problem(at_the_limit, 422, "invalid_request")
    problem(api.post(path, " " * (LIMIT + 1), by=sam), 413, "too_large")

    def chunks() -> Any:
        for _ in range(LIMIT // 1024 + 1):
            yield b" " * 1024

    in_chunks = api.http.post(path, content=chunks(), headers={"authorization": f"Bearer {sam}"})
    problem(in_chunks, 413, "too_large")


def test_the_request_id_of_the_gateway_reaches_the_event(
    redis: RedisServer, api: Api, sam: str, anna: str
) -> None:
    created = api.post("/v1/auctions", {"title": "x", "terms": {}}, by=sam, x_request_id="req-of-sam")
    assert created.headers["x-request-id"] == "req-of-sam"
    auction_id = created.json()["auction_id"]
    assert post_bid(api, auction_id, anna, x_request_id="req-of-anna").headers["x-request-id"] == "req-of-anna"
    api.post(f"/v1/auctions/{auction_id}/pause", by=sam, x_request_id="req:3.4_5")
    entries = redis.ask("XRANGE", f"auction:{{{auction_id}}}:events", "-", "+")
    private = [json.decode(fields[3]) for _, fields in entries]
    assert [part["request_id"] for part in private] == ["req-of-sam", "req-of-anna", "req:3.4_5"]
    assert "req-of" not in api.get(f"/v1/auctions/{auction_id}/events").text


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "a\\b", "a;b", "\u00ff", None])
def test_an_unsafe_request_id_is_replaced(
    redis: RedisServer, api: Api, sam: str, anna: str, given: str | None
) -> None:
    auction_id = api.create(sam)
    headers = {b"authorization": f"Bearer {anna}".encode()}
    if given is not None:
        headers[b"x-request-id"] = given.encode("latin-1")
    body = {"bid_id": "b", "amount": 500}
    answer = api.http.post(f"/v1/auctions/{auction_id}/bids", json=body, headers=headers)
    made = answer.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    (_, fields) = redis.ask("XRANGE", f"auction:{{{auction_id}}}:events", "2-0", "2-0")[0]
    assert json.decode(fields[3])["request_id"] == made


def test_problems_carry_the_request_id_too(api: Api, anna: str) -> None:
    for answer in (
        post_bid(api, "auc_none", anna, x_request_id="r1"),
        api.post("/v1/auctions", "nonsense", by=anna, x_request_id="r1"),
        api.http.get("/nowhere", headers={"x-request-id": "r1"}),
    ):
        assert answer.headers["x-request-id"] == "r1"


def test_health_ready_and_metrics(api: Api, sam: str, anna: str) -> None:
    assert api.get("/health").json() == {"status": "ok"}
    ready = api.get("/ready")
    up = {name: {"state": "up"} for name in ("redis", "database", "archive", "clock", "tasks")}
    assert (ready.status_code, ready.json()) == (
        200,
        {"ready": True, "dependencies": {**up, "video": NONE_CONFIGURED}},
    )
    before = metrics(api)
    auction_id = api.create(sam)
    post_bid(api, auction_id, anna)
    post_bid(api, auction_id, anna)
    api.bid(auction_id, 1, by=sam)
    after = metrics(api)

    def grown(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert grown('blytz_bids_total{code="",outcome="accepted"}') == 1
    assert grown('blytz_bids_total{code="",outcome="replayed"}') == 1
    assert grown('blytz_bids_total{code="bidder_is_seller",outcome="refused"}') == 1
    assert grown("blytz_bid_decision_seconds_count") == 3
    assert 0 < grown("blytz_bid_decision_seconds_sum") < 3
    assert grown('blytz_http_requests_total{status="201"}') == 3
    assert grown('blytz_http_requests_total{status="409"}') == 1
    assert after["blytz_redis_up"] == 1
    assert after["blytz_redis_in_flight"] == 0


def metrics(api: Api) -> dict[str, float]:
    answer = api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_sign_in_returns_a_working_token(api: Api) -> None:
    answer = api.post("/v1/dev/sign-in", {"name": "Dora", "roles": ["seller", "bidder"]})
    assert answer.status_code == 200
    token = answer.json()["token"]
    principal = api.issuer.verify(token)
    assert (principal.name, set(principal.roles)) == ("Dora", {"seller", "bidder"})
    assert principal.expires_at > time.time() * 1000
    assert api.state(api.create(token))["seller"]["name"] == "Dora"
    assert api.issuer.verify(api.post("/v1/dev/sign-in", {"name": "Eve"}).json()["token"]).roles == ("bidder",)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\u001b[0m"}, "name"),
        ({"name": "a", "roles": []}, "roles"),
        ({"name": "a", "roles": ["root"]}, "roles[0]"),
        ({"name": "a", "roles": "admin"}, "roles"),
        ({"name": "a", "roles": ["bidder"] * 5}, "roles"),
        ({"name": "a", "sub": "usr_b"}, "sub"),
    ],
)
def test_a_sign_in_with_unknown_roles_or_no_name_is_refused(api: Api, body: Any, path: str) -> None:
    answer = api.post("/v1/dev/sign-in", body)
    assert [error["path"] for error in problem(answer, 422, "invalid_request")["errors"]] == [path]


def test_tokens_ceilings_and_routine_requests_are_not_logged(api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam)
    api.bid(auction_id, 123_456_789, by=anna, kind="max")
    api.bid(auction_id, 1, by=anna)
    post_bid(api, auction_id, anna[:-3] + "xxx")
    api.post("/v1/auctions", "nonsense", by=anna)
    log = api.service.log()
    assert "listening" in log
    assert not [word for word in ("123456789", anna, sam, anna.split(".")[2][:20], "Traceback") if word in log]


def test_the_served_openapi_document_is_the_one_that_specs_are_made_from(api: Api) -> None:
    served = api.get("/v1/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.json() == json.decode(json.encode(openapi()))
    assert served.json()["openapi"].startswith("3.1")
